"""Several arrays of ids that read as one, without being copied into one: shards larger than memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[Any]


def chained(arrays: Sequence[Ids]) -> Ids:
    """1-D arrays of one type one after another; a single one is itself, others are read where they lie.

    What is made of several is no numpy array, but has len, dtype and ndim, can be cut by a slice without a step, and
    gives elements for a number or an array of numbers of any shape, from 0 on: all that training asks for.
    """
    return arrays[0] if len(arrays) == 1 else cast(Ids, _Chain(arrays))


class _Chain:
    """Arrays one after another. Slices are chains too; elements are numpy's."""

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
            raise IndexError(f"there is no id {places.min()} or {places.max()} among {len(self)}")
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
