"""The output of `pybpe gpt chat`: answers as they are generated, with the code that they run and its output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pybpe.cli.console import encodable, err, escaped, out, visible

if TYPE_CHECKING:
    from pybpe.gpt.tools import Event

CODE, MORE_CODE = ">>> ", "... "
DIM, PLAIN = "\x1b[2m", "\x1b[0m"


class Screen:
    """Writes answers to standard output. Code begins with ">>> ", as in Python, and its output follows on new lines.

    Code and output are dim where the terminal has colours. Control characters are escaped. Messages of the program go
    to standard error.
    """

    def __init__(self) -> None:
        console = out()
        self._dims = console.color_system is not None and not console.no_color and not console.legacy_windows
        self._kind, self._line_begins = "text", True

    def show(self, event: Event) -> None:
        """Write the text of an event of an answer."""
        begins = event.kind != self._kind and bool(event.text or event.kind != "text")
        if begins:
            self.end_line()
            self._kind = event.kind
        text = visible(event.text)
        if event.kind == "python":
            text = (CODE if begins else "") + text.replace("\n", f"\n{MORE_CODE}")
        self._write(text, dim=event.kind != "text")

    def end_line(self) -> None:
        """Begin a new line, unless one has begun."""
        if not self._line_begins:
            self._write("\n")

    def end_answer(self) -> None:
        """End the line of an answer; the next event begins another."""
        self.end_line()
        self._kind = "text"

    def separate(self) -> None:
        """End the line, also an empty one."""
        self._write("\n")

    def tell(self, message: str) -> None:
        """Print a message of the program on standard error, dim and in one line."""
        sys.stdout.flush()
        err().print(escaped(message), style="dim", soft_wrap=True)

    def _write(self, text: str, *, dim: bool = False) -> None:
        if text:
            shown = encodable(text)
            self._line_begins = shown.endswith("\n")
            sys.stdout.write(f"{DIM}{shown}{PLAIN}" if dim and self._dims else shown)
            sys.stdout.flush()
