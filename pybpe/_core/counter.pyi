"""Counting words: (bytes, 64-bit count, first seen) in one hash table."""

from pybpe._core.splitter import Splitter

class WordCounter:
    """Counts of words. Not safe to change from two threads at once; give each its own and merge."""

    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    @property
    def total(self) -> int:
        """The sum of all counts."""
    def count_text(self, splitter: Splitter, text: bytes, order: int) -> None:
        """Split UTF-8 text and count its words, without the GIL. `order` numbers the texts, for `first_seen`."""
    def add(self, word: bytes, times: int, first_seen: int) -> None:
        """Add to the count of one word. Raises ValueError unless `times` >= 1."""
    def merge(self, other: WordCounter) -> None:
        """Add all counts of another counter; the earlier `first_seen` stays."""
    def items(self) -> list[tuple[bytes, int, int]]:
        """All words as (bytes, count, first_seen)."""
