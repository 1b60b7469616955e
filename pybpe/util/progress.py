"""Progress of long work: the callback that library code calls, and a bar in the terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

# progress(stage, done, total): `stage` names the work; `total` is None if it is not known.
ProgressCallback = Callable[[str, float, "float | None"], None]


def silent(stage: str, done: float, total: float | None) -> None:
    """Ignore the progress: the callback for progress=False."""


@contextlib.contextmanager
def reporting(progress: bool | ProgressCallback) -> Iterator[ProgressCallback]:
    """Yield the callback for an argument `progress`: a callback itself, True for a bar, False for no output.

    The bar is drawn on standard error if that is a terminal.
    """
    if callable(progress):
        yield progress
        return
    if not progress:
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    columns: list[Any] = [
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def update(stage: str, done: float, total: float | None) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total, amount="")
            bar.update(tasks[stage], completed=done, total=total, amount=_amount(done, total))

        yield update


def _amount(done: float, total: float | None) -> str:
    """Return the amount of work done and the total: '12,000 / 32,512'."""
    return f"{done:,.0f}" if total is None else f"{done:,.0f} / {total:,.0f}"
