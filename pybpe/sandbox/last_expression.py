"""The last expression of code, by the syntax tree of the Python that runs here."""

from __future__ import annotations

import ast
import re
import warnings

_NAME = "<code>"  # the file name in messages


def parse(code: str) -> ast.Module:
    """Return the syntax tree of code, without the warnings that Python prints about it.

    Raises SyntaxError for what is not Python, whatever the reason: nesting that is too deep, or a null character.
    """
    warnings.filterwarnings("ignore", module=re.escape(_NAME))  # one entry for good, however often this is called
    try:
        return ast.parse(code, _NAME)
    except (ValueError, RecursionError, MemoryError) as error:  # SyntaxError is no ValueError
        raise SyntaxError(str(error) or "too many nested expressions") from None


def printing_last(code: str) -> str:
    """Return code that does the same, and then prints the value of a last expression unless it is None.

    Code that this Python cannot parse stays as it is.
    """
    try:
        body = parse(code).body
    except SyntaxError:
        return code
    if not body or not isinstance(body[-1], ast.Expr):
        return code
    last = body[-1]
    data = code.encode()
    start = _offset(data, last.lineno, last.col_offset)
    end = _offset(data, last.end_lineno or 0, last.end_col_offset or 0)
    expression = data[start:end].decode()
    return f"{data[:start].decode()}_ = ({expression}\n)\nif _ is not None:\n    print(_)\n"


def _offset(data: bytes, line: int, column: int) -> int:
    """Return the place in a source of a position in its syntax tree, all in bytes. line: from 1."""
    return sum(map(len, data.splitlines(keepends=True)[: line - 1])) + column
