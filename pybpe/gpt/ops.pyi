"""The operations of the micro GPT on plain arrays.

Only the matrix product is visible from Python. See src_ext/pybpe/gpt/ops.pyx.
"""

from typing import Any

import numpy.typing as npt

def levels() -> int:
    """Return the number of kernel levels that this processor can run: 1 (base), 2 (AVX2) or 3 (AVX-512)."""

def product(out: npt.NDArray[Any], a: npt.NDArray[Any], b: npt.NDArray[Any], level: int, add: bool = False) -> None:
    """Write `a @ b` to `out`, or add it to `out` if `add`, with the kernels of one level.

    All are matrices of one dtype, float32 or float64. ValueError if the shapes do not fit.
    """
