"""The merges of a vocabulary that lists none, where ids or ranks say which merge first."""

from array import array

from pybpe._core.ids import IdBuffer
from pybpe._core.merge import MergeTable
from pybpe._core.vocab import Vocabulary

def ranked_merges(vocabulary: Vocabulary, hint: memoryview) -> tuple[MergeTable, IdBuffer | None]:
    """The table that gives the ids of merging any two neighbours whose bytes joined are a token, lowest id first.

    Also its rows (left, right, token), one for each token that merging comes to, in the order of the tokens; None if
    they are those of `hint`, uint32[n, 3], which may be any rows at all.
    """

def scored_merges(vocabulary: Vocabulary, ranks: array[int], tied: bool) -> tuple[MergeTable, IdBuffer]:
    """As `ranked_merges` without a hint, where each token has a rank, uint32, and no two have the same bytes.

    tied: whether any of them share one.
    """
