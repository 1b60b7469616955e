"""The settings of a training run, whichever engine trains it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

SCHEDULES = ("linear", "cosine", "constant")


@dataclass(frozen=True)
class Settings:
    """What is trained, and how. ValueError for what cannot be; an engine may refuse more.

    lines: each line is a document and a step takes one, as in microgpt.py; otherwise a step takes `batch_size` windows
    of block_size tokens. lr rises for the fraction `warmup` of the steps, then falls by `schedule` to 0. dtype
    "float64" is exact, "float32" fast. eval_every, save_every: steps between two looks at held-out text, two
    checkpoints. init_std: of the first weights.
    """

    engine: str = "micro"
    lines: bool = False
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 128
    block_size: int = 64
    steps: int = 2000
    batch_size: int = 12
    lr: float = 4e-3
    weight_decay: float = 0.1
    warmup: float = 0.02
    schedule: str = "linear"
    seed: int = 42
    dtype: str = "float32"
    init_std: float = 0.02
    eval_every: int = 100
    save_every: int = 500

    def __post_init__(self) -> None:
        for name in ("n_layer", "n_head", "n_embd", "block_size", "steps", "batch_size", "eval_every", "save_every"):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= 1 << 40:
                raise ValueError(f"{name} is {value!r}; it must be a whole number from 1 on")
        for name, most in (("lr", 1e3), ("weight_decay", 1e3), ("warmup", 0.99), ("init_std", 10.0)):
            value = getattr(self, name)
            if type(value) not in (int, float) or not (math.isfinite(value) and 0 <= value <= most):
                raise ValueError(f"{name} is {value!r}; it must lie in 0..{most:g}")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule is {self.schedule!r}; it must be one of {', '.join(SCHEDULES)}")
        if type(self.seed) is not int or type(self.lines) is not bool or not isinstance(self.engine, str):
            raise ValueError("seed must be a whole number, lines true or false, and engine a name")
        if not isinstance(self.dtype, str):
            raise ValueError(f"dtype is {self.dtype!r}; it must be a name such as 'float32'")


# Starting points by name: what differs from the defaults. "microgpt" is microgpt.py, number for number.
PRESETS: dict[str, dict[str, Any]] = {
    "small": {},
    "microgpt": {
        "lines": True,
        "n_layer": 1,
        "n_embd": 16,
        "block_size": 16,
        "steps": 1000,
        "lr": 0.01,
        "weight_decay": 0.0,
        "warmup": 0.0,
        "dtype": "float64",
        "init_std": 0.08,
    },
}
