"""The random numbers of the micro GPT: first weights and sampled ids, drawn from Python's own `random`.

Both consume the stream exactly as plain Python would, which is why microgpt.py can be reproduced draw for
draw.
"""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt

from pybpe.gpt.mersenne import normals

Floats = npt.NDArray[np.float64]


def gaussians(rng: random.Random, n: int, std: float) -> Floats:
    """`[rng.gauss(0, std) for _ in range(n)]`: the same bits, faster, and rng moves on as it would there.

    numpy's RandomState is the same generator as Python's (MT19937, 53-bit doubles), so its state is borrowed.
    """
    version, state, spare = rng.getstate()
    first = [] if spare is None else [spare]
    drawn = n - len(first) + (n - len(first)) % 2  # normals come in pairs; the last may be left over
    stream = np.random.RandomState()
    stream.set_state({"bit_generator": "MT19937", "state": {"key": np.array(state[:-1]), "pos": state[-1]}})
    values = np.concatenate([first, normals(stream.random_sample(drawn))])
    moved = stream.get_state(legacy=False)["state"]
    left_over = float(values[n]) if len(values) > n else None
    rng.setstate((version, (*moved["key"].tolist(), int(moved["pos"])), left_over))
    return values[:n] * std


def check_sampling(temperature: float, top_k: int | None, top_p: float | None) -> None:
    """ValueError for settings that `sample` cannot follow."""
    if not temperature >= 0:
        raise ValueError(f"temperature is {temperature}; it must be 0 or more")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is {top_k}; it must be at least 1, or None")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p is {top_p}; it must lie in 0..1, or be None")


def sample(
    logits: Floats, rng: random.Random, temperature: float, top_k: int | None, top_p: float | None
) -> int:
    """Draw one id as `random.choices` does: one uniform number, looked up in a running sum."""
    if temperature == 0:
        return int(logits.argmax())
    scaled = logits / temperature
    weights = np.exp(scaled - scaled.max())
    weights /= weights.sum()
    if top_k is not None or top_p is not None:
        order = np.argsort(-weights, kind="stable")
        keep = len(order) if top_k is None else min(top_k, len(order))
        if top_p is not None:
            keep = min(keep, int(np.searchsorted(np.cumsum(weights[order]), top_p)) + 1)
        weights[order[keep:]] = 0.0
    running = np.cumsum(weights)
    return min(int(np.searchsorted(running, rng.random() * running[-1], side="right")), len(running) - 1)
