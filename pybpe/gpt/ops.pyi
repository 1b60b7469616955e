"""The operations of the GPT on bare memory; Python sees only the matrix product. See src_ext/pybpe/gpt/ops.pyx."""

from typing import Any

import numpy.typing as npt

def levels() -> int:
    """How many kernel levels this machine can run: 1 (base), 2 (AVX2) or 3 (AVX-512)."""

def product(
    out: npt.NDArray[Any], a: npt.NDArray[Any], b: npt.NDArray[Any], level: int, add: bool = False
) -> None:
    """Write `a @ b` into `out`, or add it, with the kernels of one level. ValueError for shapes that do not fit."""
