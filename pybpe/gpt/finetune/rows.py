"""Encoded conversations, one after another in memory, and the rows of a batch that are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pybpe.gpt.finetune.packing import pack
from pybpe.gpt.pretrain import Measurable

IGNORED = -1  # the target of a position that is not trained on, as in pybpe/gpt/model.py
PADDING = 0  # the id in the rest of a row; no position before it sees it, and its own target is IGNORED
Batch = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Encoded:
    """Conversations as ids.

    ids: uint32[n], of all conversations, one after another. mask: bool[n], True for ids that are trained on. starts:
    int64[count + 1], where each conversation begins, and the end of the last.
    """

    ids: npt.NDArray[np.uint32]
    mask: npt.NDArray[np.bool_]
    starts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The number of ids of each conversation, int64[count]."""
        return np.diff(self.starts)

    @property
    def targets(self) -> npt.NDArray[np.uint32]:
        """The ids that are trained on, uint32[number of targets]."""
        return self.ids[self.mask]

    @cached_property
    def n_targets(self) -> npt.NDArray[np.int64]:
        """The number of ids of each conversation that are trained on, int64[count]."""
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.mask, dtype=np.int64)])
        return np.diff(before[self.starts])

    def take(self, conversations: Sequence[int]) -> Encoded:
        """Return some of the conversations, in the given order."""
        parts = [slice(self.starts[each], self.starts[each + 1]) for each in conversations]
        lengths = [part.stop - part.start for part in parts]
        return Encoded(
            np.concatenate([self.ids[:0], *(self.ids[part] for part in parts)]),
            np.concatenate([self.mask[:0], *(self.mask[part] for part in parts)]),
            np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)]),
        )

    def loss(self, model: Measurable, size: int) -> float:
        """Return the mean loss of a model on all targets, in nats, each conversation in a row of its own.

        size: the number of conversations in a batch. No conversation may be longer than the model's context.
        """
        batches = self.alone(np.arange(len(self)), size)
        return sum(model.loss(ids, targets) * n_targets for ids, targets, n_targets in batches) / len(self.targets)

    def batch(self, rows: Iterable[Sequence[int]], width: int) -> Batch:
        """Return (ids, targets) of rows of conversations: both int64[rows, width].

        A row of at most width + 1 ids begins at position 0 and ends with padding. The target of a position is the next
        id if it is trained on, else IGNORED.
        """
        rows = list(rows)
        ids, mask = np.full((len(rows), width + 1), PADDING, np.int64), np.zeros((len(rows), width + 1), bool)
        for number, row in enumerate(rows):
            at = 0
            for each in row:
                start, end = self.starts[each], self.starts[each + 1]
                ids[number, at : at + end - start] = self.ids[start:end]
                mask[number, at : at + end - start] = self.mask[start:end]
                at += end - start
        return ids[:, :-1], np.where(mask[:, 1:], ids[:, 1:], IGNORED)

    def alone(self, conversations: npt.NDArray[np.int64], size: int) -> Iterator[tuple[Any, Any, float]]:
        """Yield (ids, targets, number of targets) of batches of up to `size` conversations, each in a row of its own.

        The conversations are taken by length, because the rows of a batch are padded to the longest.
        """
        sorted_ = conversations[np.argsort(self.lengths[conversations], kind="stable")]
        for at in range(0, len(sorted_), size):
            some = sorted_[at : at + size]
            width = int(self.lengths[some].max()) - 1
            yield (*self.batch([[each] for each in some], width), float(self.n_targets[some].sum()))


class PackedRows:
    """Rows of conversations that fill a model's context, in a new order in each epoch.

    width: of the ids of a row, as for `Encoded.batch`.

    The rows of an epoch are shuffled, and so are the conversations in each row. Otherwise the first of a row would
    always be its longest, and only long conversations would begin at position 0, as all do in a chat.
    """

    def __init__(self, conversations: Encoded, width: int) -> None:
        self.width = width
        self._rows = pack(conversations.lengths.tolist(), width + 1)
        n_targets = conversations.n_targets
        self._n_targets = np.array([n_targets[row].sum() for row in self._rows], np.int64)
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def __len__(self) -> int:
        return len(self._rows)

    def of_step(self, step: int, n_rows: int, seed: int) -> tuple[list[list[int]], npt.NDArray[np.int64]]:
        """Return (rows, number of targets of each) of a step that trains on n_rows rows.

        A row is a list of conversations. The rows depend on the seed and the step alone: step after step takes the next
        n_rows, and where an epoch ends the next one follows, if need be in the same step.
        """
        rows, counts = [], []
        for place in range(step * n_rows, (step + 1) * n_rows):
            epoch, at = divmod(place, len(self))
            number = int(self._order(seed, epoch)[at])
            order = np.random.default_rng([seed, epoch, number]).permutation(len(self._rows[number]))
            rows.append([self._rows[number][each] for each in order])
            counts.append(self._n_targets[number])
        return rows, np.array(counts, np.int64)

    def _shuffled(self, seed: int, epoch: int) -> npt.NDArray[Any]:
        return np.random.default_rng([seed, epoch]).permutation(len(self))
