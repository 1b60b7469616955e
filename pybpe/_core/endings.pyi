"""Merging a word that grows at its end."""

from pybpe._core.merge import MergeTable
from pybpe._core.vocab import Vocabulary

class Endings:
    """The tokens of a vocabulary by how they end, and which can stand behind which. Immutable but for a memo.

    Raises ValueError for tokens of more than 4 GiB, MemoryError.
    """

    usable: bool
    """True if the parts of tokens tell which can be neighbours; if not, two tokens are merged to find out."""

    def __init__(self, vocabulary: Vocabulary, merges: MergeTable) -> None: ...
    def encode_beginnings(self, word: bytes) -> list[int]:
        """Return the last token that merging word[:i + 1] gives, for each i."""
