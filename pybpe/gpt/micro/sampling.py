"""The initial weights of the micro GPT, drawn as Python's `random` draws them.

The generator ends in the same state as after `random.gauss` in plain Python, so that the random numbers that follow are
those of microgpt.py, too.
"""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt

from pybpe.gpt.mersenne import normals

Floats = npt.NDArray[np.float64]


def gaussians(rng: random.Random, n: int, std: float) -> Floats:
    """Return `[rng.gauss(0, std) for _ in range(n)]` as float64[n]: the same bits, computed faster.

    rng is left in the state that it would have then. numpy's RandomState is the same generator as Python's (MT19937,
    doubles of 53 bits), so it is given the state of rng.
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
