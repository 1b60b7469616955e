"""What each symbol that merging works on is written as."""

from array import array

from pybpe._core.vocab import Vocabulary

class Emission:
    """The ids of each symbol: symbol i is ids[ends[i - 1]:ends[i]], one id or more and at most one for each of its bytes.

    ends, ids: uint32. Raises ValueError for a symbol of which that is not so.
    """

    def __init__(self, symbols: Vocabulary, ends: array[int], ids: array[int]) -> None: ...
