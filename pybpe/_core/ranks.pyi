"""The merges of vocabularies that list none: they follow from the ranks of the tokens."""

from array import array

from pybpe._core.ids import IdBuffer
from pybpe._core.merge import MergeTable
from pybpe._core.vocab import Vocabulary

def ranked_merges(vocabulary: Vocabulary, hint: memoryview) -> tuple[MergeTable, IdBuffer | None]:
    """Return the table that merges any two neighbours whose joined bytes are a token, lowest id first; and its rows.

    The rows (left, right, token), uint32[3 * n], are one for each token that merging can make, in the order of the
    tokens; None if they are those of `hint`. hint: uint32[n, 3], any rows; the right ones save time.
    """

def scored_merges(vocabulary: Vocabulary, ranks: array[int], tied: bool) -> tuple[MergeTable, IdBuffer]:
    """Return what `ranked_merges` returns, for tokens with ranks of their own, no two with the same bytes.

    ranks: the rank of each token, uint32[n]. tied: True if tokens share a rank.
    """
