"""Estimate the peak memory of training in torch from two small steps, for `pybpe gpt train --dry-run`.

Each operation of a step allocates memory that does not depend on the batch size (gradients of weights) and memory for
each window of text (activations). Steps of different batch sizes run the same operations. So the memory in use after
each operation is a linear function of the batch size: two measured steps determine it, and the estimate is its maximum
over all operations at the planned batch size.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class MemoryTimeline(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A context that records, after each operation, how many bytes are held by tensors made since it was entered.

    >>> import torch
    >>> with MemoryTimeline() as timeline:
    ...     x = torch.zeros(100)
    ...     y = x.view(10, 10) + 1
    >>> timeline.bytes_in_use
    [400, 400, 800]
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes_in_use: list[int] = []
        self._known: set[int] = set()
        self._live = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and record the bytes in use after it."""
        inputs = {_address(tensor) for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, Tensor)}
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and _address(tensor) not in inputs:
                self._add(tensor.untyped_storage())
        self.bytes_in_use.append(self._live)
        return made

    def _add(self, storage: Any) -> None:
        if storage._cdata not in self._known:
            self._known.add(storage._cdata)
            self._live += storage.nbytes()
            weakref.finalize(storage, self._remove, storage._cdata, storage.nbytes())

    def _remove(self, address: int, n_bytes: int) -> None:
        self._known.discard(address)
        self._live -= n_bytes


def _address(tensor: Tensor) -> int:
    """Return an identifier of a tensor's storage, which is the same for all views of it."""
    return int(tensor.untyped_storage()._cdata)


def peak_at(windows: int, small: tuple[int, list[int]], large: tuple[int, list[int]]) -> int:
    """Return the estimated peak in bytes of a step with a batch of `windows` windows.

    small, large: (windows, bytes in use after each operation) of two measured steps. If they did not run the same
    operations, `large` is scaled in proportion.

    >>> peak_at(10, (1, [100, 30]), (2, [101, 60]))
    300
    """
    (few, below), (many, above) = small, large
    if len(below) != len(above) or few == many:
        return max(above) * windows // many
    return max(high + (high - low) * (windows - many) // (many - few) for low, high in zip(below, above, strict=True))


def bytes_of(tensors: Iterable[Any]) -> int:
    """Return the size in bytes of the tensors among some values; other values are ignored."""
    return sum(each.numel() * each.element_size() for each in tensors if isinstance(each, Tensor))
