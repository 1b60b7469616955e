"""Words for vocabularies that leave something out: words of white space alone, or bytes without a token."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate

from pybpe.encode.segments import Located
from pybpe.normalization.stages import WHITE_SPACE
from pybpe.pretokenization.patterns import Split
from pybpe.util.utf8 import replace_escaped_bytes, to_text


class Words:
    """A splitter in Python that leaves out some words or bytes, which the compiled code does not do. Immutable.

    drops_space: True to leave out words of white space alone. dropped: the bytes that are left out of words.
    """

    def __init__(self, split: Split, drops_space: bool, dropped: bytes) -> None:
        self._split = split
        self._drops_space = drops_space
        self._dropped = dropped

    def drops_of(self, text: bytes) -> bool:
        """Return True if a text holds bytes that are left out."""
        return bool(self._dropped) and len(text.translate(None, self._dropped)) < len(text)

    def without_dropped(self, text: bytes) -> tuple[bytes, array[int]]:
        """Return the words of a text without the bytes that are left out, joined, and the end of each word, int64[n].

        A byte that is not UTF-8 becomes U+FFFD.
        """
        utf8 = text if text.isascii() else to_text(text).encode()
        words = [kept for word in self._split.split(utf8) if (kept := word.translate(None, self._dropped))]
        return b"".join(words), array("q", accumulate(map(len, words)))

    def split_with_offsets(self, segments: Iterable[Located]) -> Iterator[Located]:
        """Yield each word of the ordinary segments as a segment of its own; ids are yielded unchanged.

        segments: from `Segmenter.split_with_offsets`.
        """
        for segment in segments:
            if isinstance(segment.content, int):
                yield segment
                continue
            places = segment.places or [(place, place + 1) for place in range(segment.start, segment.end)]
            done = 0
            for word in self._split.split(replace_escaped_bytes(segment.content).encode()):
                text = word.decode()
                of_word = places[done : done + len(text)]
                done += len(text)
                if not self._drops_space or text.strip(WHITE_SPACE):
                    yield Located(text, of_word, of_word[0][0], of_word[-1][1])
