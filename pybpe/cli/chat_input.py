"""The input of `pybpe gpt chat`: messages that are typed or pasted in a terminal, or the lines of a pipe."""

from __future__ import annotations

import os
import sys
from typing import Protocol, TextIO

from pybpe.cli.console import UsageError

PROMPT, CONTINUATION = "> ", "... "
MOST_LINE = 1 << 20  # bytes in a line from a pipe
PASTE_SECONDS = 0.02  # lines that follow this fast were pasted


class Input(Protocol):
    """A source of messages."""

    def read(self) -> str | None:
        """Return the next message, None at the end. KeyboardInterrupt at Ctrl-C."""


class PipeInput:
    """The lines of a pipe or a file, each a message, in UTF-8."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def read(self) -> str | None:
        """Return the next line, None at the end. Raises UsageError for a line longer than MOST_LINE bytes."""
        line = self._stream.buffer.readline(MOST_LINE + 1)
        if len(line) > MOST_LINE:
            raise UsageError(f"a line of standard input is longer than {MOST_LINE:,} bytes; send shorter questions")
        return line.decode("utf-8", "replace").rstrip("\r\n") if line else None


class TerminalInput:
    """Lines that are typed, with Python's readline where there is one: editing, and earlier messages by the arrow keys.

    A line that ends with a backslash goes on. Pasted lines are one message: readline takes them as one line, and where
    there is none, lines that follow at once belong to the first.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
        self._edits = sys.stdout.isatty()  # otherwise Python's input() does not use readline, and prompts there
        self._takes_pastes = self._edits and _set_up_readline()

    def read(self) -> str | None:
        """Return the next message, None at the end of input."""
        lines: list[str] = []
        while True:
            line = self._line(CONTINUATION if lines else PROMPT)
            if line is None:
                return "\n".join(lines) if lines else None
            goes_on = line.endswith("\\")
            lines.append(line[:-1] if goes_on else line)
            if not goes_on and (self._takes_pastes or not self._more_follows()):
                return "\n".join(lines)

    def _line(self, prompt: str) -> str | None:
        if self._edits:
            try:
                return input(prompt)
            except EOFError:
                return None
        sys.stderr.write(prompt)  # standard output holds answers alone
        sys.stderr.flush()
        line = self._stream.readline()
        return line.rstrip("\n") if line else None

    def _more_follows(self) -> bool:
        """True if another line can be read at once."""
        if os.name == "nt":
            import msvcrt

            return bool(msvcrt.kbhit())  # type: ignore[attr-defined, unused-ignore]
        import select

        return bool(select.select([self._stream], [], [], PASTE_SECONDS)[0])


def _set_up_readline() -> bool:
    """Import readline for `input`; return True if it takes pasted lines as one."""
    try:
        import readline
    except ImportError:
        return False
    if "libedit" in (readline.__doc__ or ""):
        return False
    readline.parse_and_bind("set enable-bracketed-paste on")
    return os.environ.get("TERM", "dumb") != "dumb"  # in a terminal that can do nothing it is off
