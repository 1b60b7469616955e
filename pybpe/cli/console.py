"""Output that commands share: tables, notes, errors in one line, progress on standard error."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import time
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from pybpe.util.units import size

if TYPE_CHECKING:
    from rich.console import Console

    from pybpe.util.progress import ProgressCallback

PLAIN_SECONDS = 10.0  # between two lines of progress where there is no terminal


class UsageError(Exception):
    """An error in the arguments of a command; the exit status is 2."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came: whatever cleans up after Ctrl-C cleans up after it too. Exit status 143."""


def escaped(text: str) -> str:
    """Return text with unprintable characters escaped, so that names cannot control the terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def harmless(text: str) -> str:
    """Return a model's text without control characters, so that it cannot control the terminal."""
    return "".join(char for char in text if _is_harmless(char))


def visible(text: str) -> str:
    """Return a model's text with control characters escaped: they are seen, and cannot control the terminal."""
    return "".join(char if _is_harmless(char) else escaped(char) for char in text)


def _is_harmless(char: str) -> bool:
    """True for printable characters, line ends, tabs, all kinds of spaces, and joiners, which words and emoji need."""
    return char.isprintable() or char in "\n\t\u200c\u200d" or unicodedata.category(char) == "Zs"


def encodable(text: str) -> str:
    """Return the text with "?" for what standard output cannot encode, such as U+FFFD on an ASCII terminal."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def typed(path: str | os.PathLike[str]) -> str:
    """Return a path quoted for a shell, in a form that is not taken for an option."""
    word = os.fspath(path)
    if word.startswith("-"):
        word = os.path.join(os.curdir, word)  # noqa: PTH118 (a Path would drop the dot)
    return quoted(word)


def quoted(word: str) -> str:
    """Return a word quoted for a shell, with any characters."""
    if word.isprintable():
        return shlex.quote(word)
    plain = (char if char.isprintable() and char not in "\\'" else _hex(char) for char in word)
    return f"$'{''.join(plain)}'"


def _hex(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(char))


def standard_input() -> TextIO:
    """Return sys.stdin. Raises OSError if it is closed."""
    if sys.stdin is None:
        raise OSError("standard input is closed; name a file, or send text into the command with: ... | pybpe")
    return sys.stdin


def out() -> Console:
    """Return a console for standard output, a new one each time, because tests replace sys.stdout."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def err() -> Console:
    """Return a console for standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def say(message: str, style: str = "") -> None:
    """Print a message on standard error as one line."""
    err().print(escaped(" ".join(message.split())), style=style, soft_wrap=True)


def note(message: str) -> None:
    """Print a note, which is not an error, on standard error."""
    say(f"note: {message}", style="yellow")


def fail(message: str) -> None:
    """Print an error on standard error: one line that says what is wrong and what to do."""
    say(f"pybpe: {message}", style="bold red")


@contextlib.contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Return a context in which each distinct Python warning is printed as one note."""
    seen: set[str] = set()

    def show(message: Warning | str, *_: object, **__: object) -> None:
        if str(message) not in seen:
            seen.add(str(message))
            note(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        for category in (UserWarning, UnicodeWarning):
            warnings.simplefilter("always", category)
        warnings.showwarning = show
        yield


def summary(title: str, rows: Iterable[tuple[str, str]], next_command: str = "") -> None:
    """Print the summary of a command on standard output: a title, rows of (name, value), and the next command.

    A value may have several lines. Lines are not wrapped, so that paths and commands can be copied.
    """
    from rich.text import Text

    console, rows = out(), list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    console.print(f"\n{escaped(title)}", style="bold", soft_wrap=True)
    for name, value in rows:
        for number, line in enumerate(value.split("\n")):
            label = f"{'' if number else name:<{width}}"
            console.print(Text.assemble((label, "dim"), f"  {escaped(line)}"), soft_wrap=True)
    if next_command:
        console.print(f"\nnext:  {next_command}", soft_wrap=True)


def print_json(facts: Mapping[str, Any]) -> None:
    """Print the results of a command as one line of JSON in ASCII; docs/commands.md documents the keys."""
    print(json.dumps(facts))


def print_columns(rows: Sequence[Sequence[str]], left: int) -> None:
    """Print rows of equal length on standard output, columns aligned; the first row holds the titles.

    left: the index of the left-aligned column; all others are right-aligned. Rows are not wrapped.
    """
    console = out()
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [
            f"{cell:<{width}}" if place == left else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        console.print("  ".join(cells).rstrip(), style="" if number else "dim", soft_wrap=True)


@contextlib.contextmanager
def progress(unit: str = "") -> Iterator[ProgressCallback]:
    """Return a context with a progress callback: bars in a terminal, a line every ten seconds elsewhere.

    unit: "bytes" to show the amounts of every stage as sizes; those of "counting" always are.
    """
    console = err()
    if not console.is_terminal:
        yield _plain_progress(unit)
        return
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def callback(stage: str, done: float, total: float | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, amount="")
            bars.update(tasks[stage], completed=done, total=total, amount=_amount(stage, unit, done, total))

        yield callback


def _plain_progress(unit: str) -> ProgressCallback:
    last = time.perf_counter()

    def callback(stage: str, done: float, total: float | None) -> None:
        nonlocal last
        if time.perf_counter() - last >= PLAIN_SECONDS:
            last = time.perf_counter()
            say(f"{stage}: {_amount(stage, unit, done, total)}")

    return callback


def _amount(stage: str, unit: str, done: float, total: float | None) -> str:
    """Return an amount, such as "12 MB / 95 MB" or "12,000 / 32,512"."""
    shown = [done] if total is None else [done, total]
    as_size = unit == "bytes" or stage == "counting"
    return " / ".join(size(number) if as_size else f"{number:,.0f}" for number in shown)


def write_bytes(content: bytes) -> None:
    """Write bytes to standard output."""
    sys.stdout.flush()
    left = memoryview(content)
    while left:  # an unbuffered stream may write a part only
        left = left[sys.stdout.buffer.write(left) :]
    sys.stdout.buffer.flush()
