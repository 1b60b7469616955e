"""The progress of `pybpe demo --chat` on standard error: a line per stage, progress bars, losses, and some answers."""

from __future__ import annotations

from rich.text import Text

from pybpe.cli.demo_screen import StageScreen, one_line
from pybpe.gpt.chat_evaluation import Attempt
from pybpe.gpt.demo.chat import ChatWatcher
from pybpe.gpt.pretrain import TrainingStep
from pybpe.gpt.runs.page import RunResults

MOST_CHARS = 200  # of an answer that are shown


class ChatScreen(StageScreen, ChatWatcher):
    """A display of a chat demo: progress bars in a terminal, lines of text elsewhere. Call `close` at the end."""

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """Show the progress bar of a training and the losses."""
        known = results.metrics.val_losses
        self.learns(step, known[-1][1] if known else None, results.unigram, results.bits_a_nat)

    def answered(self, attempt: Attempt, trained: bool) -> None:
        """Print a question and its answer: [code -> output] for Python code."""
        line = Text("  ").append(attempt.exchange.question, style="bold").append("  ")
        for part in attempt.parts:
            text = one_line(part.text, MOST_CHARS)
            line.append(
                {"python": f"[{text}", "output": f" -> {text}] "}.get(part.kind, text), style=self.style(trained)
            )
        self.console.print(line, soft_wrap=not self.drawing)
