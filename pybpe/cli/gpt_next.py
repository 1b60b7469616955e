"""The commands that gpt commands suggest as the next step. They are complete and can be run as printed."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from pybpe.cli.console import typed

if TYPE_CHECKING:
    from pybpe.gpt.settings import Settings
    from pybpe.gpt.vocabulary import Vocabulary

PROMPTS = ("Once", "The", "A", "a")


def resume_command(folder: Path, settings: Settings) -> str:
    """Return the command that continues a run."""
    return f"{settings.command} --resume {typed(folder)}"


def launch_command(folder: Path, settings: Settings) -> str:
    """Return the command that starts a prepared run, in two processes if each can take half the batches of a step."""
    if settings.engine != "torch":
        return resume_command(folder, settings)
    return f"torchrun --nproc_per_node={math.gcd(2, settings.accumulate)} -m pybpe.gpt.train {typed(folder)}"


def sample_command(folder: Path, vocabulary: Vocabulary) -> str:
    """Return the command that samples from a model, with a prompt if its vocabulary has no end-of-text token."""
    from pybpe.gpt.vocabulary import end_of_text

    command = f"pybpe gpt sample {typed(folder)}"
    if end_of_text(vocabulary) is not None:  # without a prompt, the end-of-text token is the prompt
        return command
    return f"{command} --prompt {shlex.quote(example_prompt(vocabulary))}"


def chat_command(folder: Path) -> str:
    """Return the command that talks with a model that was fine-tuned on conversations."""
    return f"pybpe gpt chat {typed(folder)}"


def example_prompt(vocabulary: Vocabulary) -> str:
    """Return a short text that the vocabulary can encode."""
    from pybpe.errors import TokenIdError

    for prompt in (*PROMPTS, *map(vocabulary.decode, ([id_] for id_ in range(vocabulary.n_vocab)))):
        try:
            if prompt.isprintable() and not prompt.startswith("-") and vocabulary.encode_ordinary(prompt):
                return prompt
        except TokenIdError:  # a character that the vocabulary does not have
            continue
    return PROMPTS[0]
