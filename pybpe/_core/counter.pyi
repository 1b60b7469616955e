"""A hash table of words with their counts (64 bits) and first occurrences."""

import numpy as np
import numpy.typing as npt

from pybpe._core.splitter import Splitter

class WordCounter:
    """The counts of words. Two threads must not change one at once: give each its own, and merge them."""

    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    @property
    def n_bytes(self) -> int:
        """The size of all different words together, in bytes."""
    @property
    def total(self) -> int:
        """The sum of all counts."""
    def count_text(self, splitter: Splitter, text: bytes, order: int, number: int = 0) -> int:
        """Split UTF-8 text and count its words, without the GIL. Return the number of the word that would follow.

        order: the number of the text. number: the number of its first word. `first_seen` is order << 32 | number.
        """
    def add(self, word: bytes, times: int, first_seen: int) -> None:
        """Add `times` to the count of one word. Raises ValueError for `times` below 1."""
    def merge(self, other: WordCounter) -> None:
        """Add all counts of another counter, and keep the smaller `first_seen` of each word."""
    def kept(self, count: int, first_seen: int) -> WordCounter:
        """Return a counter of the words that occur more than `count` times.

        It also has the words that occur exactly `count` times and were first seen at `first_seen` or before. Raises
        ValueError for a count below 0.
        """
    def fill(
        self,
        blob: npt.NDArray[np.uint8],
        sizes: npt.NDArray[np.uint32],
        counts: npt.NDArray[np.int64],
        first_seen: npt.NDArray[np.int64],
    ) -> None:
        """Write all words into arrays, in no particular order: blob[n_bytes], and an item of the others for each word."""
