"""The optimizers of the torch engine: AdamW, or Muon for the matrices of the layers and AdamW for the rest.

The module also reads and writes their state ("moments") for checkpoints: tensors by kind and by the name of the weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from pybpe.gpt.model import GPT
from pybpe.gpt.settings import Settings

# The moments of each optimizer: {kind in a checkpoint: key in torch's optimizer state}.
ADAM, MUON = {"adam.m": "exp_avg", "adam.v": "exp_avg_sq"}, {"muon.m": "momentum"}
MOMENTUM = 0.95  # of Muon
ROUNDS = 5  # Newton-Schulz iterations
QUINTIC = (3.4445, -4.7750, 2.0315)  # the coefficients a, b, c of a x + b x^3 + c x^5, from Jordan
PARTS = {"attention.qkv.weight": 3}  # several matrices stacked in one weight; each is made orthogonal on its own

Moments = Mapping[str, Mapping[str, Tensor]]  # kind -> name of the weights -> tensor


class Muon(Optimizer):
    """Muon: gradient descent with Nesterov momentum, in which the update of each matrix is made orthogonal.

    An orthogonal update has singular values near 1, so all directions of a matrix are learned at the same rate. See
    "Muon: an optimizer for hidden layers in neural networks" (Jordan and others, 2024). For a matrix with more rows
    than columns, lr is multiplied by sqrt(rows / columns).

    groups: parameter groups as in torch, each of matrices of one shape. "parts" of a group: how many matrices are
    stacked in each weight along the rows (1 if it is not given).
    """

    def __init__(self, groups: Sequence[dict[str, Any]], lr: float, weight_decay: float) -> None:
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay, "parts": 1})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step with the gradients of the parameters. closure: ignored."""
        for group in self.param_groups:
            weights, parts = group["params"], group["parts"]
            updates = torch.stack([self._update(weight) for weight in weights])
            rows, columns = updates.shape[1] // parts, updates.shape[2]
            updates = orthogonal(updates.view(-1, rows, columns)).view_as(updates)
            for weight, update in zip(weights, updates, strict=True):
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(update, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)

    def _update(self, weight: Tensor) -> Tensor:
        """Update the momentum of a weight, and return its gradient with Nesterov momentum."""
        assert weight.grad is not None, "every matrix of a layer is learned"
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum: Tensor = state["momentum"].lerp_(weight.grad, 1 - MOMENTUM)
        return weight.grad.lerp(momentum, MOMENTUM)


def orthogonal(matrices: Tensor) -> Tensor:
    """Return the nearest orthogonal matrices, approximately: their singular values lie between about 0.7 and 1.2.

    matrices: [count, rows, columns]; the result has the same shape and dtype. The method is a Newton-Schulz iteration:
    an odd polynomial applied to a matrix acts on its singular values, and that of QUINTIC quickly moves values in 0..1
    towards 1. On GPUs it is computed in bfloat16, which is exact enough.
    """
    x = matrices.bfloat16() if matrices.is_cuda else matrices
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-12)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    first, third, fifth = QUINTIC
    for _ in range(ROUNDS):
        square = x @ x.mT
        x = first * x + (third * square + fifth * (square @ square)) @ x
    made: Tensor = (x.mT if tall else x).to(matrices.dtype)
    return made


def make_optimizers(model: GPT, settings: Settings) -> list[Optimizer]:
    """Return AdamW, and Muon if the settings name it. "peak" of each parameter group is its maximum learning rate."""
    kinds = _layer_matrices(model) if settings.optimizer == "muon" else {}
    matrices = {id(weight) for kind in kinds.values() for weight in kind}
    others = [weight for weight in model.parameters() if id(weight) not in matrices]
    optimizers: list[Optimizer] = [_adamw(others, settings)]
    if kinds:
        groups = [{"params": weights, "parts": PARTS.get(name, 1)} for name, weights in kinds.items()]
        optimizers.append(Muon(groups, settings.muon_lr, settings.weight_decay))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def _layer_matrices(model: GPT) -> dict[str, list[nn.Parameter]]:
    """Return {name within a layer: the matrices of that name in all layers}."""
    kinds: dict[str, list[nn.Parameter]] = {}
    for block in model.blocks:
        for name, weight in block.named_parameters():
            if weight.dim() == 2:
                kinds.setdefault(name, []).append(weight)
    return kinds


def _adamw(weights: Sequence[nn.Parameter], settings: Settings) -> AdamW:
    """Return AdamW with weight decay for matrices, and without it for norms and biases, as in nanoGPT."""
    groups = [
        {"params": [each for each in weights if each.dim() >= 2], "weight_decay": settings.weight_decay},
        {"params": [each for each in weights if each.dim() < 2], "weight_decay": 0.0},
    ]
    fused = weights[0].device.type in ("cpu", "cuda")
    betas = (settings.beta1, settings.beta2)
    return AdamW([group for group in groups if group["params"]], settings.lr, betas, fused=fused)


def read_moments(model: GPT, optimizers: Sequence[Optimizer]) -> tuple[Moments, float]:
    """Return (moments, number of steps that AdamW has taken); before the first step, no moments and 0."""
    moments: dict[str, dict[str, Tensor]] = {kind: {} for kind in (*ADAM, *MUON)}
    taken = 0.0
    for name, weight in model.named_parameters():
        for optimizer in optimizers:
            state = optimizer.state.get(weight, {})
            taken = float(state.get("step", taken))
            for kind, key in {**ADAM, **MUON}.items():
                if key in state:
                    moments[kind][name] = state[key]
    return moments, taken


def write_moments(model: GPT, optimizers: Sequence[Optimizer], moments: Moments, taken: float) -> None:
    """Set the state of new optimizers: their moments, and `taken`, the number of steps that AdamW has taken.

    Nothing is set if there are no moments. Raises ValueError if the moments are those of other optimizers.
    """
    for optimizer in optimizers:
        kinds = MUON if isinstance(optimizer, Muon) else ADAM
        mine = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
        for name, weight in model.named_parameters():
            if id(weight) not in mine or not any(moments.values()):
                continue
            if any(name not in moments[kind] for kind in kinds):
                raise ValueError(f"it keeps nothing for {name} of the optimizer that the settings name")
            optimizer.state[weight] = {key: moments[kind][name].to(weight) for kind, key in kinds.items()}
            if kinds is ADAM:
                place = weight.device if optimizer.defaults["fused"] else "cpu"
                optimizer.state[weight]["step"] = torch.tensor(taken, device=place)
