"""Byte-pair merging: the table of merges, and the loops that apply it to a word."""

from pybpe._core.vocab import Vocabulary

class MergeTable:
    """The merges as a hash table {(left, right): (token, rank)}. `listed_merges` and `ranks.ranked_merges` make one.

    room: the number of merges to make room for. Raises ValueError for a vocabulary that lacks one of the 256 bytes.
    """

    def __init__(self, vocabulary: Vocabulary, room: int) -> None: ...
    def __len__(self) -> int: ...

def listed_merges(vocabulary: Vocabulary, merges: memoryview) -> MergeTable:
    """Return the table of `merges`, uint32[n, 3]: rows (left, right, token) in the order in which they apply."""
