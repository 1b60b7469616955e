"""The registry of file formats, for Tokenizer.from_* and the commands that open and convert files.

A new format is one module with `read` and `write`, between a file and a Definition, and one row here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pybpe.definition import Definition
    from pybpe.util.files import PathLike

# A format's module is imported when it is needed: every command imports this registry when it starts.

MAGIC = b"\x93PYBPE\r\n"  # the first bytes of pybpe's own files
_RANK_LINE = re.compile(rb"(?:[A-Za-z0-9+/]+=*|=+) \d+\r?\n?")  # of a tiktoken file
_START = 1 << 16  # bytes of a file by which its format is recognised


@dataclass(frozen=True)
class Format:
    """One file format.

    name: its name in `pybpe convert --to`. described: a noun phrase for messages. module: its module in pybpe.formats.
    recognises: returns True if the first bytes of a file are those of this format. cannot_say: the parts of a tokenizer
    that the format does not hold, "" for none; they are arguments of `read`. parts: the names of the files, if the
    format is a folder. beside: the suffix of a second file beside the first. suffixes: the suffixes of the file names.
    """

    name: str
    described: str
    module: str
    recognises: Callable[[bytes], bool]
    cannot_say: str = ""
    parts: tuple[str, ...] = ()
    beside: str = ""
    suffixes: tuple[str, ...] = ()

    def read(
        self, path: PathLike, pattern: str | None = None, special_tokens: Mapping[str, int] | None = None
    ) -> Definition:
        """Read the Definition of a file. Raises FormatError, with the reason, or OSError.

        pattern, special_tokens: for formats that do not hold them. Raises ValueError if the format holds its own
        pattern, or if a pattern is needed and not given.
        """
        module = import_module(f"pybpe.formats.{self.module}")
        if pattern is not None and not self.cannot_say:
            raise ValueError(f"{path} holds its own split pattern")
        definition: Definition = module.read(path, pattern, special_tokens) if self.cannot_say else module.read(path)
        return definition

    def write(self, definition: Definition, path: PathLike) -> None:
        """Write a Definition to a file. Raises ValueError if the format cannot hold it."""
        import_module(f"pybpe.formats.{self.module}").write(definition, path)


def _begins(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda start: start.startswith(starts)


def _never(start: bytes) -> bool:
    return False


FORMATS = {
    each.name: each
    for each in (
        Format("pybpe", "pybpe's own file", "native", _begins(MAGIC), suffixes=(".pybpe",)),
        Format(
            "tokenizer.json",
            "Hugging Face's file",
            "huggingface",
            lambda start: start.lstrip().startswith(b"{"),
            suffixes=(".json",),
        ),
        Format(
            "huggingface",
            "a folder that transformers can open",
            "huggingface",
            _never,
            parts=("tokenizer.json", "tokenizer_config.json"),
            suffixes=("",),
        ),
        Format("gguf", "a GGUF vocabulary", "gguf", _begins(b"GGUF"), suffixes=(".gguf",)),
        Format(
            "minbpe", "minbpe's .model and .vocab", "minbpe", _begins(b"minbpe "), beside=".vocab", suffixes=(".model",)
        ),
        Format(
            "sentencepiece",
            "a sentencepiece model",
            "sentencepiece",  # a message whose first field is a piece
            lambda start: start.startswith(b"\n") and not _RANK_LINE.match(start),
        ),
        Format(
            "tiktoken",
            "a rank file",
            "tiktoken",
            lambda start: bool(_RANK_LINE.match(start)),
            cannot_say="neither the split pattern nor special tokens",
            suffixes=(".tiktoken",),
        ),
        Format(
            "gpt2",
            "a folder with vocab.json and merges.txt",
            "gpt2",
            _never,
            parts=("vocab.json", "merges.txt"),
        ),
    )
}


def recognise(path: PathLike) -> Format | None:
    """Return the format of a file, by its first bytes, or of a folder, by its files; None if it is not a tokenizer.

    Raises OSError if the path cannot be read.
    """
    place = Path(path)
    if place.is_dir() or place.name == "vocab.json":
        folder = place if place.is_dir() else place.parent
        for name in ("huggingface", "gpt2") if place.is_dir() else ("gpt2",):
            if (folder / FORMATS[name].parts[0]).exists():
                return FORMATS[name]
        raise FileNotFoundError(f"there is neither a tokenizer.json nor a vocab.json in the folder {path}; name a file")
    with place.open("rb") as file:
        start = file.read(_START)
    return next((each for each in FORMATS.values() if each.recognises(start)), None)
