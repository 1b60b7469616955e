"""What a running demo shows on standard error: a line a stage, bars while it works, the loss while the model learns."""

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
    "sample before": "the untrained model speaks",
    "pretrain": "training the model (Ctrl-C ends it early and keeps what it learned)",
    "sample after": "the trained model speaks",
}
SAMPLE_CHARS = {False: 120, True: 300}  # of what the model says before and after training


class Screen(TrainingScreen, Watcher):
    """Draws in a terminal; elsewhere prints a line where the held-out loss is new. Close it at the end."""

    def begins(self, stage: str) -> None:
        """Its title; what was drawn for the stage before goes away."""
        self.close()
        self.console.print(f"\n{TITLES.get(stage, stage)}", style="bold")

    def found(self, result: str) -> None:
        """The result below the title."""
        self.close()
        self.console.print(f"  {escaped(result)}", soft_wrap=True)

    def report(self, stage: str, done: float, total: float | None) -> None:
        """A bar for each part of the stage."""
        if self.drawing:
            self.draw(stage, done, total, "")

    def step(self, step: TrainingStep, results: DemoResults) -> None:
        """The bar of the training, and below it the losses."""
        self.learns(step, results.held_out_losses[0][1], results.unigram, results.bits_per_byte(1.0))

    def sample(self, prompt: str, text: str, trained: bool) -> None:
        """The prompt and the beginning of what follows, on one line or a few."""
        shown = (
            Text("  ")
            .append(prompt, style="bold")
            .append(_one_line(text, SAMPLE_CHARS[trained]), style="" if trained else "dim")
        )
        self.console.print(shown, soft_wrap=not self.drawing)  # words are kept whole where somebody looks on


def _one_line(text: str, limit: int) -> str:
    """Text with its white space made single spaces and its control characters left out, cut to a length."""
    line = "".join(char for char in " ".join(text.split()) if char.isprintable())
    space = " " if text[:1].isspace() else ""
    return space + (line if len(line) <= limit else line[: limit - 1] + "…")
