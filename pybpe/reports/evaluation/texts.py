"""The text of an evaluation: the beginnings of some files, or their ends, kept out of training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from pybpe.data.documents import read_documents
from pybpe.data.readers.archives import without_archives
from pybpe.data.readers.blocks import Cut
from pybpe.data.readers.documents import text_size

MOST_BYTES = 16_000_000

_CODE = (
    ".py .pyx .pxd .pyi .c .h .cc .cpp .cxx .hpp .cu .rs .go .java .kt .scala .swift .m .mm .js .jsx .mjs .ts .tsx "
    ".vue .css .scss .sql .sh .bash .zsh .ps1 .pl .pm .rb .php .lua .r .jl .hs .ml .mli .fs .cs .vb .dart .ex .exs "
    ".erl .clj .lisp .el .scm .zig .nim .asm .s .f90 .cmake .proto .tf"
)
CODE_SUFFIXES = frozenset(_CODE.split())


Segmenter = Iterator[tuple[Path, bytes]]


@dataclass(frozen=True)
class Passage:
    """Some text that can be encoded alone. code: whether it is from a file of program code."""

    text: bytes
    code: bool = False


def read_pieces(files: Iterable[Path], cut: Cut | None, text_field: str) -> Segmenter:
    """The text of files in pieces that can be encoded alone, each with its file."""
    return ((path, piece) for path in files for piece, _ in read_documents([path], cut, text_field))


def first_passages(files: list[Path], cut: Cut | None, text_field: str) -> list[Passage]:
    """The beginnings of files, equally much of each, MOST_BYTES together at most."""
    passages = []
    for path in files:
        passages += _passages(read_pieces([path], cut, text_field), MOST_BYTES // len(files), cut)
    return passages


class Split:
    """A corpus of which the end of each file is kept out of training.

    held_out: the share of its text. Archives and the like are read to their end to know what that is. Raises ValueError
    if it is nothing.
    """

    def __init__(self, files: list[Path], cut: Cut | None, text_field: str, held_out: float) -> None:
        self._cut, self._text_field = cut, text_field
        self._before = []  # of each file, how many bytes are not held out
        size = 0
        for path in files:
            size_of_file = self._size(path)
            self._before.append((path, size_of_file - int(size_of_file * held_out)))
            size += size_of_file
        self.n_before = sum(before for _, before in self._before)  # bytes, more or less
        if self.n_before == size:
            raise ValueError(f"of {size:,} bytes {held_out:g} is nothing to measure on; hold a larger share out")
        self.held_out: list[Passage] = []  # known once `before` was read to its end; MOST_BYTES of it at most

    def before(self) -> Iterator[bytes]:
        """The text to train on."""
        held_out = []
        for path, before in self._before:
            pieces = self._pieces(path)
            for _, text in pieces:
                if len(text) <= before:
                    yield text
                    before -= len(text)
                    continue
                end = _end(text, before, self._cut)
                if end:
                    yield text[:end]
                rest = chain([(path, text[end:])], pieces)
                held_out += _passages(rest, MOST_BYTES // len(self._before), self._cut)
                break
        self.held_out = held_out

    def _size(self, path: Path) -> int:
        size = text_size([path])
        return sum(len(text) for _, text in self._pieces(path)) if size is None else size

    def _pieces(self, path: Path) -> Segmenter:
        return read_pieces([path], self._cut, self._text_field)


def _passages(pieces: Segmenter, most: int, cut: Cut | None) -> list[Passage]:
    """The beginning of the text of pieces, `most` bytes or a little less."""
    passages = []
    for path, text in pieces:
        taken = text if len(text) <= most else text[: _end(text, most, cut)]
        if taken:
            passages.append(Passage(taken, without_archives(path).suffix.lower() in CODE_SUFFIXES))
        most -= len(text)
        if most <= 0:
            break
    return passages


def _end(text: bytes, most: int, cut: Cut | None) -> int:
    """Up to where to take a text that is too long: a place where it may be cut, or the end of a line or character."""
    end = (cut(text[:most]) if cut else 0) or text.rfind(b"\n", 0, most) + 1 or most
    while 0 < end < len(text) and text[end] & 0xC0 == 0x80:
        end -= 1
    return end
