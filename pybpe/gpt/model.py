"""The GPT in torch, whole: GPT-2's form, the modern one and microgpt's, from one configuration.

Ids go in, logits or a loss come out. Knows nothing of text, of training or of sampling; train.py and generation.py do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

EPS = 1e-5  # of all norms, as in GPT-2 and in microgpt
MOST_ROWS = 1 << 16  # of an embedding beyond its vocabulary
ROTARY_BASE = 10_000.0
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,  # nanoGPT
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),  # GPT-2
    "relu": functional.relu,
    "relu2": lambda x: functional.relu(x).square(),
}

# What each form is made of. "gpt2" is GPT-2 with every bias, "nanogpt" what nanoGPT trains from nothing; "modern" is
# what nanochat and its like train today; "micro" is microgpt, whose weights go to the compiled engine and back.
GPT2 = {"norm": "layer", "activation": "gelu_tanh", "positions": "learned", "bias": True, "tied": True}
FORMS: dict[str, dict[str, Any]] = {
    "micro": {
        "norm": "rms",
        "activation": "relu",
        "positions": "learned",
        "norm_embedding": True,
        "final_norm": False,
    },
    "gpt2": GPT2,
    "nanogpt": {**GPT2, "activation": "gelu", "bias": False},
    "modern": {"norm": "rms", "activation": "relu2", "positions": "rotary", "qk_norm": True, "norm_embedding": True},
}


@dataclass(frozen=True)
class GPTConfig:
    """The shape of a GPT and what it is made of. ValueError for what cannot be.

    n_vocab: ids are 0..n_vocab - 1. vocab_rows: rows of the embedding and of the head, of which those from n_vocab on
    stand for nothing (None: n_vocab). norm: "layer", with weights, or "rms", without. positions: "learned" or "rotary".
    bias: in all linear layers and norms. tied: the head is the embedding. qk_norm: queries and keys are normed.
    norm_embedding: a norm before the first layer; final_norm: one behind the last.
    """

    n_vocab: int
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 128
    block_size: int = 64
    vocab_rows: int | None = None
    norm: str = "layer"
    activation: str = "gelu_tanh"
    positions: str = "learned"
    bias: bool = False
    tied: bool = False
    qk_norm: bool = False
    norm_embedding: bool = False
    final_norm: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        limits = {"n_vocab": 1 << 22, "n_layer": 256, "n_head": 256, "n_embd": 1 << 14, "block_size": 1 << 17}
        for name, limit in limits.items():
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= limit:
                raise ValueError(f"{name} is {value!r}; it must be a whole number in 1..{limit}")
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd = {self.n_embd} must be a multiple of n_head = {self.n_head}")
        if self.positions == "rotary" and self.n_embd // self.n_head % 2:
            raise ValueError(f"rotary positions need heads of an even width, not {self.n_embd // self.n_head}")
        if type(self.rows) is not int or not self.n_vocab <= self.rows <= self.n_vocab + MOST_ROWS:
            raise ValueError(f"vocab_rows is {self.vocab_rows!r}; it must be n_vocab = {self.n_vocab} or a little more")
        known = {"norm": ("layer", "rms"), "activation": ACTIVATIONS, "positions": ("learned", "rotary")}
        for name, choices in known.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(choices)}")
        for name in ("bias", "tied", "qk_norm", "norm_embedding", "final_norm"):
            if type(getattr(self, name)) is not bool:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be true or false")
        if type(self.dropout) not in (int, float) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout!r}; it must lie in 0..1")

    @property
    def rows(self) -> int:
        """Rows of the embedding."""
        return self.n_vocab if self.vocab_rows is None else self.vocab_rows

    @property
    def head_width(self) -> int:
        """Numbers in a query, a key or a value."""
        return self.n_embd // self.n_head


class Cache:
    """Keys and values of the tokens that a model has seen, so that each is looked at once.

    capacity: tokens that it has room for, at most block_size. padding: how many ids at the beginning of each row stand
    for nothing, for prompts of different lengths.
    """

    def __init__(self, model: GPT, capacity: int, padding: Sequence[int]) -> None:
        config, device, dtype = model.config, model.device, model.wte.weight.dtype
        shape = (len(padding), config.n_head, capacity, config.head_width)
        self.length, self.capacity = 0, capacity
        self._layers = [
            (torch.empty(shape, device=device, dtype=dtype), torch.empty(shape, device=device, dtype=dtype))
            for _ in range(config.n_layer)
        ]
        self._padding = torch.tensor(padding, device=device)[:, None] if any(padding) else None

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Take keys and values [batch, head, time, width] of new tokens; returns those of all so far."""
        end = self.length + k.shape[2]
        keys, values = self._layers[layer]
        keys[:, :, self.length : end] = k
        values[:, :, self.length : end] = v
        return keys[:, :, :end], values[:, :, :end]

    def positions(self, time: int, device: torch.device) -> Tensor:
        """Where the next `time` tokens stand: [time], or [batch, time] with padding."""
        positions = torch.arange(self.length, self.length + time, device=device)
        return positions if self._padding is None else (positions - self._padding).clamp(min=0)

    def mask(self, time: int, device: torch.device) -> Tensor | None:
        """Which tokens the next ones may look at, [batch or 1, 1, time, all]; None where all the plain way."""
        if self._padding is None and (self.length == 0 or time == 1):
            return None
        query = torch.arange(self.length, self.length + time, device=device)[:, None]
        key = torch.arange(self.length + time, device=device)
        mask = (key <= query)[None]
        if self._padding is not None:  # a token of padding sees itself, for a softmax over nothing is nan
            mask = mask & (key >= self._padding[:, :, None]) | (key == query)
        return mask[:, None]


