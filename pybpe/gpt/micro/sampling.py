"""The first weights of the micro GPT, drawn from Python's own `random`.

They consume its stream exactly as plain Python would, as sampling (pybpe/gpt/sampling.py) does too, which is why
microgpt.py can be reproduced draw for draw.
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
