"""Encoding of a word that grows at its end."""

from pybpe._core.merge import MergeTable
from pybpe._core.vocab import Vocabulary

class Endings:
    """The tokens of a vocabulary by their suffixes, and which tokens may follow which. Immutable except for a memo.

    Raises ValueError for tokens of more than 4 GiB, MemoryError.
    """

    usable: bool
    """True if the parts of two tokens tell if they may be neighbours; if not, the two are merged to find out."""

    def __init__(self, vocabulary: Vocabulary, merges: MergeTable) -> None: ...
    def encode_beginnings(self, word: bytes) -> list[int]:
        """Return the last id of word[:i + 1] for each i, int[len(word)]."""
