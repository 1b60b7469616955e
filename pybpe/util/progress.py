"""Progress of long work: a callback that library code calls, and the bar that shows it in a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

# report(stage, done, total): `stage` names the work, total is None while it is not known.
ProgressCallback = Callable[[str, float, "float | None"], None]


def silent(stage: str, done: float, total: float | None) -> None:
    """Report to nobody."""


@contextlib.contextmanager
def reporting(progress: bool | ProgressCallback) -> Iterator[ProgressCallback]:
    """A Report from what callers pass as `progress`: a callback, True for a bar on the terminal, False for nothing.

    The bar is drawn on standard error, and only if that is a terminal.
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

        def report(stage: str, done: float, total: float | None) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total, amount="")
            bar.update(tasks[stage], completed=done, total=total, amount=_amount(done, total))

        yield report


def _amount(done: float, total: float | None) -> str:
    """'12,000 / 32,512'."""
    return f"{done:,.0f}" if total is None else f"{done:,.0f} / {total:,.0f}"
