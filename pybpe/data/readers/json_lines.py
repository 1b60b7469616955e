"""Documents from JSON lines: one object per line, with the text in one of its fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from pybpe.data.readers.fields import missing_field
from pybpe.data.readers.text_encoding import BOM, conversion, wide_encoding
from pybpe.errors import FormatError

MOST_LINE = 1 << 30  # bytes; parsing a line takes several times its size in memory

_DECODER = json.JSONDecoder(parse_int=float)  # int() refuses very long numbers; no number is used


def read_json_lines(file: IO[bytes], field: str) -> Iterator[str]:
    """Yield the text of each line in order; blank lines and a BOM are skipped.

    Raises FormatError, with the number of the line, if a line is not JSON or has no string in the field.
    """
    number = 0
    while line := file.readline(MOST_LINE + 1):
        number += 1
        where = f"{file.name}, line {number:,}:"
        if len(line) > MOST_LINE:
            raise FormatError(f"{where} longer than {MOST_LINE:,} bytes; is each document a line of its own?")
        if number == 1:
            _refuse_wide(line, str(file.name))
            line = line.removeprefix(BOM)
        if line and not line.isspace():
            yield _text(line, field, where)


def _refuse_wide(line: bytes, name: str) -> None:
    """Raise FormatError if a first line shows that the file is UTF-16 or UTF-32."""
    if encoding := wide_encoding(line):
        raise FormatError(f"{name} is {encoding} text, and JSON must be UTF-8: {conversion(encoding, Path(name))}")


def _text(line: bytes, field: str, where: str) -> str:
    try:
        value: Any = _DECODER.decode(line.decode().rstrip("\r\n"))
    except UnicodeDecodeError as error:
        raise FormatError(f"{where} not UTF-8, as JSON must be (byte {error.start + 1:,})") from None
    except json.JSONDecodeError as error:
        reason = error.msg.removesuffix(" at")
        raise FormatError(f"{where} not JSON: {reason} at character {error.pos + 1:,}") from None
    except RecursionError:
        raise FormatError(f"{where} nested too deeply") from None
    if not isinstance(value, dict):
        raise FormatError(f"{where} {_kind(value)}, not an object with a field {field!r}")
    if field not in value:
        raise FormatError(f"{where} {missing_field('field', field, value)}")
    text = value[field]
    if not isinstance(text, str):
        raise FormatError(f"{where} the field {field!r} holds {_kind(text)}, not a string")
    return text


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false", float: "a number"}
    return kinds.get(type(value), "null")
