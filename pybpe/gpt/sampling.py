"""Choose the next id from logits, for all engines, with random numbers of Python's `random`."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]
NOT_FINITE = (
    "the logits are not finite (NaN or infinity): the model's training diverged and it cannot be sampled "
    "from; use an earlier checkpoint, or train again with a lower lr"
)


@dataclass(frozen=True)
class Sampling:
    """Sampling parameters, applied in this order, which is that of transformers. ValueError for values out of range.

    1. repetition_penalty: above 1 it makes ids that are already in the text less likely: positive logits are divided
       by it, others multiplied (Keskar and others, 2019).
    2. temperature: logits are divided by it; 0 always takes the most likely id (greedy decoding).
    3. top_k: only the k most likely ids remain; of equally likely ids the smaller.
    4. top_p: only the fewest ids whose probabilities together reach p remain (Holtzman and others, 2019).
    5. min_p: only ids at least p times as likely as the most likely one remain (Nguyen and others, 2024).

    Each step sees the probabilities that the steps before it left, renormalised to sum to 1.

    >>> import numpy as np
    >>> logits = np.log([0.4, 0.3, 0.2, 0.1])  # top_k leaves 4/7 and 3/7, so the first alone reaches 0.5
    >>> {Sampling(1.0, top_k=2, top_p=0.5).choose(logits, random.Random(seed)) for seed in range(50)}
    {0}
    """

    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature >= 0:
            raise ValueError(f"temperature is {self.temperature}; it must be 0 or more")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k is {self.top_k}; it must be at least 1, or None")
        for name, value in (("top_p", self.top_p), ("min_p", self.min_p)):
            if value is not None and not 0 < value <= 1:
                raise ValueError(f"{name} is {value}; it must lie in 0..1, or be None")
        if not 0 < self.repetition_penalty <= 100:
            raise ValueError(f"repetition_penalty is {self.repetition_penalty}; it must lie in 0..100, 1 for none")

    def choose(self, logits: Floats, rng: random.Random, seen: Collection[int] = ()) -> int:
        """Draw one id as `random.choices` does: one uniform number, looked up in a running sum.

        logits: float64[n_vocab]; -inf excludes an id. seen: the ids of the text so far, for the penalty. Raises
        ValueError if the logits hold NaN or infinity, or exclude every id.
        """
        if not math.isfinite(logits.max()):
            raise ValueError(NOT_FINITE)
        logits = self._penalised(logits, seen)
        if self.temperature == 0:
            return int(logits.argmax())
        with np.errstate(over="ignore"):
            scaled = logits / self.temperature
        if not math.isfinite(scaled.max()):  # too low a temperature for floating point: the limit is greedy decoding
            return int(logits.argmax())
        weights = np.exp(scaled - scaled.max())
        weights /= weights.sum()
        if self.top_k is not None or self.top_p is not None:
            weights = self._likeliest(weights)
        if self.min_p is not None:
            weights[weights < self.min_p * weights.max()] = 0.0
        running = np.cumsum(weights)
        return min(int(np.searchsorted(running, rng.random() * running[-1], side="right")), len(running) - 1)

    def choose_each(self, logits: Floats, rngs: Sequence[random.Random]) -> list[int]:
        """Return the id that `choose` gives for each row of logits float64[n, n_vocab], computed for all at once.

        rngs: one for each row. There is no repetition penalty here. Raises ValueError as `choose` does.
        """
        if not np.isfinite(logits.max(axis=1)).all():
            raise ValueError(NOT_FINITE)
        if self.temperature == 0:
            greedy: list[int] = logits.argmax(axis=1).tolist()
            return greedy
        with np.errstate(over="ignore"):
            scaled = logits / self.temperature
        highest = scaled.max(axis=1, keepdims=True)
        if not np.isfinite(highest).all():
            return [self.choose(row, rng) for row, rng in zip(logits, rngs, strict=True)]
        weights = np.exp(scaled - highest)
        weights /= weights.sum(axis=1, keepdims=True)
        if self.top_k is not None or self.top_p is not None:
            weights = np.stack([self._likeliest(row) for row in weights])
        if self.min_p is not None:
            weights[weights < self.min_p * weights.max(axis=1, keepdims=True)] = 0.0
        running = np.cumsum(weights, axis=1)
        draws = np.array([rng.random() for rng in rngs]) * running[:, -1]
        places = (running <= draws[:, None]).sum(axis=1)  # as searchsorted(side="right") in a row that never falls
        chosen: list[int] = np.minimum(places, logits.shape[1] - 1).tolist()
        return chosen

    def _likeliest(self, weights: Floats) -> Floats:
        """Return the weights with 0 for the ids that top_k and then top_p exclude; of equals the first stay."""
        k = len(weights) if self.top_k is None else min(self.top_k, len(weights))
        candidates = np.flatnonzero(weights >= np.partition(weights, -k)[-k])
        order = candidates[np.argsort(-weights[candidates], kind="stable")][:k]
        if self.top_p is not None and self.top_p < 1:
            running = np.cumsum(weights[order])
            order = order[: int(np.searchsorted(running, self.top_p * running[-1])) + 1]
        kept = np.zeros_like(weights)
        kept[order] = weights[order]
        return kept

    def _penalised(self, logits: Floats, seen: Collection[int]) -> Floats:
        if self.repetition_penalty == 1.0 or not seen:
            return logits
        ids = np.fromiter(set(seen), np.int64)
        logits = logits.copy()
        logits[ids] = np.where(
            logits[ids] > 0, logits[ids] / self.repetition_penalty, logits[ids] * self.repetition_penalty
        )
        return logits


def choose_rows(
    logits: Floats,
    samplings: Sequence[Sampling],
    rngs: Sequence[random.Random],
    seen: Sequence[Collection[int]],
) -> list[int]:
    """Return for each row of logits float64[n, n_vocab] the id that its own `Sampling.choose` gives.

    Rows with equal parameters are computed together, unless these have a repetition penalty. samplings, rngs, seen: the
    arguments of each row. Raises ValueError as `choose` does.
    """
    chosen, groups = [0] * len(samplings), dict[Sampling, list[int]]()
    for row, sampling in enumerate(samplings):
        groups.setdefault(sampling, []).append(row)
    for sampling, rows in groups.items():
        if len(rows) > 1 and sampling.repetition_penalty == 1.0:
            ids = sampling.choose_each(logits[rows], [rngs[row] for row in rows])
        else:
            ids = [sampling.choose(logits[row], rngs[row], seen[row]) for row in rows]
        for row, id_ in zip(rows, ids, strict=True):
            chosen[row] = id_
    return chosen


def checked_prompt(prompt_ids: Collection[int], n_vocab: int) -> list[int]:
    """Return the ids of a prompt as a list. ValueError if it is empty or an id is not in 0..n_vocab - 1."""
    prompt = [int(id_) for id_ in prompt_ids]
    if not prompt:
        raise ValueError("the prompt is empty; give at least one id, such as the one that begins a document")
    for id_ in prompt:
        if not 0 <= id_ < n_vocab:
            raise ValueError(f"id {id_} is not one of 0..{n_vocab - 1}")
    return prompt
