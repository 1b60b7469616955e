"""Words that are not just the parts of a text: without those of white space, or without some bytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate

from pybpe.encode.segments import Located
from pybpe.normalization.stages import WHITE_SPACE
from pybpe.pretokenization.patterns import Split
from pybpe.util.utf8 import repair_torn, to_text


class Words:
    """Makes words of a text in Python, for what the compiled code does not do. Immutable.

    drops_space: whether those of white space alone are left out. dropped: bytes that are left out of words.
    """

    def __init__(self, split: Split, drops_space: bool, dropped: bytes) -> None:
        self._split = split
        self._drops_space = drops_space
        self._dropped = dropped

    def drops_of(self, text: bytes) -> bool:
        """Whether a text holds bytes that are left out."""
        return bool(self._dropped) and len(text.translate(None, self._dropped)) < len(text)

    def without_dropped(self, text: bytes) -> tuple[bytes, array[int]]:
        """The words without those bytes, one after the other, and where each ends, int64.

        A byte that is not UTF-8 becomes U+FFFD.
        """
        utf8 = text if text.isascii() else to_text(text).encode()
        words = [kept for word in self._split.split(utf8) if (kept := word.translate(None, self._dropped))]
        return b"".join(words), array("q", accumulate(map(len, words)))

    def split_with_offsets(self, pieces: Iterable[Located]) -> Iterator[Located]:
        """The words of pieces that are text as pieces of their own; see `Segmenter.split_with_offsets`."""
        for piece in pieces:
            if isinstance(piece.content, int):
                yield piece
                continue
            places = piece.places or [(place, place + 1) for place in range(piece.start, piece.end)]
            done = 0
            for word in self._split.split(repair_torn(piece.content).encode()):
                text = word.decode()
                of_word = places[done : done + len(text)]
                done += len(text)
                if not self._drops_space or text.strip(WHITE_SPACE):
                    yield Located(text, of_word, of_word[0][0], of_word[-1][1])
