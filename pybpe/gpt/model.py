"""A GPT in torch, in one file: GPT-2, nanoGPT's variant, a modern form and microgpt, by configuration.

A GPT maps token ids to logits: for every position, one score per token of the vocabulary for being the next token.

    ids (B, T)
      -> token embedding, plus position embedding     (B, T, n_embd)
      -> n_layer blocks, each adding to the residual stream:
             x = x + attention(norm(x))               positions exchange information
             x = x + mlp(norm(x))                     each position is transformed on its own
      -> final norm, then the output head             (B, T, n_vocab)

Shapes in the comments: B is the batch size, T the number of positions in this call, S the number of positions that
attention sees (T without a cache, all positions so far with one), n_head the number of attention heads, and head_width
= n_embd / n_head.

This file knows nothing of text, training or sampling: train.py and generation.py do these.

Sources: Vaswani et al. 2017 (attention), Radford et al. 2019 (GPT-2), Su et al. 2021 (rotary embeddings), Zhang and
Sennrich 2019 (RMSNorm), So et al. 2021 (squared ReLU), Henry et al. 2020 (normalized queries and keys).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

EPS = 1e-5  # added to the variance in every norm, as in GPT-2 and microgpt
ROTARY_BASE = 10_000.0  # the slowest pair of a rotary embedding turns by about 1 / ROTARY_BASE radians per position
MOST_PADDING = 1 << 16  # rows of an embedding that stand for no token
IGNORED = -1  # a target that does not count
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,  # the exact GELU, as in nanoGPT
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),  # the approximation that GPT-2 was trained with
    "relu": functional.relu,
    "relu2": lambda x: functional.relu(x).square(),  # squared ReLU
}

# Each form is a set of GPTConfig fields. "gpt2" is GPT-2 with every bias; "nanogpt" is nanoGPT's default for training
# from scratch; "modern" follows nanochat: RMSNorm, rotary embeddings, squared ReLU and normalized queries and keys;
# "micro" is microgpt, whose weights can be moved to the compiled engine and back.
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
    """The shape of a GPT and the parts it is built from. ValueError for a value that is not allowed.

    n_vocab: number of token ids, 0..n_vocab - 1.
    vocab_rows: rows of the embedding and the output head; rows from n_vocab on are padding (None: n_vocab).
    norm: "layer" (LayerNorm with learned weights) or "rms" (RMSNorm without weights).
    positions: "learned" (a position embedding) or "rotary" (queries and keys are rotated by their position).
    bias: add a bias to all linear layers and to LayerNorm. tied: the output head shares the token embedding's weights.
    qk_norm: apply RMSNorm to queries and keys. norm_embedding: a norm before the first block. final_norm: a norm after
    the last block. dropout: dropout probability.

    >>> config = GPTConfig(n_vocab=65, n_layer=2, n_head=4, n_embd=32, block_size=8, **FORMS["modern"])
    >>> config.head_width, config.rows
    (8, 65)
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
        if type(self.rows) is not int or not self.n_vocab <= self.rows <= self.n_vocab + MOST_PADDING:
            allowed = f"n_vocab = {self.n_vocab} to {self.n_vocab + MOST_PADDING}"
            raise ValueError(f"vocab_rows is {self.vocab_rows!r}; it must be a whole number from {allowed}")
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
        """The number of rows of the embedding: n_vocab, or vocab_rows with padding."""
        return self.n_vocab if self.vocab_rows is None else self.vocab_rows

    @property
    def head_width(self) -> int:
        """The width of one query, key or value vector of one head."""
        return self.n_embd // self.n_head


