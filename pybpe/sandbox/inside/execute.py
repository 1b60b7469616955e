"""Run code, print the value of its last expression, and report how it ended."""

from __future__ import annotations

import _ast
import builtins
import io
import os
import sys

TYPE_CHECKING = False  # as in typing, whose import takes long
if TYPE_CHECKING:
    from collections.abc import Callable

READY, DONE, ERROR = b"ready\n", b"done\n", b"error "  # the lines of a report, on descriptor 2
LONGEST_ERROR = 1000  # characters
_PARSE = 0x400  # ast.PyCF_ONLY_AST, without the import of ast


def run(code: str, report: int) -> None:
    """Run code in a new module __main__ with its output on descriptor 1, and write a report.

    code: Python, of which the value of a last expression is printed, as print does it, unless it is None. report: the
    descriptor for READY before, and DONE or ERROR with a line of text after. SystemExit without a status, or with 0, is
    a regular end.
    """
    out = io.TextIOWrapper(io.FileIO(1, "wb", closefd=False), encoding="utf-8", errors="backslashreplace", newline="\n")
    sys.stdout = out
    show = print
    _write(report, READY)
    try:
        _run(code, show)
        line = DONE
    except BaseException as error:
        line = _describe(error)
    try:
        for stream in (sys.stdout, out):  # the code may have put another in the place of the first
            stream.flush()
    except BaseException as error:
        line = _describe(error) if line == DONE else line
    _write(report, line)


def _run(code: str, show: Callable[..., None]) -> None:
    module = type(sys)("__main__")
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    tree = compile(code, "<code>", "exec", _PARSE, dont_inherit=True)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], _ast.Expr) else None
    exec(compile(tree, "<code>", "exec", dont_inherit=True), module.__dict__)
    if last is not None:
        value = eval(compile(_ast.Expression(last.value), "<code>", "eval", dont_inherit=True), module.__dict__)
        if value is not None:
            show(value)


def _describe(error: BaseException) -> bytes:
    """Return the report of an exception: its type and the first line of its message."""
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return DONE
    kind = type(error)
    name = (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )
    if isinstance(error, SyntaxError):
        text = str(error.msg)  # str(error) names the file and line, which the traceback has on lines of their own
    else:
        try:
            text = str(error)
        except BaseException:
            text = "<exception str() failed>"
    lines = text.splitlines()
    line = f"{name}: {lines[0]}" if lines else name
    return ERROR + line[:LONGEST_ERROR].encode("utf-8", "backslashreplace") + b"\n"


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
