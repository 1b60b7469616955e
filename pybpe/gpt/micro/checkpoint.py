"""Checkpoints of the micro engine: weights, Adam's moments and a header in one safetensors file.

The header maps strings to strings: `pybpe.format`, `pybpe.config` and `pybpe.adam` (JSON), `pybpe.step`, and metadata
of the caller. All names, shapes and dtypes are checked against the configuration before a tensor is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pybpe.errors import FormatError, TrainingError
from pybpe.gpt.finite import check_finite
from pybpe.gpt.micro.config import Adam, MicroConfig
from pybpe.util.files import write_atomic

FORMAT = "micro-gpt 1"
OURS = "pybpe."  # prefix of this format's own keys in the header
MOMENTS = ("adam.m", "adam.v")
MOST_STEPS = 1 << 53  # larger integers are not exact in the doubles with which Adam computes

Floats = npt.NDArray[Any]


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint file.

    step: optimizer steps taken. weights: {name: array}, the names of MicroConfig.shapes. moments: Adam's m and v, flat
    arrays of n_params numbers; None if they were not saved. metadata: strings of the caller.
    """

    config: MicroConfig
    adam: Adam
    step: int
    weights: Mapping[str, Floats]
    moments: tuple[Floats, Floats] | None
    metadata: dict[str, str]


def write_checkpoint(checkpoint: Checkpoint, path: str | os.PathLike[str]) -> None:
    """Write a file, completely or not at all. TrainingError if weights are not finite; an earlier file then stays."""
    check_finite(checkpoint.weights, Path(path).name, TrainingError)
    for key, value in checkpoint.metadata.items():
        if not isinstance(key, str) or not isinstance(value, str) or key.startswith(OURS):
            raise ValueError(f"metadata {key!r}: must be strings, and keys must not begin with {OURS!r}")
    header = {
        **checkpoint.metadata,
        OURS + "format": FORMAT,
        OURS + "config": json.dumps(asdict(checkpoint.config)),
        OURS + "adam": json.dumps(asdict(checkpoint.adam)),
        OURS + "step": str(checkpoint.step),
    }
    tensors = dict(checkpoint.weights)
    if checkpoint.moments is not None:
        tensors.update(zip(MOMENTS, checkpoint.moments, strict=True))
    write_atomic(path, save(tensors, header))


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint file.

    Raises FormatError if it is not a checkpoint of the micro engine or is damaged, or if weights are not finite.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            if header.get(OURS + "format") != FORMAT:
                raise FormatError(f"{path} is a safetensors file, but not a micro GPT that pybpe saved")
            config = MicroConfig(**json.loads(header[OURS + "config"]))
            names = set(file.keys())
            has_moments = names.issuperset(MOMENTS)
            check_tensors(file, names, config, has_moments)
            first, second = MOMENTS
            weights = {name: file.get_tensor(name) for name in config.shapes()}
            check_finite(weights, str(path))
            return Checkpoint(
                config,
                Adam(**json.loads(header[OURS + "adam"])),
                read_step(header[OURS + "step"]),
                weights,
                (file.get_tensor(first), file.get_tensor(second)) if has_moments else None,
                {key: value for key, value in header.items() if not key.startswith(OURS)},
            )
    except FormatError:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path} is not a micro GPT checkpoint, or is damaged: {error}") from error


def read_step(text: str) -> int:
    """Return the number of steps in a header. ValueError if it is not an integer in 0..MOST_STEPS."""
    step = int(text)
    if not 0 <= step <= MOST_STEPS:
        raise ValueError(f"step is {text}; it must lie in 0..{MOST_STEPS}")
    return step


def check_tensors(file: Any, names: set[str], config: MicroConfig, has_moments: bool) -> None:
    """Raise FormatError unless an open file holds exactly the tensors of `config`, and the moments if has_moments."""
    expected: dict[str, tuple[int, ...]] = dict(config.shapes())
    if has_moments:
        expected.update(dict.fromkeys(MOMENTS, (config.n_params,)))
    if names != set(expected):
        wrong = sorted(names ^ set(expected))[0]
        raise FormatError(f"tensor {wrong!r} is missing or does not belong to {config}")
    dtype = {"float32": "F32", "float64": "F64"}[config.dtype]
    for name, shape in expected.items():
        tensor = file.get_slice(name)
        if tuple(tensor.get_shape()) != shape or tensor.get_dtype() != dtype:
            raise FormatError(
                f"tensor {name!r} is {tensor.get_dtype()} {tensor.get_shape()}, not {dtype} {list(shape)}"
            )
