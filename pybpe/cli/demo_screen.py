"""The progress of a demo on standard error: a line per stage, bars, and the loss of the model."""

from __future__ import annotations

from rich.text import Text

from pybpe.cli.console import escaped
from pybpe.cli.training_screen import TrainingScreen
from pybpe.gpt.demo.demo import Watcher
from pybpe.gpt.demo.results import DemoResults
from pybpe.gpt.pretrain import TrainingStep

TITLES = {
    "read": "reading the text",
    "tokenizer": "training the tokenizer",
    "encode": "encoding",
    "sample before": "a sample of the untrained model",
    "pretrain": "training the model (Ctrl-C ends it early and keeps what it learned)",
    "sample after": "a sample of the trained model",
}
SAMPLE_CHARS = {False: 120, True: 300}  # characters shown of a sample, by whether the model is trained


class Screen(TrainingScreen, Watcher):
    """A screen that draws in a terminal, and prints a line per new held-out loss elsewhere. Close it at the end."""

    def begins(self, stage: str) -> None:
        """Print the title of a stage, and remove the bars of the stage before."""
        self.close()
        self.console.print(f"\n{TITLES.get(stage, stage)}", style="bold")

    def found(self, result: str) -> None:
        """Print a result below the title."""
        self.close()
        self.console.print(f"  {escaped(result)}", soft_wrap=True)

    def report(self, stage: str, done: float, total: float | None) -> None:
        """Draw the bar of a part of the stage."""
        if self.drawing:
            self.draw(stage, done, total, "")

    def step(self, step: TrainingStep, results: DemoResults) -> None:
        """Draw the bar of the training and the losses below it."""
        self.learns(step, results.held_out_losses[0][1], results.unigram, results.bits_per_byte(1.0))

    def sample(self, prompt: str, text: str, trained: bool) -> None:
        """Print the prompt and the beginning of a sample, without its line ends."""
        shown = (
            Text("  ")
            .append(prompt, style="bold")
            .append(_one_line(text, SAMPLE_CHARS[trained]), style="" if trained else "dim")
        )
        self.console.print(shown, soft_wrap=not self.drawing)  # a terminal wraps at words


def _one_line(text: str, limit: int) -> str:
    """Return text with single spaces for white space, without control characters, cut to `limit` characters."""
    line = "".join(char for char in " ".join(text.split()) if char.isprintable())
    space = " " if text[:1].isspace() else ""
    return space + (line if len(line) <= limit else line[: limit - 1] + "…")
