"""Words that are not just the parts of a text: without those of white space, or each with a mark at its end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from pybpe.normalizer import WHITE_SPACE
from pybpe.patterns import Split
from pybpe.pieces import Places

_TORN = re.compile("[\udc80-\udcff]")
Located = tuple[str | int, Places | None, int, int]


class Words:
    """Makes of a text the words that are merged. Immutable.

    Those of white space alone are left out. mark: what is put behind each of the others.
    """

    def __init__(self, split: Split, mark: bytes) -> None:
        self._split = split
        self._mark = mark

    def of(self, text: bytes) -> tuple[bytes, npt.NDArray[np.int64]]:
        """The words one after the other, and where each ends, int64. A byte that is not UTF-8 becomes U+FFFD."""
        if not text.isascii():
            text = _TORN.sub("\ufffd", text.decode("utf-8", "surrogateescape")).encode()
        return self._joined(word for word in self._split.split(text) if word.decode().strip(WHITE_SPACE))

    def _joined(self, words: Iterable[bytes]) -> tuple[bytes, npt.NDArray[np.int64]]:
        marked = [word + self._mark for word in words]
        return b"".join(marked), np.cumsum(list(map(len, marked)), dtype=np.int64)

    def one(self, word: bytes) -> tuple[bytes, npt.NDArray[np.int64]]:
        """As `of`, for a text that is known to be one word."""
        return self._joined([word])

    def located(self, pieces: Iterable[Located]) -> Iterator[Located]:
        """The words of pieces that are text as pieces of their own; see `Pieces.located`."""
        for piece, places, start, end in pieces:
            if isinstance(piece, int):
                yield piece, places, start, end
                continue
            places = places or [(place, place + 1) for place in range(start, end)]
            done = 0
            for word in self._split.split(_TORN.sub("\ufffd", piece).encode()):
                text = word.decode()
                of_word = places[done : done + len(text)]
                done += len(text)
                if text.strip(WHITE_SPACE):
                    yield text, of_word, of_word[0][0], of_word[-1][1]
