"""Learning merges from words and how often they occur."""

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

    symbols, sizes, counts: the words one after the other as ids, the symbols of each, how often each occurs.
    blob: the words as bytes; `symbols` then has the ids of the 256 bytes.
    tokens: the bytes of the tokens there are, by id; empty for an id that no word has.
    last_token: the number of ids to stop at.
    min_count: pairs that occur fewer times (and at least once) are never merged.
    most_bytes: no merge makes a longer token.
    order: which of equally frequent pairs goes first: by "ids", the smallest (left, right), or by "place", the one
        whose first occurrence comes first in the words as they are now, or by "spelling", the one of fewest characters,
        at most 16, of these the first by its bytes.
    scripts: with "spelling", uint16 for each token, which then are characters: only tokens of one script are merged; 0
        goes with any, 65,535 with none.
    twins: what a merge becomes whose bytes are a token already: "separate", a token of its own; "shared", that token;
        "huggingface", that token, with the counts that the tokenizers package then has.

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
    """Rows (left, right, token) learned so far."""
    tokens: Spellings
    """The tokens there are by now."""
    last_count: int
    """How often the pair that was merged last occurred."""
    is_full: bool
    """Whether there are `last_token` ids."""
    def learn(self, n_merges: int) -> int:
        """Learn up to `n_merges` more, without the GIL; returns how many there were."""
