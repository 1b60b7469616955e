"""The ids of each symbol, for vocabularies whose symbols are not their tokens."""

from array import array

from pybpe._core.vocab import Vocabulary

class Emission:
    """The ids of each symbol: symbol i becomes ids[ends[i - 1]:ends[i]]. ends, ids: uint32 arrays.

    Raises ValueError for a symbol with no id, or with more ids than bytes.
    """

    def __init__(self, symbols: Vocabulary, ends: array[int], ids: array[int]) -> None: ...
