"""Words that are not just the parts of a text: without those of white space, or each with a mark at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pybpe.patterns import Split
from pybpe.text.normalizer import WHITE_SPACE
from pybpe.text.pieces import Places
from pybpe.text.utf8 import repair_torn, to_text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Located = tuple[str | int, Places | None, int, int]


class Words:
    """Makes of a text the words that are merged. Immutable.

    mark: what is put behind each. drops_space: whether those of white space alone are left out. dropped: bytes that are
    left out of words.
    """

    def __init__(self, split: Split, mark: bytes = b"", drops_space: bool = False, dropped: bytes = b"") -> None:
        self._split = split
        self._mark = mark
        self._drops_space = drops_space
        self._dropped = dropped

    def of(self, text: bytes) -> tuple[bytes, npt.NDArray[np.int64]]:
        """The words one after the other, and where each ends, int64. A byte that is not UTF-8 becomes U+FFFD."""
        utf8 = text if text.isascii() else to_text(text).encode()
        words = [word for word in self._split.split(utf8) if self._is_kept(word)]
        if self._dropped:
            words = [kept for word in words if (kept := word.translate(None, self._dropped))]
        return self._joined(words)

    def drops_of(self, text: bytes) -> bool:
        """Whether a text holds bytes that are left out."""
        return len(text.translate(None, self._dropped)) < len(text)

    def _is_kept(self, word: bytes) -> bool:
        return not self._drops_space or 0x20 < word[0] < 0x80 or bool(word.decode().strip(WHITE_SPACE))

    def _joined(self, words: list[bytes]) -> tuple[bytes, npt.NDArray[np.int64]]:
        import numpy as np  # here, because opening a tokenizer takes less time than numpy does

        sizes = np.fromiter(map(len, words), dtype=np.int64, count=len(words)) + len(self._mark)
        return b"".join((self._mark.join(words), self._mark if words else b"")), np.cumsum(sizes)

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
            for word in self._split.split(repair_torn(piece).encode()):
                text = word.decode()
                of_word = places[done : done + len(text)]
                done += len(text)
                if self._is_kept(word):
                    yield text, of_word, of_word[0][0], of_word[-1][1]
