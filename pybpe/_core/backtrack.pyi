"""Encoding of a long word by backtracking over the longest tokens, in linear time."""

from pybpe._core.ids import IdBuffer
from pybpe._core.merge import MergeTable
from pybpe._core.vocab import Vocabulary

class Backtracker:
    """An encoder of words with the result of a MergeTable, in time linear in the word. Immutable."""

    usable: bool
    """True if the order of the merges allows it; if not, only the MergeTable gives the right ids."""

    def __init__(self, vocabulary: Vocabulary, merges: MergeTable) -> None: ...
    def encode_word(self, word: bytes) -> IdBuffer:
        """Return the ids of one word. Raises ValueError if not `usable`."""