class Cache:
    """The keys and values of all positions so far, so that generation computes each position once.

    Without a cache, generating T tokens runs the model over 1 + 2 + ... + T positions; with one, over T.

    capacity: number of positions there is room for, at most block_size.
    padding: for each row of the batch, how many ids at its left end are padding: prompts of different lengths are
        padded on the left, so that all rows end at the same position.

    >>> model = GPT(GPTConfig(n_vocab=9, n_layer=1, n_head=2, n_embd=8, block_size=4)).eval()
    >>> ids = torch.tensor([[1, 2, 3]])
    >>> cache = Cache(model, capacity=4, padding=[0])
    >>> with torch.no_grad():
    ...     _ = model(ids[:, :2], cache=cache)  # the prompt: two positions at once
    ...     last = model(ids[:, 2:], cache=cache)  # then one new position
    ...     whole = model(ids)
    >>> cache.length, tuple(last.shape), torch.allclose(last[:, 0], whole[:, 2], atol=1e-6)
    (3, (1, 1, 9), True)
    """

    def __init__(self, model: GPT, capacity: int, padding: Sequence[int]) -> None:
        config, device, dtype = model.config, model.device, model.wte.weight.dtype
        # One pair of (keys, values) for each layer, allocated once for the whole generation. Zeros, because positions
        # that a mask hides still enter the sum with weight 0, and 0 * nan is nan.
        shape = (len(padding), config.n_head, capacity, config.head_width)  # (B, n_head, capacity, head_width)
        self.length, self.capacity = 0, capacity
        self._layers = [
            (torch.zeros(shape, device=device, dtype=dtype), torch.zeros(shape, device=device, dtype=dtype))
            for _ in range(config.n_layer)
        ]
        self._padding = torch.tensor(padding, device=device)[:, None] if any(padding) else None  # (B, 1)

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append keys and values (B, n_head, T, head_width); return those of all positions (B, n_head, S, head_width).

        `length` does not change here: the model calls `advance` once all layers are done.
        """
        end = self.length + k.shape[2]
        keys, values = self._layers[layer]
        keys[:, :, self.length : end] = k
        values[:, :, self.length : end] = v
        return keys[:, :, :end], values[:, :, :end]

    def advance(self, time: int) -> None:
        """Count the `time` positions that all layers have appended."""
        self.length += time

    def positions(self, time: int, device: torch.device) -> Tensor:
        """Return the positions of the next `time` tokens: (T,), or (B, T) with padding.

        The first token after the padding has position 0, so a padded row gets the positions it has without padding.
        """
        positions = torch.arange(self.length, self.length + time, device=device)  # (T,)
        return positions if self._padding is None else (positions - self._padding).clamp(min=0)  # (B, T)

    def mask(self, time: int, device: torch.device) -> Tensor | None:
        """Return bool (B or 1, 1, T, S), True where a query may attend to a key; None if no mask is needed.

        No mask is needed for a single new token, which sees all positions, and for a prompt on an empty cache, where
        the causal mask of scaled_dot_product_attention is enough.
        """
        if self._padding is None and (self.length == 0 or time == 1):
            return None
        query = torch.arange(self.length, self.length + time, device=device)[:, None]  # (T, 1)
        key = torch.arange(self.length + time, device=device)  # (S,)
        mask = (key <= query)[None]  # (1, T, S): causal, no position sees a later one
        if self._padding is not None:
            # Padding is hidden from all real tokens. A padding position still sees itself: a softmax over no key at
            # all would be nan, and nan spreads through the values even where its weight is 0.
            mask = mask & (key >= self._padding[:, :, None]) | (key == query)  # (B, T, S)
        return mask[:, None]  # one mask for all heads


class Norm(nn.Module):
    """LayerNorm with learned weights, or RMSNorm without weights.

    LayerNorm: y = (x - mean(x)) / sqrt(var(x) + EPS) * weight + bias. RMSNorm: y = x / sqrt(mean(x^2) + EPS).

    >>> norm = Norm(GPTConfig(n_vocab=9, n_head=1, n_embd=4, norm="rms"))
    >>> norm(torch.tensor([2.0, -2.0, 2.0, -2.0])).round(decimals=2)
    tensor([ 1., -1.,  1., -1.])
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.width, self.rms = config.n_embd, config.norm == "rms"
        self.weight = None if self.rms else nn.Parameter(torch.ones(config.n_embd))
        self.bias = nn.Parameter(torch.zeros(config.n_embd)) if config.bias and not self.rms else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalize the last dimension of x (..., n_embd)."""
        if self.rms:
            return functional.rms_norm(x, (self.width,), eps=EPS)
        return functional.layer_norm(x, (self.width,), self.weight, self.bias, EPS)


class Attention(nn.Module):
    """Causal multi-head self-attention: each position takes a weighted mean of the values at positions up to its own.

    For each head: softmax(q k^T / sqrt(head_width)) v, where position t sees only keys 0..t. The heads' results are
    concatenated and projected back to n_embd.
    """

    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.config, self.layer = config, layer  # layer: the index of this layer's keys and values in a Cache
        # One matrix for queries, keys and values of all heads: one large product is faster than three small ones.
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.out = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)

    def forward(self, x: Tensor, rotary: Tensor | None, mask: Tensor | None, cache: Cache | None) -> Tensor:
        """Map x (B, T, n_embd) to (B, T, n_embd). rotary: from `rotary_embedding`; mask: from `Cache.mask`."""
        batch, time, width = x.shape
        # Project to queries, keys and values, and split each into heads.
        shape = (batch, time, self.config.n_head, self.config.head_width)
        q, k, v = self.qkv(x).split(width, dim=2)  # 3 x (B, T, n_embd)
        q, k, v = (part.view(shape).transpose(1, 2) for part in (q, k, v))  # 3 x (B, n_head, T, head_width)
        if rotary is not None:  # positions enter here, and not by an embedding that is added to x
            q, k = apply_rotary_emb(q, rotary), apply_rotary_emb(k, rotary)
        if self.config.qk_norm:  # bounds the logits of attention, so that training is stable at higher rates
            q, k = (functional.rms_norm(each, (self.config.head_width,), eps=EPS).type_as(v) for each in (q, k))
        if cache is not None:  # keys and values of earlier positions come from the cache
            k, v = cache.extend(self.layer, k, v)  # 2 x (B, n_head, S, head_width)
        # Scores, causal mask, softmax, dropout of the weights and the weighted mean, in one fused kernel. A single
        # query (T = 1) is the newest position and may see everything, so it needs no causal mask.
        dropout = self.config.dropout if self.training else 0.0
        causal = mask is None and time > 1
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=causal)
        # y is (B, n_head, T, head_width); put the heads side by side again and mix them.
        y = y.transpose(1, 2).reshape(batch, time, width)  # (B, T, n_embd)
        return functional.dropout(self.out(y), self.config.dropout, self.training)  # (B, T, n_embd)


class MLP(nn.Module):
    """Position-wise feed-forward network: n_embd -> 4 n_embd -> n_embd, with an activation in between."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.activation = ACTIVATIONS[config.activation]
        self.up = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        self.down = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, T, n_embd) to (B, T, n_embd); positions do not see each other here."""
        x = self.activation(self.up(x))  # (B, T, 4 n_embd)
        return functional.dropout(self.down(x), self.dropout, self.training)  # (B, T, n_embd)


class Block(nn.Module):
    """One transformer layer: two pre-norm residual blocks, x + attention(norm(x)), then x + mlp(norm(x)).

    The residual connections give gradients a direct path from the loss to every layer, and the norm is inside the
    branch (pre-norm, as in GPT-2) so that this path stays untouched.
    """

    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.norm1, self.attention = Norm(config), Attention(config, layer)
        self.norm2, self.mlp = Norm(config), MLP(config)

    def forward(self, x: Tensor, rotary: Tensor | None, mask: Tensor | None, cache: Cache | None) -> Tensor:
        """Map x (B, T, n_embd) to (B, T, n_embd)."""
        x = x + self.attention(self.norm1(x), rotary, mask, cache)
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class GPT(nn.Module):
    """The model. Call it with ids for logits, or with ids and targets for the loss.

    init_std: standard deviation of the initial weights, drawn from torch's global generator; biases start at 0.

    >>> _ = torch.manual_seed(1)
    >>> model = GPT(GPTConfig(n_vocab=9, n_layer=1, n_head=2, n_embd=8, block_size=4))
    >>> ids = torch.tensor([[1, 2, 3], [4, 5, 6]])
    >>> tuple(model(ids).shape)  # (B, T, n_vocab)
    (2, 3, 9)
    >>> loss = model(ids[:, :-1], ids[:, 1:])  # the targets are the ids, one position later
    >>> abs(loss.item() - math.log(9)) < 0.1  # an untrained model gives every token about the same probability
    True
    """

    def __init__(self, config: GPTConfig, init_std: float = 0.02) -> None:
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.rows, config.n_embd)  # token embedding
        self.wpe = nn.Embedding(config.block_size, config.n_embd) if config.positions == "learned" else None
        self.first_norm = Norm(config) if config.norm_embedding else None
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layer))
        self.norm = Norm(config) if config.final_norm else None
        # Without an output head of its own, the model reuses the token embedding as the head (weight tying): a third
        # of GPT-2 small's weights are in that matrix.
        self.lm_head = None if config.tied else nn.Linear(config.n_embd, config.rows, bias=False)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.dim() == 2:
                nn.init.normal_(parameter, 0.0, init_std * self._init_scale(name))

    def _init_scale(self, name: str) -> float:
        """Return the factor on init_std for a weight, by its name.

        Each layer adds two branches to the residual stream, so the stream's variance would grow with depth. GPT-2
        divides the last weights of each branch by sqrt(2 n_layer); the modern form starts them at 0, so that every
        block is the identity at first. microgpt, which has no final norm, scales nothing.
        """
        if not name.endswith(("attention.out.weight", "mlp.down.weight")) or not self.config.final_norm:
            return 1.0
        return 0.0 if self.config.positions == "rotary" else 1 / math.sqrt(2 * self.config.n_layer)

    @property
    def device(self) -> torch.device:
        """The device that holds the weights."""
        weights: Tensor = self.wte.weight
        return weights.device

    @property
    def n_params(self) -> int:
        """The number of learned parameters; tied weights count once."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, ids: Tensor, targets: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        """Return logits (B, T, n_vocab) for ids int64 (B, T); with targets (B, T), the mean loss in nats as a scalar.

        Positions whose target is IGNORED do not count; the loss is nan if none counts.

        cache: holds the positions before these ids, and takes in those of the ids. The logits are then (B, 1, n_vocab),
        those of the last id only: generation needs no others.
        """
        time = ids.shape[1]
        # Positions count from 0, or continue after the cached ones.
        if cache is None:
            positions, mask = torch.arange(time, device=ids.device), None  # (T,)
        else:
            positions, mask = cache.positions(time, ids.device), cache.mask(time, ids.device)
        # Embed the tokens. Learned positions are added here; rotary ones are applied inside each layer.
        x = self.wte(ids)  # (B, T, n_embd)
        rotary = None
        if self.wpe is None:
            rotary = rotary_embedding(positions, self.config.head_width, x.dtype)
        else:
            x = x + self.wpe(positions)  # (B, T, n_embd); the same positions for all rows, unless they are padded
        if self.first_norm is not None:
            x = self.first_norm(x)
        x = functional.dropout(x, self.config.dropout, self.training)
        # The layers.
        for block in self.blocks:
            x = block(x, rotary, mask, cache)  # (B, T, n_embd)
        if cache is not None:
            cache.advance(time)
            x = x[:, -1:]  # (B, 1, n_embd)
        if self.norm is not None:
            x = self.norm(x)
        # The output head: one dot product of x with each token's row. Padding rows are cut off.
        head = self.wte.weight if self.lm_head is None else self.lm_head.weight  # (rows, n_embd)
        logits = functional.linear(x, head)[..., : self.config.n_vocab]  # (B, T, n_vocab)
        if targets is None:
            return logits
        # Cross entropy, -log softmax(logits)[target], averaged over all positions whose target is not IGNORED. At least
        # in float32: in bfloat16 the sum over a large vocabulary loses too many digits.
        logits = logits if logits.dtype == torch.float64 else logits.float()
        logits, targets = logits.reshape(-1, self.config.n_vocab), targets.reshape(-1)
        return functional.cross_entropy(logits, targets, ignore_index=IGNORED)


def rotary_embedding(positions: Tensor, width: int, dtype: torch.dtype) -> Tensor:
    """Return the cosines and sines that rotate queries and keys: (2, T, width / 2), or (2, B, 1, T, width / 2).

    positions: integers (T,), or (B, T) where rows are padded differently. width: of a head, even.

    Rotary embedding (RoFormer): numbers i and i + width / 2 of a head form a pair that is rotated by the angle
    position * ROTARY_BASE^(-2i / width). The dot product of a rotated query and a rotated key then depends on the
    distance between their positions, and not on the positions themselves.

    >>> rotary_embedding(torch.tensor([0, 1]), 4, torch.float32).round(decimals=2)[0]  # cosines at positions 0 and 1
    tensor([[1.0000, 1.0000],
            [0.5400, 1.0000]])
    """
    rates = ROTARY_BASE ** (torch.arange(0, width, 2, device=positions.device, dtype=torch.float32) / -width)
    angles = positions[..., None].float() * rates  # (T, width / 2) or (B, T, width / 2), in radians
    if positions.dim() == 2:
        angles = angles[:, None]  # (B, 1, T, width / 2): the same for all heads
    return torch.stack((angles.cos(), angles.sin())).to(dtype)


def apply_rotary_emb(x: Tensor, rotary: Tensor) -> Tensor:
    """Rotate queries or keys x (B, n_head, T, head_width) by their positions. rotary: from `rotary_embedding`.

    >>> quarter = torch.tensor([[[0.0]], [[1.0]]])  # cosine 0, sine 1: a quarter turn
    >>> apply_rotary_emb(torch.tensor([[[[1.0, 0.0]]]]), quarter)
    tensor([[[[0., 1.]]]])
    """
    cos, sin = rotary[0], rotary[1]
    left, right = x.chunk(2, dim=-1)  # 2 x (B, n_head, T, head_width / 2)
    # A rotation in the plane, for each pair (left[i], right[i]).
    return torch.cat((left * cos - right * sin, left * sin + right * cos), dim=-1).type_as(x)
