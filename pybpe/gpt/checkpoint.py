"""Checkpoints of the torch engine: weights, the optimizers' moments and a header in one safetensors file.

The header maps strings to strings: `pybpe.format`, `pybpe.config` (JSON), `pybpe.step`, `pybpe.scaler` (JSON; empty
except in training with float16) and `tokenizer`, the fingerprint of the vocabulary. All names, shapes and dtypes are
checked before a tensor is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.overrides import TorchFunctionMode

from pybpe.errors import FormatError, TrainingError
from pybpe.gpt.finite import check_finite
from pybpe.gpt.model import GPT, GPTConfig
from pybpe.gpt.optimizers import ADAM, MUON, Moments
from pybpe.util.files import write_atomic

FORMAT = "torch-gpt 1"
KINDS = (*ADAM, *MUON)  # of moments; a moment's name in the file is f"{kind}.{name of the weight}"
DRAWS = ("normal_", "uniform_", "kaiming_uniform_")  # functions of torch that draw initial values
MOST_STEPS = 1 << 53
TYPES = {torch.float32: "F32", torch.float64: "F64"}
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint file.

    weights: {name in GPT: tensor}. step: optimizer steps taken. fingerprint: that of the vocabulary, None if it is not
    known. moments: {kind: {name in GPT: tensor}}, empty if none were saved. scaler: the state of torch's GradScaler,
    empty except in training with float16.
    """

    config: GPTConfig
    weights: Tensors
    step: int = 0
    fingerprint: str | None = None
    moments: Moments = field(default_factory=dict)
    scaler: dict[str, float] = field(default_factory=dict)

    def model(self) -> GPT:
        """Return a GPT with these weights, which are not copied."""
        model = empty_model(self.config)
        model.load_state_dict(dict(self.weights), strict=True, assign=True)
        return model.requires_grad_()


def empty_model(config: GPTConfig) -> GPT:
    """Return a GPT on torch's meta device: its tensors have shapes but no values and take no memory."""
    with torch.device("meta"), _NoInitialValues():
        return GPT(config)


class _NoInitialValues(TorchFunctionMode):
    """A context in which initial values of weights are not drawn.

    On the meta device they would be nothing, but to draw them torch imports its compiler, which takes two seconds.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in DRAWS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs or {})


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a file, completely or not at all. TrainingError if weights are not finite; an earlier file then stays."""
    check_finite({name: tensor.detach().cpu() for name, tensor in checkpoint.weights.items()}, path.name, TrainingError)
    header = {
        "pybpe.format": FORMAT,
        "pybpe.config": json.dumps(asdict(checkpoint.config)),
        "pybpe.step": str(checkpoint.step),
        "pybpe.scaler": json.dumps(checkpoint.scaler),
    }
    if checkpoint.fingerprint is not None:
        header["tokenizer"] = checkpoint.fingerprint
    tensors = dict(checkpoint.weights)
    for kind, moments in checkpoint.moments.items():
        tensors.update({f"{kind}.{name}": tensor for name, tensor in moments.items()})
    write_atomic(path, save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, header))


def read_checkpoint(path: Path, *, moments: bool = True) -> Checkpoint:
    """Read a checkpoint file; moments=False leaves out the moments.

    Raises FormatError if the file is not a checkpoint of the torch engine or is damaged, or if weights are not finite.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("pybpe.format") != FORMAT:
                raise FormatError(f"{path} is a safetensors file, but not a GPT that pybpe's torch engine saved")
            config = GPTConfig(**json.loads(header["pybpe.config"]))
            names = set(file.keys())
            shapes = {name: tuple(tensor.shape) for name, tensor in empty_model(config).state_dict().items()}
            kept = _kept(names, shapes)
            check_tensors(file, names, {**shapes, **{f"{kind}.{name}": shapes[name] for kind, name in kept}})
            found: dict[str, dict[str, Tensor]] = {kind: {} for kind in KINDS}
            for kind, name in kept if moments else ():
                found[kind][name] = file.get_tensor(f"{kind}.{name}")
            weights = {name: file.get_tensor(name) for name in shapes}
            check_finite(weights, str(path))
            return Checkpoint(
                config,
                weights,
                _step(header["pybpe.step"]),
                header.get("tokenizer"),
                found,
                _scaler(json.loads(header["pybpe.scaler"])),
            )
    except FormatError:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path} is not a checkpoint of the torch engine, or is damaged: {error}") from error


def _kept(names: set[str], weights: Iterable[str]) -> list[tuple[str, str]]:
    """Return the (kind, name) of each moment that a file with these tensor names must hold.

    That is Muon's moment or both of Adam's for each weight, or none at all if the file has no moments.
    """
    if not any(name.startswith(tuple(f"{kind}." for kind in KINDS)) for name in names):
        return []
    kinds = {name: MUON if any(f"{kind}.{name}" in names for kind in MUON) else ADAM for name in weights}
    return [(kind, name) for name, of in kinds.items() for kind in of]


def check_tensors(file: Any, names: set[str], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raise FormatError unless an open file holds exactly the `expected` tensors, all of one dtype in TYPES."""
    if names != expected.keys():
        wrong = sorted(names ^ expected.keys())[0]
        raise FormatError(f"tensor {wrong!r} is missing or does not belong to a model of this configuration")
    types = set()
    for name, shape in expected.items():
        tensor = file.get_slice(name)
        types.add(tensor.get_dtype())
        if tuple(tensor.get_shape()) != shape:
            raise FormatError(f"tensor {name!r} has the shape {tensor.get_shape()}, not {list(shape)}")
    if len(types) != 1 or not types.issubset(TYPES.values()):
        raise FormatError(f"its tensors are {', '.join(sorted(types))}; they must all be F32, or all F64")


def _step(text: str) -> int:
    step = int(text)
    if not 0 <= step <= MOST_STEPS:
        raise ValueError(f"step is {text}; it must lie in 0..{MOST_STEPS}")
    return step


def _scaler(state: Any) -> dict[str, float]:
    if not isinstance(state, dict) or not all(type(value) in (int, float) for value in state.values()):
        raise ValueError("the scale of float16's gradients must be numbers by name")
    return state
