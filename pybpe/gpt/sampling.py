"""How the next id is chosen from logits: the same for every engine, with Python's own random numbers."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]


@dataclass(frozen=True)
class Sampling:
    """Settings of a choice. ValueError for what cannot be.

    temperature: 0 takes the likeliest id always, 1 draws by the model's own probabilities. top_k leaves the k
    likeliest; top_p the fewest whose probabilities together reach p (Holtzman and others, 2019); min_p those at least
    p times as likely as the likeliest (Nguyen and others, 2024). repetition_penalty above 1 makes ids that stand in the
    text already less likely: positive logits are divided by it, others multiplied (Keskar and others, 2019).
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

        logits: one for each id. seen: the ids of the text so far, for the penalty.
        """
        logits = self._penalised(logits, seen)
        if self.temperature == 0:
            return int(logits.argmax())
        scaled = logits / self.temperature
        weights = np.exp(scaled - scaled.max())
        weights /= weights.sum()
        if self.min_p is not None:
            weights[weights < self.min_p * weights.max()] = 0.0
        if self.top_k is not None or self.top_p is not None:
            weights = self._likeliest(weights)
        running = np.cumsum(weights)
        return min(int(np.searchsorted(running, rng.random() * running[-1], side="right")), len(running) - 1)

    def _likeliest(self, weights: Floats) -> Floats:
        """The weights with 0 for ids that top_k and top_p leave out; of equals the first stay."""
        k = len(weights) if self.top_k is None else min(self.top_k, len(weights))
        candidates = np.flatnonzero(weights >= np.partition(weights, -k)[-k])
        order = candidates[np.argsort(-weights[candidates], kind="stable")][:k]
        if self.top_p is not None:
            order = order[: int(np.searchsorted(np.cumsum(weights[order]), self.top_p)) + 1]
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


def checked_prompt(prompt_ids: Collection[int], n_vocab: int) -> list[int]:
    """The ids of a prompt as a list. ValueError if there are none, or one is out of range."""
    prompt = [int(id_) for id_ in prompt_ids]
    if not prompt:
        raise ValueError("the prompt is empty; give at least one id, such as the one that begins a document")
    for id_ in prompt:
        if not 0 <= id_ < n_vocab:
            raise ValueError(f"id {id_} is not one of 0..{n_vocab - 1}")
    return prompt
