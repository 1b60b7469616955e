"""Tokenizers on the command line: a file of any kind, a folder, or the name of a public encoding."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pybpe.cli.console import UsageError, quoted, typed

if TYPE_CHECKING:
    from pybpe import Tokenizer

KINDS = (
    "a .pybpe, .tiktoken or .gguf file, a tokenizer.json or its folder, a .model of minbpe or sentencepiece, or the "
    "name of a public encoding such as cl100k_base"
)
_RANK_LINE = re.compile(rb"[A-Za-z0-9+/]+=* \d+\r?\n?")  # of a tiktoken file


def add_tokenizer(parser: argparse.ArgumentParser) -> None:
    """The argument TOKENIZER and the option --pattern that some files need."""
    parser.add_argument(
        "tokenizer",
        metavar="TOKENIZER",
        help=KINDS,
    )
    parser.add_argument(
        "--pattern", metavar="NAME|REGEX", help="how text is split, for a rank file that is not a public encoding"
    )


def pattern_option(pattern: str | None) -> str:
    """Return " --pattern=..." as the end of a command line, "" for None: arguments stand before options."""
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
    """Open a tokenizer: a file of any kind, told apart by content, a folder with the files of one, or an encoding.

    A file or folder goes before an encoding of the same name. Raises UsageError where --pattern is missing or too much.
    """
    from pybpe import Tokenizer, get_encoding
    from pybpe.errors import FormatError
    from pybpe.formats import native
    from pybpe.pretokenization.patterns import PATTERNS

    if _is_encoding(path):
        return _without_pattern(get_encoding, path, pattern)
    if not Path(path).exists():
        raise FileNotFoundError(_missing(path))
    if Path(path).is_dir() or Path(path).name == "vocab.json":
        return _without_pattern(_open_folder, path, pattern)
    with Path(path).open("rb") as file:
        start = file.read(1 << 16)
    if start.startswith(native.MAGIC):
        return _without_pattern(Tokenizer.load, path, pattern)
    if start.lstrip().startswith(b"{"):
        return _without_pattern(Tokenizer.from_huggingface, path, pattern)
    if start.startswith(b"GGUF"):
        return _without_pattern(Tokenizer.from_gguf, path, pattern)
    if start.startswith(b"minbpe "):
        return _without_pattern(Tokenizer.from_minbpe, path, pattern)
    if start.startswith(b"\n") and not _RANK_LINE.match(start):  # a message whose first field is a piece
        return _without_pattern(Tokenizer.from_sentencepiece, path, pattern)
    if not _RANK_LINE.match(start):
        raise FormatError(f"{path} is not a tokenizer{_why_not(path, start)}")
    try:
        return Tokenizer.from_tiktoken(path, pattern)
    except FormatError:
        raise
    except ValueError:
        if pattern is not None:
            raise
        names = ", ".join(PATTERNS)
        raise UsageError(
            f"{path} is not a public encoding and does not say how text is split; add --pattern with one of {names}, "
            "or a regular expression"
        ) from None


def _without_pattern(read: Callable[[str], Tokenizer], path: str, pattern: str | None) -> Tokenizer:
    if pattern is not None:
        raise UsageError(f"{path} has its own split pattern; leave out --pattern")
    return read(path)


def _missing(name: str) -> str:
    """Say that there is neither a file nor an encoding of this name, and what may have been meant."""
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


def _why_not(path: str, start: bytes) -> str:
    """What a file is that is no tokenizer, where it is one that people take for one, and what to do."""
    from pybpe.data.readers.text_encoding import BOM, conversion, wide_encoding

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


def _open_folder(path: str) -> Tokenizer:
    """A tokenizer from a folder with a tokenizer.json, or else from a vocab.json and the merges.txt beside it."""
    from pybpe import Tokenizer

    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    if Path(path).is_dir() and (folder / "tokenizer.json").exists():
        return Tokenizer.from_huggingface(path)
    if not (folder / "vocab.json").exists():
        raise FileNotFoundError(f"there is neither a tokenizer.json nor a vocab.json in the folder {path}; name a file")
    return Tokenizer.from_gpt2(folder / "vocab.json", folder / "merges.txt")
