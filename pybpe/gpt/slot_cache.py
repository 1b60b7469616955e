"""The keys and values of several sequences in slots of one cache, each with a length of its own.

`model.Cache` holds a batch whose rows all end at the same position. A `SlotCache` holds slots: before each call of the
model, `select` names the slots that take part and the number of new ids of each, and the model then sees a batch of
these. Rows with fewer new ids than others are padded on the left; padding is never stored.

Shapes in the comments: B is the number of selected slots, T the largest number of new ids of one of them, S the largest
number of positions of one of them, the new ones included.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pybpe.gpt.model import GPT, Cache

FIRST_POSITIONS = 128  # of each slot, for which there is memory from the start


class SlotCache(Cache):
    """A cache with slots. lengths: the number of positions that each slot holds.

    slots: number of slots. capacity: the largest number of positions of each, at most block_size. Memory grows with the
    longest sequence, so that a long context that nobody uses takes none.

    >>> from pybpe.gpt.model import GPTConfig
    >>> model = GPT(GPTConfig(n_vocab=9, n_layer=1, n_head=2, n_embd=8, block_size=8)).eval()
    >>> cache = SlotCache(model, slots=3, capacity=8)
    >>> cache.select([0, 2], [3, 1])  # three ids for slot 0, one for slot 2
    >>> with torch.no_grad():
    ...     logits = model(torch.tensor([[4, 5, 6], [0, 0, 7]]), cache=cache)
    >>> cache.lengths, torch.allclose(logits[1], model(torch.tensor([[7]])), atol=1e-6)
    ([3, 0, 1], True)
    """

    def __init__(self, model: GPT, slots: int, capacity: int) -> None:
        super().__init__(model, min(capacity, FIRST_POSITIONS), [0] * slots)
        self.capacity, self.lengths = capacity, [0] * slots
        self._device = model.device

    def select(self, slots: Sequence[int], counts: Sequence[int]) -> None:
        """Choose the slots of the next call of the model, all different, and the number of new ids of each.

        The ids of the call are int64 (B, T), where row i ends with the counts[i] new ids of slots[i]; what stands to
        the left of them does not matter. A count may be 0: the slot keeps its content, and its logits mean nothing.
        """
        self._slots, self._counts = list(slots), list(counts)
        new = np.array(counts, np.int64)
        starts = np.array([self.lengths[slot] for slot in slots], np.int64) * (new > 0)
        ends, time = starts + new, max(counts)
        self._seen = int(ends.max())
        self._grow(self._seen)
        columns = np.arange(-time, 0, dtype=np.int64)  # (T,): the last column is -1
        real = columns >= -new[:, None]  # (B, T): False for padding
        positions = np.where(real, ends[:, None] + columns, 0)  # (B, T)
        self._positions = self._tensor(positions)
        # No mask is needed where all rows hold equally much and add one id each, or begin and are causal.
        alike = bool((ends == self._seen).all() and (new == time).all()) and (time == 1 or self._seen == time)
        # A query sees the keys up to its own position. Padding sees the first key: a softmax over no key would be nan.
        mask = None if alike else np.arange(self._seen) <= positions[:, None, :, None]  # (B, 1, T, S)
        self._mask = None if mask is None else self._tensor(mask)
        # Where the new keys and values are in the batch, and where they go.
        rows, places = real.nonzero()
        self._rows, self._columns = self._tensor(rows), self._tensor(places)
        numbers = np.array(slots, np.int64)
        self._targets = self._tensor(numbers[rows]), self._tensor(positions[rows, places])
        # Neighbouring slots are a slice of the cache; others are copied together.
        neighbours = all(right == left + 1 for left, right in pairwise(self._slots))
        self._taken = slice(slots[0], slots[0] + len(slots)) if neighbours else self._tensor(numbers)

    def _grow(self, positions: int) -> None:
        """Make room for so many positions in each slot, at least doubling what there is."""
        held = self._layers[0][0].shape[2]
        if positions > held:
            more = min(self.capacity, max(positions, 2 * held)) - held
            added = (0, 0, 0, more)  # nothing before and after the widths, and `more` positions after those there are
            self._layers = [
                (functional.pad(keys, added), functional.pad(values, added)) for keys, values in self._layers
            ]

    def _tensor(self, array: np.ndarray[tuple[int, ...], np.dtype[np.int64] | np.dtype[np.bool_]]) -> Tensor:
        return torch.from_numpy(array).to(self._device)

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values (B, n_head, T, head_width); return those of all positions (B, n_head, S, ...)."""
        keys, values = self._layers[layer]
        if len(self._slots) == 1:  # a slice, which is faster
            keys[self._taken, :, self._seen - k.shape[2] : self._seen] = k
            values[self._taken, :, self._seen - v.shape[2] : self._seen] = v
        else:
            slots, positions = self._targets
            keys[slots, :, positions] = k[self._rows, :, self._columns]  # (new ids, n_head, head_width)
            values[slots, :, positions] = v[self._rows, :, self._columns]
        return keys[self._taken, :, : self._seen], values[self._taken, :, : self._seen]

    def advance(self, time: int) -> None:
        """Count the new positions of the selected slots."""
        for slot, count in zip(self._slots, self._counts, strict=True):
            self.lengths[slot] += count

    def positions(self, time: int, device: torch.device) -> Tensor:
        """Return the positions (B, T) of the ids of this call; those of padding are 0."""
        return self._positions

    def mask(self, time: int, device: torch.device) -> Tensor | None:
        """Return bool (B, 1, T, S), True where a query may attend to a key; None if the causal mask is enough."""
        return self._mask

    def copy(self, source: int, target: int, length: int) -> None:
        """Make the first `length` positions of a slot the content of another slot."""
        if source != target:
            with torch.inference_mode():
                for stored in self._layers:
                    for tensor in stored:
                        tensor[target, :, :length] = tensor[source, :, :length]
        self.lengths[target] = length

    def erase(self, slot: int) -> None:
        """Forget the content of a slot, also values that are not finite."""
        self.lengths[slot] = 0
        with torch.inference_mode():
            for stored in self._layers:
                for tensor in stored:
                    tensor[slot] = 0
