"""The model of the micro GPT in torch, trained as its users train: AdamW fused, attention by torch's own function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from pybpe.gpt.micro import Adam, MicroConfig

Batch = tuple[npt.NDArray[Any], npt.NDArray[Any]]


class TorchGPT(nn.Module):
    """The same architecture from the same first weights; name -> array as `MicroGPT.parameters` gives them."""

    def __init__(self, config: MicroConfig, weights: dict[str, npt.NDArray[Any]]) -> None:
        super().__init__()
        self.config = config
        for name, array in weights.items():
            self.register_parameter(name.replace(".", "_"), nn.Parameter(torch.tensor(array)))

    def forward(self, ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The mean loss of ids and targets, both [batch, time]."""
        config, linear = self.config, functional.linear
        batch, time = ids.shape
        x = self._norm(functional.embedding(ids, self.wte) + self.wpe[:time])
        for i in range(config.n_layer):
            layer = f"layer{i}_"
            before = self._norm(x)
            q, k, v = (self._heads(linear(before, getattr(self, f"{layer}attn_w{name}"))) for name in "qkv")
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            mixed = mixed.transpose(1, 2).reshape(batch, time, config.n_embd)
            x = x + linear(mixed, getattr(self, f"{layer}attn_wo"))
            hidden = functional.relu(linear(self._norm(x), getattr(self, f"{layer}mlp_fc1")))
            x = x + linear(hidden, getattr(self, f"{layer}mlp_fc2"))
        logits = linear(x, self.lm_head)
        return functional.cross_entropy(logits.view(-1, config.n_vocab), targets.reshape(-1))

    def _norm(self, x: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(x, (self.config.n_embd,), None, 1e-5)

    def _heads(self, x: torch.Tensor) -> torch.Tensor:
        batch, time, width = x.shape
        return x.view(batch, time, self.config.n_head, width // self.config.n_head).transpose(1, 2)


def trainer(
    config: MicroConfig, weights: dict[str, npt.NDArray[Any]], adam: Adam, threads: int, compiled: bool
) -> tuple[Callable[[Batch, float], float], Callable[[Batch], float]]:
    """Two functions: one that learns from a batch at a rate and gives the loss before, one that gives the loss."""
    torch.set_num_threads(threads)
    model = TorchGPT(config, weights)
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=1.0,
        betas=(adam.beta1, adam.beta2),
        eps=adam.eps,
        weight_decay=adam.weight_decay,
        fused=True,
    )
    compute = torch.compile(model) if compiled else model

    def learn(batch: Batch, lr: float) -> float:
        for group in optimizer.param_groups:
            group["lr"] = lr
        loss = compute(*map(torch.from_numpy, batch))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    def measure(batch: Batch) -> float:
        with torch.no_grad():
            return float(model(*map(torch.from_numpy, batch)).item())

    return learn, measure
