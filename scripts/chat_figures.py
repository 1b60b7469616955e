"""The figures of the chat demo, with the time of each stage: python scripts/chat_figures.py FOLDER

It runs `pybpe demo --chat` into FOLDER, which must not exist, and prints tables in Markdown: exact calls and right
answers before and after fine-tuning, and the time of each stage. If FOLDER is the folder of a chat demo, its model is
tested instead. --seed S: another seed, of the training and of the questions.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path

import torch

from pybpe import sandbox
from pybpe.gpt.answering import open_chat
from pybpe.gpt.chat_evaluation import Attempt, Score, attempt_all, score
from pybpe.gpt.curriculum import make_questions
from pybpe.gpt.demo.chat import BACKEND, ChatDemoSettings, ChatWatcher, run_chat_demo
from pybpe.gpt.demo.chat_recipe import RECIPE, with_changes
from pybpe.gpt.pretrain import TrainingStep
from pybpe.gpt.runs.page import RunResults

WRONG = 5  # wrong answers of each test set that are shown


class Lines(ChatWatcher):
    """Prints a line for each result and each held-out loss."""

    def begins(self, stage: str) -> None:
        """Print the name of a stage that begins."""
        print(f"{stage} (CPU time so far {time.process_time():,.0f} s)", file=sys.stderr, flush=True)

    def found(self, result: str) -> None:
        """Print the result of a stage."""
        print(f"  {result}", file=sys.stderr, flush=True)

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """Print the held-out loss, where it was measured."""
        if step.val_loss is not None:
            speed = f"{step.tokens_per_second:,.0f} tokens/s"
            print(f"  step {step.step:,}: held-out loss {step.val_loss:.4f}, {speed}", file=sys.stderr, flush=True)


def test(folder: Path, seed: int) -> dict[str, list[Attempt]]:
    """Return the answers of a model to the questions of the recipe's test sets."""
    model = open_chat(folder, "cpu")
    with sandbox.open_sandbox(BACKEND) as runner:
        return {
            name: attempt_all(model, make_questions(name, n, seed, RECIPE.scope), runner)
            for name, n in RECIPE.questions.items()
        }


def print_scores(scores: dict[str, list[Score]], titles: list[str]) -> None:
    """Print a table of scores. titles: of the columns of scores."""
    print("|", " | ".join(["test set", *(f"{title}: exact calls, right answers" for title in titles)]), "|")
    print("|---" * (1 + len(titles)) + "|")
    for name, found in scores.items():
        cells = [f"{each.exact_calls:.1%}, {each.right:.1%} of {each.n}" for each in found]
        print("|", " | ".join([name, *cells]), "|")


def print_wrong(attempts: dict[str, list[Attempt]]) -> None:
    """Print some answers that are wrong."""
    for name, found in attempts.items():
        for attempt in [each for each in found if not (each.exact_call and each.right)][:WRONG]:
            print(f"{name}: {attempt.exchange.question!r} -> {[part.text for part in attempt.parts]}", file=sys.stderr)


def main() -> None:
    """Run or test, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=RECIPE.seed)
    parser.add_argument("--threads", type=int, help="threads of torch (its own choice)")
    options = parser.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if (options.folder / "run.json").exists():
        attempts = test(options.folder, options.seed)
        print_scores({name: [score(found)] for name, found in attempts.items()}, ["model"])
        print_wrong(attempts)
        return
    recipe = with_changes(RECIPE, seed=options.seed)
    results = run_chat_demo(ChatDemoSettings(None, options.folder, recipe, threads=options.threads), Lines())
    assert results.after is not None, "the demo was not terminated"
    before, after = results.before.scores, results.after.scores
    print_scores({name: [before[name], after[name]] for name in after}, ["before", "after"])
    print_wrong({name: [*found] for name, found in results.after.attempts.items()})
    print("\n| stage | time |\n|---|---|")
    for stage in results.stages:
        print(f"| {stage.name} | {stage.seconds:,.1f} s |")
    print(f"| all | {results.seconds:,.1f} s, CPU time {time.process_time():,.0f} s |")
    print(f"\n{results.chat.n_params:,} parameters; {torch.get_num_threads()} threads of {os.cpu_count()} processors;")
    print(f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, torch {torch.__version__}")


if __name__ == "__main__":
    main()
