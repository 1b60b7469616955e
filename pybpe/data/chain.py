"""Several arrays of ids that read as one without a copy, for shards larger than memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[Any]


def chained(arrays: Sequence[Ids]) -> Ids:
    """Concatenate 1-D arrays of one dtype without a copy; a single array is returned as it is.

    The result of several arrays is not a numpy array. It has len, dtype and ndim, can be sliced without a step, and can
    be indexed by a number or by an integer array of any shape, without negative numbers.
    """
    return arrays[0] if len(arrays) == 1 else cast(Ids, _Chain(arrays))


class _Chain:
    """Concatenated arrays. A slice is a _Chain again, an element is a numpy scalar."""

    ndim = 1

    def __init__(self, arrays: Sequence[Ids]) -> None:
        self._arrays = arrays
        self._ends = np.cumsum([len(array) for array in arrays], dtype=np.int64)
        self.dtype = arrays[0].dtype

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._cut(index)
        places = np.asarray(index, np.int64)
        if places.size and not (places.min() >= 0 and places.max() < len(self)):
            raise IndexError(f"indexes {places.min()} to {places.max()} are out of range for {len(self):,} ids")
        found = np.empty(places.shape, self.dtype)
        owners = np.searchsorted(self._ends, places, side="right")
        for owner in np.unique(owners):
            mine = owners == owner
            begin = self._ends[owner] - len(self._arrays[owner])
            found[mine] = self._arrays[owner][places[mine] - begin]
        return found if found.ndim else found[()]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Ids:
        whole = np.concatenate(self._arrays)
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def _cut(self, part: slice) -> _Chain:
        start, stop, step = part.indices(len(self))
        if step != 1:
            raise IndexError("ids of several shards are cut without a step")
        begins = self._ends - [len(array) for array in self._arrays]
        return _Chain(
            [
                array[max(0, start - begin) : max(0, stop - begin)]
                for array, begin in zip(self._arrays, begins.tolist(), strict=True)
            ]
        )
