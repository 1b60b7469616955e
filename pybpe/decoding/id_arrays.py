"""Conversion of ids, from any form that callers use, to a uint32 array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pybpe.errors import TokenIdError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pybpe._core.decode import Ids


def as_uint32(ids: Ids) -> npt.NDArray[np.uint32]:
    """Return ids as a contiguous array, uint32[n].

    Raises TokenIdError for an id outside uint32, TypeError if `ids` is not a one-dimensional sequence of integers.
    """
    import numpy as np

    try:
        numbers = np.asarray(ids)
    except (TypeError, ValueError, OverflowError):
        numbers = np.asarray(None)
    if numbers.ndim == 1 and not numbers.size:
        return np.empty(0, dtype=np.uint32)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iuO" or not all(isinstance(i, int) for i in _objects(numbers)):
        raise TypeError("ids must be a sequence of integers")
    bad = np.flatnonzero((numbers < 0) | (numbers > 0xFFFFFFFF))
    if bad.size:
        raise TokenIdError(f"id {numbers[bad[0]]} at position {bad[0]} is outside the vocabulary")
    return np.ascontiguousarray(numbers, dtype=np.uint32)


def _objects(numbers: npt.NDArray[Any]) -> list[object]:
    """Return the items of an array of dtype object, which numpy makes for integers beyond 64 bits; else []."""
    return numbers.tolist() if numbers.dtype.kind == "O" else []