class Norm(nn.Module):
    """A layer norm with weights, or a root-mean-square norm without."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.width, self.rms = config.n_embd, config.norm == "rms"
        self.weight = None if self.rms else nn.Parameter(torch.ones(config.n_embd))
        self.bias = nn.Parameter(torch.zeros(config.n_embd)) if config.bias and not self.rms else None

    def forward(self, x: Tensor) -> Tensor:
        """x [..., n_embd] with each row brought to one length."""
        if self.rms:
            return functional.rms_norm(x, (self.width,), eps=EPS)
        return functional.layer_norm(x, (self.width,), self.weight, self.bias, EPS)


class Attention(nn.Module):
    """Tokens look at the tokens before them."""

    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.config, self.layer = config, layer
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.out = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)

    def forward(self, x: Tensor, rotary: Tensor | None, mask: Tensor | None, cache: Cache | None) -> Tensor:
        """x [batch, time, n_embd]; rotary: see `rotations`; mask, cache: see Cache."""
        batch, time, width = x.shape
        shape = (batch, time, self.config.n_head, self.config.head_width)
        q, k, v = (part.view(shape).transpose(1, 2) for part in self.qkv(x).split(width, dim=2))
        if rotary is not None:
            q, k = rotated(q, rotary), rotated(k, rotary)
        if self.config.qk_norm:
            q, k = (functional.rms_norm(each, (self.config.head_width,), eps=EPS).type_as(v) for each in (q, k))
        if cache is not None:
            k, v = cache.extend(self.layer, k, v)
        dropout = self.config.dropout if self.training else 0.0
        causal = mask is None and time > 1
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=causal)
        mixed = mixed.transpose(1, 2).reshape(batch, time, width)
        return functional.dropout(self.out(mixed), self.config.dropout, self.training)


class MLP(nn.Module):
    """Each token thinks for itself."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.activation = ACTIVATIONS[config.activation]
        self.up = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        self.down = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, time, n_embd]."""
        return functional.dropout(self.down(self.activation(self.up(x))), self.dropout, self.training)


class Block(nn.Module):
    """One layer: attention and MLP, each behind a norm and with a way round it."""

    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.norm1, self.attention = Norm(config), Attention(config, layer)
        self.norm2, self.mlp = Norm(config), MLP(config)

    def forward(self, x: Tensor, rotary: Tensor | None, mask: Tensor | None, cache: Cache | None) -> Tensor:
        """x [batch, time, n_embd]."""
        x = x + self.attention(self.norm1(x), rotary, mask, cache)
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class GPT(nn.Module):
    """The model. Its first weights are normal with `init_std`, drawn from torch's own random numbers.

    As in GPT-2, what flows back into the residual is drawn narrower, by the root of twice the layers; the modern form
    begins with zeros there, so that each layer at first does nothing.
    """

    def __init__(self, config: GPTConfig, init_std: float = 0.02) -> None:
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.rows, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd) if config.positions == "learned" else None
        self.first_norm = Norm(config) if config.norm_embedding else None
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layer))
        self.norm = Norm(config) if config.final_norm else None
        self.lm_head = None if config.tied else nn.Linear(config.n_embd, config.rows, bias=False)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.dim() == 2:
                nn.init.normal_(parameter, 0.0, init_std * self._narrower(name))

    def _narrower(self, name: str) -> float:
        if not name.endswith(("attention.out.weight", "mlp.down.weight")) or not self.config.final_norm:
            return 1.0
        return 0.0 if self.config.positions == "rotary" else 1 / math.sqrt(2 * self.config.n_layer)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        weights: Tensor = self.wte.weight
        return weights.device

    @property
    def n_params(self) -> int:
        """How many numbers it learns."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, ids: Tensor, targets: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        """Logits [batch, time, n_vocab] of ids int64 [batch, time]; with targets the mean loss in nats instead.

        cache: holds what came before the ids, and takes them in; logits are then those of the last id alone.
        """
        time = ids.shape[1]
        if cache is None:
            positions, mask = torch.arange(time, device=ids.device), None
        else:
            positions, mask = cache.positions(time, ids.device), cache.mask(time, ids.device)
        x = self.wte(ids)
        rotary = None
        if self.wpe is None:
            rotary = rotations(positions, self.config.head_width, x.dtype)
        else:
            x = x + self.wpe(positions)
        if self.first_norm is not None:
            x = self.first_norm(x)
        x = functional.dropout(x, self.config.dropout, self.training)
        for block in self.blocks:
            x = block(x, rotary, mask, cache)
        if cache is not None:
            cache.length += time
            x = x[:, -1:]
        if self.norm is not None:
            x = self.norm(x)
        head = self.wte.weight if self.lm_head is None else self.lm_head.weight
        logits = functional.linear(x, head)[..., : self.config.n_vocab]
        if targets is None:
            return logits
        logits = logits if logits.dtype == torch.float64 else logits.float()
        return functional.cross_entropy(logits.reshape(-1, self.config.n_vocab), targets.reshape(-1))


def rotations(positions: Tensor, width: int, dtype: torch.dtype) -> Tensor:
    """Cosines and sines [2, batch or nothing, 1, time, width / 2] that turn a query or a key by its position.

    From RoFormer (Su and others, 2021); the two halves of a head are turned together.
    """
    rates = ROTARY_BASE ** (torch.arange(0, width, 2, device=positions.device, dtype=torch.float32) / -width)
    angles = positions[..., None].float() * rates
    if positions.dim() == 2:
        angles = angles[:, None]
    return torch.stack((angles.cos(), angles.sin())).to(dtype)


def rotated(x: Tensor, rotary: Tensor) -> Tensor:
    """x [batch, head, time, width], turned."""
    cos, sin = rotary[0], rotary[1]
    left, right = x.chunk(2, dim=-1)
    return torch.cat((left * cos - right * sin, left * sin + right * cos), dim=-1).type_as(x)
