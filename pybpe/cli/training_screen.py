"""The progress of training on standard error: a bar and losses in a terminal, occasional lines elsewhere."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from pybpe.cli.console import PLAIN_SECONDS, err, say
from pybpe.gpt.pretrain import TrainingStep
from pybpe.util.units import seconds

SMOOTHING = 0.95  # weight of the earlier losses in the training loss that is shown, a moving average
DRAWINGS = 20  # maximum number of updates of the display per second


class TrainingScreen:
    """A display of training: progress bars, and losses below them. Call `close` at the end."""

    def __init__(self) -> None:
        self.console = err()
        self.drawing = self.console.is_terminal
        self._live: Live | None = None
        self._bars: Progress | None = None
        self._losses = Text()
        self._tasks: dict[str, Any] = {}
        self._began = self._drawn = time.perf_counter()
        self._done_before: float | None = None
        self._smooth: float | None = None
        self._held_out: float | None = None

    def learns(self, step: TrainingStep, held_out: float | None, to_beat: float, bits_a_nat: float) -> None:
        """Show a step of training.

        held_out: the held-out loss to show until one is measured, None if there is none. to_beat: the loss of token
        frequencies alone. Both are in nats per token. bits_a_nat: factor that converts nats per token to bits per byte.
        """
        now = time.perf_counter()
        if self._done_before is None:
            self._began, self._done_before = now, step.progress
        self._smooth = step.loss if self._smooth is None else SMOOTHING * self._smooth + (1 - SMOOTHING) * step.loss
        if step.val_loss is not None:
            self._held_out = step.val_loss
        shown = held_out if self._held_out is None else self._held_out
        if not self.drawing:  # in a log, the held-out loss is printed only at the step at which it was measured
            shown = step.val_loss
        losses = _losses(self._smooth, shown, to_beat, bits_a_nat, step)
        if self.drawing:
            if now - self._drawn >= 1 / DRAWINGS or step.progress >= 1:
                self._drawn = now
                self._losses.plain = f"  {losses}"
                self.draw("learning", step.progress, 1.0, f"step {step.step:,}{self._left(step, now)}")
        elif step.val_loss is not None or now - self._drawn >= PLAIN_SECONDS:
            self._drawn = now
            say(f"  step {step.step:,}, {step.progress:.0%}:   {losses}")

    def draw(self, name: str, done: float, total: float | None, words: str) -> None:
        """Draw or update the progress bar `name`. words: text behind the percentage."""
        if self._live is None or self._bars is None:
            columns = (
                TextColumn("  {task.description:<9}"),
                BarColumn(30),
                TextColumn("{task.percentage:>3.0f}%  {task.fields[words]}"),
            )
            self._bars = Progress(*columns, console=self.console)
            self._live = Live(Group(self._bars, self._losses), console=self.console, transient=True)
            self._live.start()
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total, words=words)
        self._bars.update(self._tasks[name], completed=done, total=total, words=words)

    def close(self) -> None:
        """Remove the bars and losses from the terminal."""
        if self._live is not None:
            self._live.stop()
        self._live = self._bars = None
        self._tasks = {}
        self._losses = Text()

    def _left(self, step: TrainingStep, now: float) -> str:
        done = step.progress - (self._done_before or 0.0)
        return f", {seconds((now - self._began) / done * (1 - step.progress))} left" if done > 0.005 else ""


def _losses(smooth: float, held_out: float | None, to_beat: float, bits_a_nat: float, step: TrainingStep) -> str:
    held = "" if held_out is None else f"held out {held_out:.2f}, {held_out * bits_a_nat:.2f} bits/byte   "
    return f"loss {smooth:.2f}   {held}to beat {to_beat:.2f}   {step.tokens_per_second:,.0f} tokens/s"
