"""What `pybpe gpt train` shows while it runs."""

from __future__ import annotations

from pybpe.cli.console import harmless
from pybpe.cli.training_screen import TrainingScreen
from pybpe.gpt.pretrain import TrainingStep
from pybpe.gpt.runs.page import RunResults
from pybpe.gpt.runs.run import Watcher


class Screen(TrainingScreen, Watcher):
    """A line on what is trained, then the losses as they come. Close it at the end."""

    def begins(self, results: RunResults) -> None:
        """What is learned from what."""
        settings = results.run.settings
        go_on = f", going on behind step {results.first_step:,}" if results.first_step else ""
        self.console.print(
            f"training the {settings.engine} GPT on {results.n_train_ids:,} tokens{go_on} "
            "(Ctrl-C ends it early and keeps what it learned)",
            style="bold",
            soft_wrap=True,
        )

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """The bar, and the losses below it."""
        known = results.metrics.val_losses
        self.learns(step, known[-1][1] if known else None, results.unigram, results.bits_a_nat)
        if step.sample is not None:
            self.console.print(f"step {step.step:,} says:", style="bold")
            self.console.print(harmless(step.sample), soft_wrap=True)
