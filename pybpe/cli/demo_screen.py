"""What a running demo shows on standard error: a line a stage, bars while it works, the loss while the model learns."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from pybpe.cli.console import err, escaped, say
from pybpe.gpt.demo import Watcher
from pybpe.gpt.facts import DemoFacts
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
SMOOTHING = 0.95  # of the training loss that is shown


class Screen(Watcher):
    """Draws in a terminal; elsewhere prints a line where the held-out loss is new. Close it at the end."""

    def __init__(self) -> None:
        self._console = err()
        self._drawing = self._console.is_terminal
        self._live: Live | None = None
        self._bars: Progress | None = None
        self._losses = Text()
        self._tasks: dict[str, Any] = {}
        self._began = 0.0
        self._smooth: float | None = None
        self._held_out: float | None = None

    def begins(self, stage: str) -> None:
        """Its title; what was drawn for the stage before goes away."""
        self.close()
        self._began = time.perf_counter()
        self._console.print(f"\n{TITLES.get(stage, stage)}", style="bold")

    def found(self, result: str) -> None:
        """The result below the title."""
        self.close()
        self._console.print(f"  {escaped(result)}", soft_wrap=True)

    def report(self, stage: str, done: float, total: float | None) -> None:
        """A bar for each part of the stage."""
        if self._drawing:
            self._draw(stage, done, total, "")

    def step(self, step: TrainingStep, facts: DemoFacts) -> None:
        """The bar of the training, and below it the losses."""
        self._smooth = step.loss if self._smooth is None else SMOOTHING * self._smooth + (1 - SMOOTHING) * step.loss
        if step.val_loss is not None:
            self._held_out = step.val_loss
        held_out = facts.held_out_losses[0][1] if self._held_out is None else self._held_out
        losses = (
            f"loss {self._smooth:.2f}   held out {held_out:.2f}   to beat {facts.unigram:.2f}   "
            f"{step.tokens_per_second:,.0f} tokens/s"
        )
        if self._drawing:
            elapsed = time.perf_counter() - self._began
            left = elapsed * (1 / step.progress - 1) if step.progress > 0.005 else None
            self._losses.plain = f"  {losses}"
            self._draw("learning", step.progress, 1.0, f"step {step.step:,}" + (f", {left:.0f} s left" if left else ""))
        elif step.val_loss is not None:
            say(f"  step {step.step:,}, {step.progress:.0%}:   {losses}")

    def sample(self, prompt: str, text: str, trained: bool) -> None:
        """The prompt and the beginning of what follows, on one line or a few."""
        shown = (
            Text("  ")
            .append(prompt, style="bold")
            .append(_one_line(text, SAMPLE_CHARS[trained]), style="" if trained else "dim")
        )
        self._console.print(shown)

    def close(self) -> None:
        """Take away what is drawn."""
        if self._live is not None:
            self._live.stop()
        self._live = self._bars = None
        self._tasks = {}
        self._losses = Text()

    def _draw(self, name: str, done: float, total: float | None, words: str) -> None:
        if self._live is None or self._bars is None:
            columns = (
                TextColumn("  {task.description:<9}"),
                BarColumn(30),
                TextColumn("{task.percentage:>3.0f}%  {task.fields[words]}"),
            )
            self._bars = Progress(*columns, console=self._console)
            self._live = Live(Group(self._bars, self._losses), console=self._console, transient=True)
            self._live.start()
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total, words=words)
        self._bars.update(self._tasks[name], completed=done, total=total, words=words)


def _one_line(text: str, limit: int) -> str:
    """Text with its white space made single spaces and its control characters left out, cut to a length."""
    line = "".join(char for char in " ".join(text.split()) if char.isprintable())
    space = " " if text[:1].isspace() else ""
    return space + (line if len(line) <= limit else line[: limit - 1] + "…")
