"""The progress of `pybpe demo` on standard error: a line per stage, progress bars, losses and samples."""

from __future__ import annotations

from rich.text import Text

from pybpe.cli.console import escaped
from pybpe.cli.training_screen import TrainingScreen
from pybpe.gpt.demo.demo import Watcher
from pybpe.gpt.demo.stages import StageWatcher
from pybpe.gpt.pretrain import TrainingStep
from pybpe.gpt.runs.page import RunResults

TITLES = {
    "read": "reading the text",
    "tokenizer": "training the tokenizer",
    "encode": "encoding",
    "sample before": "sampling from the untrained model",
    "pretrain": "training the model (Ctrl-C ends it early and keeps what it learned)",
    "sample after": "sampling from the trained model",
    "curriculum": "writing conversations to learn from",
    "test before": "asking the model before fine-tuning",
    "finetune": "fine-tuning the model (Ctrl-C ends it early and keeps what it learned)",
    "test after": "asking the model after fine-tuning",
}
SAMPLE_CHARS = {False: 120, True: 300}  # characters of a sample that are shown, by whether the model is trained


class StageScreen(TrainingScreen, StageWatcher):
    """A display of the stages of a demo."""

    def begins(self, stage: str) -> None:
        """Remove the bars of the previous stage, and print the title of this one."""
        self.close()
        self.console.print(f"\n{TITLES.get(stage, stage)}", style="bold")

    def found(self, result: str) -> None:
        """Remove the bars of the stage, and print its result below its title."""
        self.close()
        self.console.print(f"  {escaped(result)}", soft_wrap=True)

    def progress(self, stage: str, done: float, total: float | None) -> None:
        """Draw a bar for a part of the stage."""
        if self.drawing:
            self.draw(stage, done, total, "")

    @staticmethod
    def style(trained: bool) -> str:
        """Return the style of a model's text, by whether the model is trained."""
        return "" if trained else "dim"


class Screen(StageScreen, Watcher):
    """A display of a demo: progress bars in a terminal, lines of text elsewhere. Call `close` at the end."""

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """Show the progress bar of the training and the losses."""
        self.learns(step, results.metrics.val_losses[0][1], results.unigram, results.bits_a_nat)

    def sample(self, prompt: str, text: str, trained: bool) -> None:
        """Print the prompt and the beginning of the generated text."""
        shown = (
            Text("  ")
            .append(prompt, style="bold")
            .append(one_line(text, SAMPLE_CHARS[trained]), style=self.style(trained))
        )
        self.console.print(shown, soft_wrap=not self.drawing)  # lines are wrapped between words in a terminal only


def one_line(text: str, limit: int) -> str:
    """Return text on one line of at most `limit` characters: white space as single spaces, no control characters."""
    line = "".join(char for char in " ".join(text.split()) if char.isprintable())
    space = " " if text[:1].isspace() else ""
    return space + (line if len(line) <= limit else line[: limit - 1] + "…")
