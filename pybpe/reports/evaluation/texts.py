"""The text of an evaluation: samples of files, and held-out parts that training leaves out."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pybpe.data.documents import read_documents
from pybpe.data.readers.archives import without_archives
from pybpe.data.readers.blocks import Cut
from pybpe.data.readers.documents import text_size

MOST_BYTES = 16_000_000  # the maximum size of the text to measure on
MOST_BLOCK = 1 << 14  # the maximum bytes of a held-out part
LEAST_BLOCK = 64
LEAST_PARTS = 16  # of the held-out text, if its blocks are then no smaller than LEAST_BLOCK

_CODE = (
    ".py .pyx .pxd .pyi .c .h .cc .cpp .cxx .hpp .cu .rs .go .java .kt .scala .swift .m .mm .js .jsx .mjs .ts .tsx "
    ".vue .css .scss .sql .sh .bash .zsh .ps1 .pl .pm .rb .php .lua .r .jl .hs .ml .mli .fs .cs .vb .dart .ex .exs "
    ".erl .clj .lisp .el .scm .zig .nim .asm .s .f90 .cmake .proto .tf"
)
CODE_SUFFIXES = frozenset(_CODE.split())


@dataclass(frozen=True)
class Passage:
    """A text that can be encoded alone. code: True if it is from a file of program code."""

    text: bytes
    code: bool = False


class Sample:
    """A random sample of the passages of a stream, uniform, of at most `most` bytes."""

    def __init__(self, most: int, seed: int) -> None:
        self._left = most
        self._random = random.Random(seed)
        self._kept: list[tuple[float, int, Passage]] = []  # a heap with the next one to drop on top
        self._n_seen = 0

    def add(self, passage: Passage) -> None:
        """Add a passage; if there are too many bytes, random passages are dropped."""
        heapq.heappush(self._kept, (self._random.random(), self._n_seen, passage))
        self._n_seen += 1
        self._left -= len(passage.text)
        while self._left < 0 and len(self._kept) > 1:
            self._left += len(heapq.heappop(self._kept)[2].text)

    def add_text(self, text: bytes, cut: Cut | None, is_code: bool = False) -> None:
        """Add a text as passages of about MOST_BLOCK bytes."""
        for begin, end in blocks_of(text, MOST_BLOCK, cut):
            self.add(Passage(text[begin:end], is_code))

    def passages(self) -> list[Passage]:
        """Return the passages of the sample in the order in which they were added."""
        return [passage for _, _, passage in sorted(self._kept, key=lambda kept: kept[1])]


def sample_passages(files: list[Path], cut: Cut | None, text_field: str, seed: int = 0) -> list[Passage]:
    """Return all text of files, or a random sample of MOST_BYTES if it is longer."""
    sample = Sample(MOST_BYTES, seed)
    for path in files:
        for text, _ in read_documents([path], cut, text_field):
            sample.add_text(text, cut, _is_code(path))
    return sample.passages()


class Choice:
    """A function that chooses parts of a stream, so that the chosen parts are about a share of all bytes.

    It counts the bytes that should have been chosen so far and were not. A part is chosen if this debt is more than a
    random share of the part's bytes, so parts are chosen from all over the stream. The same seed chooses the same
    parts. most: the bytes of the largest part; a debt of that many bytes always chooses the next part.
    """

    def __init__(self, share: float, most: int, seed: int) -> None:
        self._share, self._most = share, most
        self._random = random.Random(seed)
        self._threshold = self._random.random()
        self._owed = 0.0  # bytes that should have been chosen so far, minus those that were

    def __call__(self, n_bytes: int) -> bool:
        """Return True if the next part, of `n_bytes`, is chosen."""
        self._owed += self._share * n_bytes
        if self._owed <= self._threshold * min(n_bytes, self._most):
            return False
        self._owed -= n_bytes
        self._threshold = self._random.random()
        return True


def split_text(text: bytes, share: float, least: int, seed: int = 0) -> tuple[bytes, bytes]:
    """Split a text at ends of lines into (the rest, a held-out share in parts from all over it).

    least: the minimum bytes of a part, unless the held-out share is smaller. The same seed chooses the same parts.
    """
    most = _part_size(int(len(text) * share), least)
    choice = Choice(share, most, seed)
    parts: tuple[list[bytes], list[bytes]] = ([], [])
    for begin, end in blocks_of(text, most, None):
        parts[choice(end - begin)].append(text[begin:end])
    return b"".join(parts[False]), b"".join(parts[True])


def _part_size(held_out: int, least: int) -> int:
    """Return the maximum bytes of a part if `held_out` bytes are held out in all."""
    return min(max(held_out // LEAST_PARTS, min(least, held_out), 1), MOST_BLOCK)


class Split:
    """A corpus with a held-out share, in parts that are spread over all of it.

    A part is a document, or a block of a longer one. Blocks have a sixteenth of the held-out bytes, at most MOST_BLOCK
    and, except in small corpora, at least LEAST_BLOCK. The same seed chooses the same parts.

    held_out: the share of the text, above 0. Raises ValueError if that is less than a byte.
    """

    def __init__(self, files: list[Path], cut: Cut | None, text_field: str, held_out: float, seed: int = 0) -> None:
        self._files, self._cut, self._text_field = files, cut, text_field
        self._share, self._seed = held_out, seed
        known = text_size(files)
        size = sum(path.stat().st_size for path in files) if known is None else known
        if int(size * held_out) == 0:
            raise self._too_little(size)
        # About the number of bytes to train on; None if it is unknown before the files are read.
        self.n_before = None if known is None else size - int(size * held_out)
        self._most = _part_size(int(size * held_out), LEAST_BLOCK)
        self.held_out: list[Passage] = []  # at most MOST_BYTES; complete when `before` has been read to its end

    def before(self) -> Iterator[bytes]:
        """Yield the text to train on."""
        choice, sample = Choice(self._share, self._most, self._seed), Sample(MOST_BYTES, self._seed)
        size = 0
        for path in self._files:
            for text, _ in read_documents([path], self._cut, self._text_field):
                size += len(text)
                start = 0
                for begin, end in blocks_of(text, self._most, self._cut):
                    if choice(end - begin):
                        sample.add(Passage(text[begin:end], _is_code(path)))
                        if start < begin:
                            yield text[start:begin]
                        start = end
                if start < len(text):
                    yield text[start:]
        self.held_out = sample.passages()
        if size and not self.held_out:
            raise self._too_little(size)

    def _too_little(self, size: int) -> ValueError:
        return ValueError(f"of {size:,} bytes {self._share:g} is nothing to measure on; hold a larger share out")


def _is_code(path: Path) -> bool:
    return without_archives(path).suffix.lower() in CODE_SUFFIXES


def blocks_of(text: bytes, most: int, cut: Cut | None) -> Iterator[tuple[int, int]]:
    """Yield (start, end) in bytes of the parts of a text, of about `most` bytes each."""
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= most else _end(text, start, most, cut)
        yield start, end
        start = end


def _end(text: bytes, start: int, most: int, cut: Cut | None) -> int:
    """Return the end of the part that begins at `start`: the last cut within `most` bytes, else the last line end.

    If there is neither, the part ends after the character that contains its last byte.
    """
    stop = start + most
    end = (cut(text[start:stop]) if cut else 0) or text.rfind(b"\n", start, stop) + 1 - start
    if end > 0:
        return start + end
    while stop < min(len(text), start + most + 3) and text[stop] & 0xC0 == 0x80:
        stop += 1
    return min(stop, len(text))
