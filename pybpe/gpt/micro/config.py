"""The configuration of a micro GPT, and the settings of Adam."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MicroConfig:
    """The configuration of a micro GPT. ValueError for a value that is not allowed.

    n_vocab: number of ids, 0..n_vocab - 1. n_layer: number of layers. n_head: number of attention heads. n_embd:
    embedding width. block_size: context length in tokens. dtype: "float32" is fast, "float64" exact. seed: seed of the
    initial weights. init_std: standard deviation of the initial weights.
    """

    n_vocab: int
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 128
    block_size: int = 64
    dtype: str = "float32"
    seed: int = 42
    init_std: float = 0.02

    def __post_init__(self) -> None:
        limits = {"n_vocab": 1 << 22, "n_layer": 256, "n_head": 256, "n_embd": 1 << 14, "block_size": 1 << 16}
        for name, limit in limits.items():
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= limit:
                raise ValueError(f"{name} is {value!r}; it must be an integer in 1..{limit}")
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd = {self.n_embd} must be a multiple of n_head = {self.n_head}")
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype is {self.dtype!r}; it must be 'float32' or 'float64'")
        if type(self.seed) is not int:
            raise ValueError(f"seed is {self.seed!r}; it must be an integer")
        if not isinstance(self.init_std, (int, float)) or not 0 <= self.init_std < 10:
            raise ValueError(f"init_std is {self.init_std!r}; it must lie in 0..10")

    @property
    def sizes(self) -> tuple[int, int, int, int, int]:
        """The tuple (n_vocab, n_layer, n_head, n_embd, block_size), as the compiled engine takes it."""
        return self.n_vocab, self.n_layer, self.n_head, self.n_embd, self.block_size

    def shapes(self) -> dict[str, tuple[int, int]]:
        """Return {name: (rows, columns)} of all weight matrices, in their order in the flat array of parameters."""
        wide = self.n_embd
        shapes = {
            "wte": (self.n_vocab, wide),
            "wpe": (self.block_size, wide),
            "lm_head": (self.n_vocab, wide),
        }
        for layer in range(self.n_layer):
            for name in ("attn_wq", "attn_wk", "attn_wv", "attn_wo"):
                shapes[f"layer{layer}.{name}"] = (wide, wide)
            shapes[f"layer{layer}.mlp_fc1"] = (4 * wide, wide)
            shapes[f"layer{layer}.mlp_fc2"] = (wide, 4 * wide)
        return shapes

    @property
    def n_params(self) -> int:
        """The number of learned parameters."""
        return sum(rows * columns for rows, columns in self.shapes().values())


@dataclass(frozen=True)
class Adam:
    """The settings of Adam; the defaults are those of microgpt. ValueError for a value that is not allowed.

    weight_decay: decoupled weight decay, as in AdamW.
    """

    beta1: float = 0.85
    beta2: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1 and self.eps > 0 and self.weight_decay >= 0):
            raise ValueError(f"{self}: betas must lie in 0..1, eps above 0, weight_decay at 0 or above")
