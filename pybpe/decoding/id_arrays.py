"""Ids in any form that callers have them in, as one array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pybpe.errors import TokenIdError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pybpe._core.decode import Ids


def as_uint32(ids: Ids) -> npt.NDArray[np.uint32]:
    """Ids as a contiguous uint32 array. Raises TokenIdError for one that does not fit, TypeError for other things."""
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
    """The items of an array of Python objects: where a list holds an integer beyond 64 bits, numpy leaves them so."""
    return numbers.tolist() if numbers.dtype.kind == "O" else []
