"""Generation by the micro GPT with a cache of keys and values.

See src_ext/pybpe/gpt/decoder.pyx.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

class Decoder:
    """The micro GPT on one sequence, a token at a time.

    sizes: MicroConfig.sizes. params: the parameters, flat; they belong to the caller and are not copied.
    position: number of tokens fed so far.
    """

    position: int
    def __init__(self, sizes: tuple[int, int, int, int, int], params: npt.NDArray[Any]) -> None: ...
    def clear(self) -> None:
        """Empty the cache and set `position` to 0."""
    def feed(self, token: int) -> None:
        """Run the model on one token at the next position. ValueError if the id is out of range or the cache full."""
    def logits(self) -> npt.NDArray[np.float64]:
        """Return the logits float64[n_vocab] after the last token fed."""
