"""Byte-pair merging: the table of merges and the loops that apply it to a word."""

from pybpe._core.vocab import Vocabulary

class MergeTable:
    """Which pairs of ids merge, into what, in what order. `ranks.ranked_merges` and `listed_merges` make them.

    Raises ValueError for a vocabulary that lacks one of the 256 bytes. `room` is how many merges there will be.
    """

    def __init__(self, vocabulary: Vocabulary, room: int) -> None: ...
    def __len__(self) -> int: ...

def listed_merges(vocabulary: Vocabulary, merges: memoryview) -> MergeTable:
    """The table of merges that are rows (left, right, token) in learned order, uint32[n, 3]: the first merge first."""
