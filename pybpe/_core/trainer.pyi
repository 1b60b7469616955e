"""Training: learn merges from words and their counts."""

from array import array
from typing import Literal

import numpy as np
import numpy.typing as npt

from pybpe._core.ids import IdBuffer
from pybpe._core.spellings import Spellings

Order = Literal["ids", "place", "spelling"]
Twins = Literal["separate", "shared", "huggingface"]

class Trainer:
    """Greedy byte-pair training: each step merges the most frequent pair and gives it the next id.

    symbols: the ids of all words, joined, uint32. sizes: the number of symbols of each word, uint32[n_words]. counts:
        the count of each word, int64[n_words].
    blob: the bytes of all words, joined, uint8; `symbols` then holds the ids of the 256 bytes.
    tokens: the bytes of the existing tokens, by id; b"" for an id that no word has.
    last_token: the number of ids at which training stops.
    min_count: the number of occurrences that a pair needs to be merged, at least 1.
    most_bytes: the maximum size of a merged token, in bytes.
    order: the order among equally frequent pairs. "ids": the smallest (left, right) first. "place": the pair that occurs
        first in the words as merged so far. "spelling": the pair of fewest characters, at most 16, and among these
        the first by its bytes.
    scripts: for order "spelling", the script of each token, uint16[n]; tokens are characters. Only tokens of one
        script are merged; 0 merges with any script, 65,535 with none.
    twins: the result of a merge whose bytes are a token already. "separate": a new token. "shared": the existing token.
        "huggingface": the existing token, with the counts that the tokenizers package then has.

    Raises ValueError for words that are not made of these tokens, OverflowError for 2**63 pairs or more.
    """

    def __init__(
        self,
        symbols: npt.NDArray[np.uint32],
        sizes: npt.NDArray[np.uint32],
        counts: npt.NDArray[np.int64] | array[int],
        tokens: list[bytes],
        last_token: int,
        *,
        blob: npt.NDArray[np.uint8] | None = None,
        min_count: int = 1,
        most_bytes: int = 0xFFFFFFFF,
        order: Order = "ids",
        twins: Twins = "separate",
        scripts: npt.NDArray[np.uint16] | None = None,
    ) -> None: ...
    merges: IdBuffer
    """The merges learned so far, rows (left, right, token), uint32[3 * n]."""
    tokens: Spellings
    """The existing tokens."""
    last_count: int
    """The number of occurrences of the last merged pair."""
    is_full: bool
    """True if there are `last_token` ids."""
    def learn(self, n_merges: int) -> int:
        """Learn up to `n_merges` more merges, without the GIL, and return the number of them."""
