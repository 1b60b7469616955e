"""A micro GPT as one safetensors file: weights by name, the optimizer's moments, and a header of strings.

The header holds `pybpe.format`, `pybpe.config` and `pybpe.adam` (JSON) and `pybpe.step`, beside the caller's
own strings. Every shape is checked against the configuration before anything of its size is allocated.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from pybpe.errors import FormatError

if TYPE_CHECKING:
    from pybpe.gpt.micro import MicroConfig, MicroGPT

FORMAT = "micro-gpt 1"
OURS = "pybpe."  # prefix of the header's keys that belong to this format
MOMENTS = ("adam.m", "adam.v")


def write_checkpoint(
    model: MicroGPT, path: str | os.PathLike[str], metadata: Mapping[str, str], optimizer: bool
) -> None:
    """Write to a file beside `path`, then move it into place."""
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str) or key.startswith(OURS):
            raise ValueError(f"metadata {key!r}: must be strings, and keys must not begin with {OURS!r}")
    header = {
        **metadata,
        OURS + "format": FORMAT,
        OURS + "config": json.dumps(asdict(model.config)),
        OURS + "adam": json.dumps(asdict(model.adam)),
        OURS + "step": str(model.step),
    }
    tensors = dict(model.parameters)
    if optimizer:
        tensors.update(zip(MOMENTS, model._moments, strict=True))
    target = Path(path)
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        save_file(tensors, temporary, header)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_checkpoint(path: str | os.PathLike[str], options: dict[str, Any]) -> MicroGPT:
    """The model in the file. FormatError for a file that is damaged, foreign or at odds with itself."""
    from pybpe.gpt.micro import Adam, MicroGPT

    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            if header.get(OURS + "format") != FORMAT:
                raise FormatError(f"{path} is a safetensors file, but not a micro GPT that pybpe saved")
            config = read_config(header)
            adam = Adam(**json.loads(header[OURS + "adam"]))
            step = int(header[OURS + "step"])
            names = set(file.keys())
            has_moments = names.issuperset(MOMENTS)
            check_tensors(file, names, config, has_moments)
            model = MicroGPT(config, **{"adam": adam, **options})
            for name, weights in model.parameters.items():
                weights[:] = file.get_tensor(name)
            if has_moments:
                for name, moment in zip(MOMENTS, model._moments, strict=True):
                    moment[:] = file.get_tensor(name)
                model.step = step
    except FormatError:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"{path} is not a micro GPT checkpoint, or is damaged: {error}") from error
    model.metadata = {key: value for key, value in header.items() if not key.startswith(OURS)}
    return model


def read_config(header: Mapping[str, str]) -> MicroConfig:
    """The configuration in the header, validated as any other."""
    from pybpe.gpt.micro import MicroConfig

    return MicroConfig(**json.loads(header[OURS + "config"]))


def check_tensors(file: Any, names: set[str], config: MicroConfig, has_moments: bool) -> None:
    """FormatError unless the file holds exactly the tensors that its configuration asks for."""
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
