"""The tape of operations and its arena, used from Cython.

`pybpe.gpt.autograd` is the same for Python. See src_ext/pybpe/gpt/tape.pyx.
"""

import numpy as np
import numpy.typing as npt

def allocations() -> int:
    """Return how many times the engine has allocated memory since the process started."""

def checked_ids(ids: npt.ArrayLike, limit: int) -> npt.NDArray[np.int32]:
    """Return `ids` as a contiguous int32 array of the same shape. ValueError if one is not in 0..limit - 1."""
