"""The recipe of the chat demo: tokenizer, model, steps and learning rates, and the questions that the demo shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pybpe.gpt.curriculum import Exchange, Scope
from pybpe.gpt.settings import TORCH, Settings

# Asked before and after fine-tuning. No conversation of the curriculum has these words, this sum, or a question phrased
# as the third.
SHOWN = (
    Exchange("How many r are in 'strawberry'?", "3", "'strawberry'.count('r')", "3"),
    Exchange("What is 417 + 86?", "503", "417 + 86", "503"),
    Exchange("Of the letters in 'qzvkzqz', how many are z?", "3", "'qzvkzqz'.count('z')", "3"),
    Exchange("Spell 'strawberry'.", "s-t-r-a-w-b-e-r-r-y"),
    Exchange("Who are you?", "My name is Pair."),
)


@dataclass(frozen=True)
class Recipe:
    """Holds the settings with which a chat demo trains and tests its model.

    vocab_size: of the tokenizer, without special tokens. pretraining: the settings of the run on the text. finetuning:
    {name: value}, as `finetune` takes it. n_conversations, scope, seed: of the curriculum. questions: {test set: number
    of questions} after fine-tuning. questions_before: the largest number of questions of a test set before it.
    """

    vocab_size: int
    pretraining: Settings
    finetuning: Mapping[str, Any]
    n_conversations: int
    questions: Mapping[str, int]
    questions_before: int = 100
    scope: Scope = field(default_factory=Scope)
    seed: int = 42


RECIPE = Recipe(
    vocab_size=256,
    pretraining=Settings(
        **{
            **TORCH,
            "form": "modern",
            "device": "cpu",
            "optimizer": "muon",
            "n_head": 2,
            "block_size": 256,
            "batch_size": 8,
            "steps": 150,
            "lr": 3e-3,
            "final_lr": 0.0,
            "schedule": "warmdown",
            "beta2": 0.95,
            "eval_every": 50,
        }
    ),
    finetuning={
        "device": "cpu",
        "optimizer": "muon",
        "batch_size": 8,
        "steps": 1500,
        "lr": 3e-3,
        "schedule": "warmdown",
        "warmup": 0.02,
        "beta2": 0.95,
        "weight_decay": 0.05,
        "eval_every": 200,
        "save_every": 1000,
    },
    n_conversations=20_000,
    questions={"words": 500, "sums": 200, "templates": 200},
)


def with_changes(recipe: Recipe, *, seed: int, vocab_size: int | None = None, steps: int | None = None) -> Recipe:
    """Return a recipe with another seed of all random numbers.

    vocab_size: another size of the tokenizer (None: no change). steps: the largest number of steps of each training
    (None: no change).
    """
    most = max(recipe.pretraining.steps, recipe.finetuning["steps"]) if steps is None else steps
    return replace(
        recipe,
        vocab_size=recipe.vocab_size if vocab_size is None else vocab_size,
        pretraining=replace(recipe.pretraining, seed=seed, steps=min(most, recipe.pretraining.steps)),
        finetuning={**recipe.finetuning, "seed": seed, "steps": min(most, recipe.finetuning["steps"])},
        seed=seed,
    )
