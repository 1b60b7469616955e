"""Generate several sequences at once, each of which begins and ends at any time (continuous batching).

An `Engine` has a number of slots in a cache of keys and values. `open` puts a prompt into a free slot as a `Row`. Each
`step` runs the model over the ids that it has not read yet, of all rows together, and chooses the next id of each row
that is read to its end; `close` frees the slot, at any time.

    engine = Engine(network, slots=8)
    row = engine.open(prompt_ids, Sampling(temperature=0.7), seed=1)
    while row.room:
        for chosen in engine.step():
            ...                                  # chosen.id is in chosen.row.ids, and is read in the next step
    engine.close(row)

The ids of a row are those of `Inference.generate` for its prompt and seed alone, whatever the other rows are, up to
rounding. Unlike there, a context that is full does not lose its beginning: the row ends.

Long prompts are read in pieces, at most `chunk` ids in a step, so that they do not stop the other rows. A slot that is
closed keeps its keys and values, and a prompt that begins with the same ids as a slot's content does not compute them
again. This file works on ids and knows nothing of text.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from pybpe.gpt.generation import Inference, as_float64
from pybpe.gpt.sampling import NOT_FINITE, Floats, Sampling, checked_prompt, choose_rows
from pybpe.gpt.slot_cache import SlotCache

CHUNK = 128  # ids of prompts that are read in a step


@dataclass(eq=False)
class Row:
    """A sequence that is being generated; `Engine.open` makes it.

    ids: the prompt and all that followed, at most `capacity` ids. banned: ids that are not chosen; it may change
    between steps. waiting: True to skip the row, for example while a tool runs. reused: number of the prompt's ids
    whose keys and values were taken from a slot. error: why no more ids can be chosen (logits that are not finite, or
    every id is banned), else None; such a row is skipped.
    """

    ids: list[int]
    capacity: int
    n_vocab: int
    sampling: Sampling
    rng: random.Random
    slot: int
    reused: int
    top_logprobs: int = 0
    banned: set[int] = field(default_factory=set)
    waiting: bool = False
    error: str | None = None

    def __post_init__(self) -> None:
        self.seen = set(self.ids)  # for the repetition penalty

    @property
    def room(self) -> int:
        """The number of ids that can follow; a row without room is skipped."""
        return self.capacity - len(self.ids)

    def force(self, ids: Sequence[int]) -> None:
        """Append ids that the model did not choose, and reads next. ValueError if they do not fit, or are unknown."""
        if not ids:
            return
        forced = checked_prompt(ids, self.n_vocab)
        if len(forced) > self.room:
            raise ValueError(f"{len(forced):,} ids do not fit: the row has room for {self.room:,}")
        self.append(forced)

    def append(self, ids: Sequence[int]) -> None:
        """Append ids that are known to be valid."""
        self.ids += ids
        self.seen.update(ids)


@dataclass(frozen=True)
class Chosen:
    """An id that a step chose for a row.

    logprob: its natural logarithm of the probability by the plain softmax: temperature 1, nothing banned. top: the most
    likely ids by the same softmax with their logarithms, most likely first, as many as the row's top_logprobs.
    """

    row: Row
    id: int
    logprob: float
    top: list[tuple[int, float]]


@dataclass
class _Slot:
    """A slot of the cache. ids: those whose first lengths[slot] keys and values it holds. closed: when, in counts."""

    row: Row | None = None
    ids: list[int] = field(default_factory=list)
    closed: int = 0


class Engine:
    """Rows in the slots of one model. It is not thread-safe: one thread owns it.

    slots: the largest number of open rows. capacity: the largest number of ids of a row, at most block_size (None:
    block_size). chunk: ids of prompts that are read in a step. ValueError for values that are not allowed.

    >>> from pybpe.gpt.model import GPT, GPTConfig
    >>> _ = torch.manual_seed(1)
    >>> network = Inference(GPT(GPTConfig(n_vocab=9, n_layer=1, n_head=2, n_embd=8, block_size=16)))
    >>> engine = Engine(network, slots=2)
    >>> rows = [engine.open([1, 2, 3], seed=1), engine.open([4], seed=2)]
    >>> for _ in range(5):
    ...     for chosen in engine.step():
    ...         assert chosen.row.ids[-1] == chosen.id
    >>> rows[1].ids == [4, *network.generate([4], 5, seed=2)]
    True
    """

    def __init__(self, network: Inference, slots: int = 1, *, capacity: int | None = None, chunk: int = CHUNK) -> None:
        block = network.config.block_size
        capacity = block if capacity is None else capacity
        if slots < 1 or chunk < 1:
            raise ValueError(f"there are {slots} slots and chunks of {chunk} ids; both must be at least 1")
        if not 1 <= capacity <= block:
            raise ValueError(f"capacity is {capacity}; it must lie in 1..{block}, the context length of the model")
        self.network, self.capacity, self.chunk = network, capacity, chunk
        self._cache = SlotCache(network.model, slots, capacity)
        self._slots = [_Slot() for _ in range(slots)]
        self._rows: list[Row] = []  # open rows in the order in which they were opened
        self._closed = 0  # rows closed so far

    @property
    def rows(self) -> list[Row]:
        """The open rows."""
        return [*self._rows]

    @property
    def free(self) -> int:
        """The number of free slots."""
        return len(self._slots) - len(self._rows)

    def open(
        self,
        ids: Sequence[int],
        sampling: Sampling | None = None,
        *,
        seed: int | None = None,
        top_logprobs: int = 0,
    ) -> Row:
        """Put a prompt into a free slot; the next step begins to read it.

        sampling: how ids are chosen (None: the defaults of Sampling). seed: of the row's random numbers (None: random).
        top_logprobs: number of most likely ids to report with each chosen one. Raises ValueError if the prompt is
        empty, has unknown ids, or leaves no room for an answer; RuntimeError if no slot is free.
        """
        n_vocab = self.network.config.n_vocab
        prompt = checked_prompt(ids, n_vocab)
        if len(prompt) >= self.capacity:
            raise ValueError(
                f"the prompt has {len(prompt):,} tokens, and with an answer at most {self.capacity:,} fit: shorten it"
            )
        if not self.free:
            raise RuntimeError(f"all {len(self._slots)} slots are taken; close a row first")
        number, reused = self._place(prompt)
        rng = random.Random(seed)
        row = Row(prompt, self.capacity, n_vocab, sampling or Sampling(), rng, number, reused, top_logprobs)
        self._slots[number] = _Slot(row, row.ids)
        self._rows.append(row)
        return row

    def close(self, row: Row) -> None:
        """Free the slot of a row; it may be called at any time, also twice."""
        if row in self._rows:
            self._rows.remove(row)
            self._closed += 1
            slot = self._slots[row.slot]
            slot.row, slot.ids, slot.closed = None, [*row.ids], self._closed  # the row is the caller's now

    def step(self) -> list[Chosen]:
        """Run the model once over what is new, and choose an id for each row that is then read to its end.

        Rows with one new id are read together. Of the rows with several, as many are read as a chunk has room for,
        those that were opened first before others; a longer prompt takes several steps. Rows that wait, have no room or
        have an error are skipped. The chosen ids are appended to `Row.ids` and are read in the next step.
        """
        rows = [row for row in self._rows if row.room and not row.waiting and row.error is None]
        for row in rows:  # a step that was interrupted may have read a row to its end without choosing an id
            self._cache.lengths[row.slot] = min(self._cache.lengths[row.slot], len(row.ids) - 1)
        single = [row for row in rows if self._unread(row) == 1]
        longer = [row for row in rows if self._unread(row) > 1]
        parts = [self._read(group) for group in (single, self._chunk(longer)) if group]
        read = [(row, scores) for part in parts for row, scores in part if not self._unread(row)]
        return self._choose([row for row, _ in read], np.stack([scores for _, scores in read])) if read else []

    def _unread(self, row: Row) -> int:
        """Return the number of ids of a row that the model has not read."""
        return len(row.ids) - self._cache.lengths[row.slot]

    def _chunk(self, rows: list[Row]) -> list[Row]:
        """Return the first rows that are read together: the batch, with padding, has at most `chunk` ids."""
        longest = 0
        for number, row in enumerate(rows):
            longest = max(longest, min(self.chunk, self._unread(row)))
            if longest * (number + 1) > self.chunk:
                return rows[:number]
        return rows

    def _read(self, rows: list[Row]) -> list[tuple[Row, Floats]]:
        """Read new ids of rows, up to a chunk of each; return the rows with the logits float64[n_vocab] after them."""
        counts = {row.slot: min(self.chunk, self._unread(row)) for row in rows}
        time = max(counts.values())
        slots = self._batch(sorted(counts), time)
        places = {slot: place for place, slot in enumerate(slots)}
        batch = np.zeros((len(slots), time), np.int64)  # padded on the left
        for row in rows:
            begin, count = self._cache.lengths[row.slot], counts[row.slot]
            batch[places[row.slot], time - count :] = row.ids[begin : begin + count]
        with torch.inference_mode():
            self._cache.select(slots, [counts.get(slot, 0) for slot in slots])
            model = self.network.model
            logits = as_float64(model(torch.from_numpy(batch).to(model.device), cache=self._cache)[:, -1])
        return [(row, logits[places[row.slot]]) for row in rows]

    @staticmethod
    def _batch(slots: list[int], time: int) -> Sequence[int]:
        """Return the slots of a batch in which `slots`, sorted, have up to `time` new ids.

        A slice of the cache is not copied, so a few slots in between that have nothing to read are taken along where
        that is cheap.
        """
        span = range(slots[0], slots[-1] + 1)
        return span if time == 1 and len(span) <= 2 * len(slots) else slots

    def _choose(self, rows: list[Row], logits: Floats) -> list[Chosen]:
        """Choose an id for each row from its logits float64 (B, n_vocab), and append it."""
        highest = logits.max(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):  # rows with nan or infinity get an error below
            sums = np.exp(logits - highest).sum(axis=1, keepdims=True)
            logprobs = logits - highest - np.log(sums)
        for row, scores, best in zip(rows, logits, highest[:, 0], strict=True):
            scores[[*row.banned]] = -math.inf
            if not math.isfinite(best):
                row.error = NOT_FINITE
            elif row.banned and scores.max() == -math.inf:
                row.error = "every id is banned, so that none can be chosen"
            if row.error is not None:  # nobody may use keys and values again that may be nan
                self._cache.erase(row.slot)
        kept = [place for place, row in enumerate(rows) if row.error is None]
        rows, logits, logprobs = [rows[place] for place in kept], logits[kept], logprobs[kept]
        ids = choose_rows(logits, [row.sampling for row in rows], [row.rng for row in rows], [row.seen for row in rows])
        chosen = []
        for row, id_, each in zip(rows, ids, logprobs, strict=True):
            row.append([id_])
            chosen.append(Chosen(row, id_, float(each[id_]), _most_likely(each, row.top_logprobs)))
        return chosen

    def _place(self, prompt: list[int]) -> tuple[int, int]:
        """Return (a free slot for a prompt, the number of its first ids whose keys and values are in it)."""
        # All slots are looked at, taken ones too: what a slot holds of a prefix does not change.
        shared = [self._shared(number, prompt) for number in range(len(self._slots))]
        free = [number for number, slot in enumerate(self._slots) if slot.row is None]
        source = max(range(len(shared)), key=lambda number: (shared[number], number in free))
        # A slot whose content mostly goes on is used itself. Otherwise the one that was closed first is overwritten.
        goes_on = source in free and shared[source] * 2 >= self._cache.lengths[source] > 0
        number = source if goes_on else min(free, key=lambda each: self._slots[each].closed)
        self._cache.copy(source, number, shared[source])
        return number, shared[source]

    def _shared(self, number: int, prompt: list[int]) -> int:
        """Return how many first ids of a prompt a slot holds, at most all but the last, which must be read."""
        most = min(self._cache.lengths[number], len(prompt) - 1)
        held = self._slots[number].ids
        return next((place for place in range(most) if held[place] != prompt[place]), most)


def _most_likely(logprobs: Floats, number: int) -> list[tuple[int, float]]:
    """Return the `number` ids with the highest of logprobs float64[n_vocab], highest first; of equals the smaller."""
    if number < 1:
        return []
    number = min(number, len(logprobs))
    candidates = np.flatnonzero(logprobs >= np.partition(logprobs, -number)[-number])
    order = candidates[np.argsort(-logprobs[candidates], kind="stable")][:number]
    return [(int(id_), float(logprobs[id_])) for id_ in order]
