"""Tokenizers on the command line: a file of any format, a folder, or the name of a public encoding."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pybpe.cli.console import UsageError, quoted, typed
from pybpe.formats.registry import FORMATS, recognise

if TYPE_CHECKING:
    from pybpe import Tokenizer

KINDS = f"a file or folder in one of the formats {', '.join(FORMATS)}, or a public encoding such as cl100k_base"


def add_tokenizer(parser: argparse.ArgumentParser) -> None:
    """Add the argument TOKENIZER, and the option --pattern, which rank files need."""
    parser.add_argument(
        "tokenizer",
        metavar="TOKENIZER",
        help=KINDS,
    )
    parser.add_argument(
        "--pattern", metavar="NAME|REGEX", help="split pattern of a rank file that is not a public encoding"
    )


def pattern_option(pattern: str | None) -> str:
    """Return " --pattern=..." for the end of a command line, "" for None."""
    return "" if pattern is None else f" --pattern={quoted(pattern)}"


def place_of(tokenizer: str) -> Path | None:
    """Return the file or folder of a tokenizer; None for an encoding whose file is not kept on this machine."""
    from pybpe.encodings.registry import BY_NAME

    if _is_encoding(tokenizer):
        return BY_NAME[tokenizer].find()
    return Path(tokenizer)


def _is_encoding(name: str) -> bool:
    from pybpe.encodings.registry import BY_NAME

    return name in BY_NAME and not Path(name).exists()


def open_tokenizer(path: str, pattern: str | None = None) -> Tokenizer:
    """Open a tokenizer: a file, whose format is detected by its content, a folder, or a public encoding.

    A file or folder takes precedence over an encoding of the same name. Raises UsageError if --pattern is missing or
    not allowed.
    """
    from pybpe import Tokenizer, get_encoding
    from pybpe.errors import FormatError
    from pybpe.pretokenization.patterns import PATTERNS

    named = _is_encoding(path)
    if not named and not Path(path).exists():
        raise FileNotFoundError(_missing(path))
    found = None if named else recognise(path)
    if pattern is not None and (named or (found is not None and not found.cannot_say)):
        raise UsageError(f"{path} has its own split pattern; leave out --pattern")
    if named:
        return get_encoding(path)
    if found is None:
        raise FormatError(f"{path} is not a tokenizer{_explanation(path)}")
    try:
        return Tokenizer(found.read(path, pattern))
    except FormatError:
        raise
    except ValueError:
        if pattern is not None or not found.cannot_say:
            raise
        names = ", ".join(PATTERNS)
        raise UsageError(
            f"{path} is not a public encoding and does not say how text is split; add --pattern with one of {names}, "
            "or a regular expression"
        ) from None


def _missing(name: str) -> str:
    """Return the message for a name that is neither a file nor an encoding, with the nearest name."""
    from pybpe.encodings.registry import BY_NAME, name_for_model
    from pybpe.errors import UnknownEncodingError
    from pybpe.util.suggestions import did_you_mean

    if os.path.dirname(name):  # noqa: PTH120 (a Path would drop a dot)
        return f"no such file: {name!r}"
    message = f"there is no file, folder or public encoding {name!r}"
    try:
        return f"{message}; the encoding of that model is {name_for_model(name)!r}"
    except UnknownEncodingError:
        return message + (
            did_you_mean(name, [*(entry.name for entry in Path().iterdir()), *BY_NAME])
            or f"; the encodings are {', '.join(BY_NAME)}"
        )


def _explanation(path: str) -> str:
    """Return the end of the message "... is not a tokenizer": a likely reason, and advice."""
    from pybpe.data.readers.text_encoding import BOM, conversion, wide_encoding

    with Path(path).open("rb") as file:
        start = file.read(1 << 16)
    if not start:
        return ": the file is empty"
    if start.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK")):
        return ", or is one that is packed: unpack it first"
    if encoding := wide_encoding(start):
        return f" in UTF-8 but is {encoding} text: {conversion(encoding, Path(path))}"
    if start.startswith(BOM):
        return f", for it begins with a byte order mark (BOM); remove it with: tail -c +4 {typed(path)} > new"
    if Path(path).name == "merges.txt":
        return " without its vocab.json: name the folder of both"
    return "; make one with: pybpe train corpus.txt -o new.pybpe"
