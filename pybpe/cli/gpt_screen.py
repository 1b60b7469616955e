"""The progress of `pybpe gpt train`, shown on standard error."""

from __future__ import annotations

from pybpe.cli.console import harmless
from pybpe.cli.training_screen import TrainingScreen
from pybpe.gpt.pretrain import TrainingStep
from pybpe.gpt.runs.page import RunResults
from pybpe.gpt.runs.run import Watcher


class Screen(TrainingScreen, Watcher):
    """A display of a run: a line on the model and its data, then the losses. Call `close` at the end."""

    def begins(self, results: RunResults) -> None:
        """Print the engine, the number of tokens, and the step at which a run continues."""
        settings = results.run.settings
        go_on = f", continuing after step {results.first_step:,}" if results.first_step else ""
        self.console.print(
            f"training the {settings.engine} GPT on {results.n_train_ids:,} tokens{go_on} "
            "(Ctrl-C ends it early and keeps what it learned)",
            style="bold",
            soft_wrap=True,
        )

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """Show the progress bar and the losses, and print the sample if there is one."""
        known = results.metrics.val_losses
        self.learns(step, known[-1][1] if known else None, results.unigram, results.bits_a_nat)
        if step.sample is not None:
            self.console.print(f"sample after step {step.step:,}:", style="bold")
            self.console.print(harmless(step.sample), soft_wrap=True)
