"""nanoGPT's training, restated from what its README and its train.py are known to do, to be timed beside pybpe's.

The same model, data, optimizer, schedule, evaluation and checkpoints as `python train.py
config/train_shakespeare_char.py` with the settings its README gives for a processor; written anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional


@dataclass
class Recipe:
    """The settings of nanoGPT's README for a processor."""

    n_vocab: int = 65
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 128
    block_size: int = 64
    batch_size: int = 12
    steps: int = 2000
    lr: float = 1e-3
    least_lr: float = 1e-4
    warmup: int = 100
    eval_every: int = 250
    eval_batches: int = 20


class Block(nn.Module):
    """A layer of GPT-2 without biases."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        width = recipe.n_embd
        self.n_head = recipe.n_head
        self.ln_1, self.ln_2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.c_fc, self.c_out = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        """x [batch, time, width]."""
        batch, time, width = x.shape
        heads = (batch, time, self.n_head, width // self.n_head)
        q, k, v = (part.view(heads).transpose(1, 2) for part in self.c_attn(self.ln_1(x)).split(width, dim=2))
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(mixed.transpose(1, 2).contiguous().view(batch, time, width))
        return x + self.c_out(functional.gelu(self.c_fc(self.ln_2(x))))


class NanoGPT(nn.Module):
    """The model."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.wte = nn.Embedding(recipe.n_vocab, recipe.n_embd)
        self.wpe = nn.Embedding(recipe.block_size, recipe.n_embd)
        self.h = nn.ModuleList(Block(recipe) for _ in range(recipe.n_layer))
        self.ln_f = nn.LayerNorm(recipe.n_embd, bias=False)
        self.lm_head = nn.Linear(recipe.n_embd, recipe.n_vocab, bias=False)
        self.lm_head.weight = self.wte.weight
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                narrow = name.endswith(("c_proj.weight", "c_out.weight"))
                nn.init.normal_(parameter, 0.0, 0.02 / math.sqrt(2 * recipe.n_layer) if narrow else 0.02)

    def forward(self, ids, targets):
        """The loss of ids [batch, time]."""
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.h:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        return functional.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1), ignore_index=-1)


def nanogpt_loop(recipe: Recipe, train: np.ndarray, val: np.ndarray, checkpoint: Path) -> Iterator[float | None]:
    """Train; yields after each step, with the loss on held-out text where it was measured."""
    torch.manual_seed(1337)
    model = NanoGPT(recipe)
    groups = [
        {"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, 0.99))
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    best = math.inf

    def batch(data):
        starts = torch.randint(len(data) - recipe.block_size, (recipe.batch_size,))
        x = torch.stack([torch.from_numpy(data[i : i + recipe.block_size].astype(np.int64)) for i in starts])
        y = torch.stack([torch.from_numpy(data[i + 1 : i + 1 + recipe.block_size].astype(np.int64)) for i in starts])
        return x, y

    @torch.no_grad()
    def estimate():
        model.eval()
        losses = {}
        for name, data in (("train", train), ("val", val)):
            losses[name] = float(np.mean([model(*batch(data)).item() for _ in range(recipe.eval_batches)]))
        model.train()
        return losses["val"]

    x, y = batch(train)
    for step in range(recipe.steps + 1):
        rate = recipe.lr * (step + 1) / (recipe.warmup + 1)
        if step >= recipe.warmup:
            done = (step - recipe.warmup) / (recipe.steps - recipe.warmup)
            rate = recipe.least_lr + (0.5 + 0.5 * math.cos(math.pi * done)) * (recipe.lr - recipe.least_lr)
        for group in optimizer.param_groups:
            group["lr"] = rate
        measured = None
        if step % recipe.eval_every == 0:
            measured = estimate()
            if measured < best and step:
                best = measured
                torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, checkpoint)
        if step == recipe.steps:
            yield measured
            return
        loss = model(x, y)
        x, y = batch(train)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        yield measured
