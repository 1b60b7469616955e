"""Generation with a cache of keys and values; see src_ext/pybpe/gpt/decoder.pyx."""

from typing import Any

import numpy as np
import numpy.typing as npt

class Decoder:
    """Feeds tokens one by one through flat parameters that the caller owns."""

    position: int
    def __init__(self, sizes: tuple[int, int, int, int, int], params: npt.NDArray[Any]) -> None: ...
    def clear(self) -> None:
        """Forget every token."""
    def feed(self, token: int) -> None:
        """Take in one token at the next position. ValueError for an id out of range or a full cache."""
    def logits(self) -> npt.NDArray[np.float64]:
        """The logits [n_vocab] after the last token fed."""
