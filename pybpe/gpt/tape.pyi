"""The tape of operations and its arena, used from Cython; see src_ext/pybpe/gpt/tape.pyx and `pybpe.gpt.autograd`."""

import numpy as np
import numpy.typing as npt

def allocations() -> int:
    """How many blocks of memory the engine has asked the system for since the process began."""

def checked_ids(ids: npt.ArrayLike, limit: int) -> npt.NDArray[np.int32]:
    """`ids` as contiguous int32 of the same shape, proved to lie in 0..limit - 1. ValueError otherwise."""
