"""Counting words: (bytes, 64-bit count, first seen), found by hash."""

import numpy as np
import numpy.typing as npt

from pybpe._core.splitter import Splitter

class WordCounter:
    """Counts of words. Not safe to change from two threads at once; give each its own and merge."""

    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    @property
    def n_bytes(self) -> int:
        """The bytes of all different words together."""
    @property
    def total(self) -> int:
        """The sum of all counts."""
    def count_text(self, splitter: Splitter, text: bytes, order: int, number: int = 0) -> int:
        """Split UTF-8 text and count its words, without the GIL.

        `order` numbers the texts, `number` is that of the first word here, for `first_seen`; gives that of the next.
        """
    def add(self, word: bytes, times: int, first_seen: int) -> None:
        """Add to the count of one word. Raises ValueError unless `times` >= 1."""
    def merge(self, other: WordCounter) -> None:
        """Add all counts of another counter; the earlier `first_seen` stays."""
    def kept(self, count: int, first_seen: int) -> WordCounter:
        """The words that occur more than `count` times, and of those that occur so often, the ones seen by then.

        Raises ValueError for a count below 0.
        """
    def fill(
        self,
        blob: npt.NDArray[np.uint8],
        sizes: npt.NDArray[np.uint32],
        counts: npt.NDArray[np.int64],
        first_seen: npt.NDArray[np.int64],
    ) -> None:
        """Write all words into arrays of the right sizes, in no order: their bytes joined, and a row for each."""
