"""Byte-pair merging: the table of merges and the loops that apply it to a word."""

import numpy as np
import numpy.typing as npt

from pybpe._core.ids import IdBuffer
from pybpe._core.vocab import Vocabulary

class MergeTable:
    """Which pairs of ids merge, into what, in what order. Immutable.

    `merges` is uint32[n, 3] with rows (left, right, token). The rank of a merge is its row, or, with `rank_is_token`,
    its token, so that all ways to build a token rank alike, as tiktoken has it. `byte_ids` gives the id of each byte.
    """

    def __init__(self, merges: npt.NDArray[np.uint32], byte_ids: list[int], rank_is_token: bool) -> None: ...
    def __len__(self) -> int: ...

def all_splits(vocabulary: Vocabulary) -> IdBuffer:
    """Rows (left, right, token) of every way to cut each token into two tokens, in the order of the tokens."""
