"""Merging a long word without merging: the longest token first."""

from pybpe._core.ids import IdBuffer
from pybpe._core.merge import MergeTable
from pybpe._core.vocab import Vocabulary

class Backtracker:
    """Gives what the merges of a table give, in time that grows with the length of the word. Immutable."""

    usable: bool
    """Whether the merges are in an order in which that can be; if not, only `MergeTable` is right."""

    def __init__(self, vocabulary: Vocabulary, merges: MergeTable) -> None: ...
    def encode_word(self, word: bytes) -> IdBuffer:
        """The ids of one word. Raises ValueError if not `usable`."""
