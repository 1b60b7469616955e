"""The engines that train and run a GPT, by name. Each is a module with the functions of `Engine`.

An engine reads and writes the checkpoint MODEL of a run's folder (runs/folder.py says what every checkpoint has), and
calls back after each step; all else, the command line, the metrics, the report, is the same for all.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from safetensors import SafetensorError, safe_open

from pybpe.errors import FormatError
from pybpe.gpt.pretrain import Measurable, TrainingStep
from pybpe.gpt.runs.folder import Metrics, Run
from pybpe.gpt.settings import Settings
from pybpe.gpt.training_data import TrainingData
from pybpe.util.extras import extra_module

ENGINES = {"micro": "pybpe.gpt.micro.training", "torch": "pybpe.gpt.torch_engine"}
FORMATS = {"micro-gpt 1": "micro", "torch-gpt 1": "torch"}  # what `pybpe.format` says in a checkpoint

OnStep = Callable[[TrainingStep], object]


class LanguageModel(Measurable, Protocol):
    """A model to sample from, and to measure."""

    def generate(
        self,
        prompt_ids: Sequence[int],
        max_tokens: int,
        temperature: float = ...,
        top_k: int | None = ...,
        top_p: float | None = ...,
        seed: int | None = ...,
        stop: Collection[int] = ...,
        min_p: float | None = ...,
        repetition_penalty: float = ...,
    ) -> Iterator[int]:
        """Yield ids that continue the prompt, up to max_tokens or an id in `stop`."""


@dataclass(frozen=True)
class Loaded:
    """A model and what its checkpoint says of it: its ids are 0..n_vocab - 1, its vocabulary had `fingerprint`."""

    model: LanguageModel
    n_vocab: int
    n_params: int
    step: int
    fingerprint: str | None


@dataclass(frozen=True)
class Plan:
    """What a run would take: how many numbers it learns, about how many bytes, and measured seconds for a token."""

    n_params: int
    memory: int
    seconds_a_token: float


class Engine(Protocol):
    """What a module of ENGINES offers."""

    def check(self, settings: Settings, data: TrainingData) -> None:
        """Raise TrainingError or ValueError for what it cannot train: before anything is written."""

    def train(
        self, run: Run, data: TrainingData, folder: Path, metrics: Metrics, threads: int | None, on_step: OnStep
    ) -> bool:
        """Train, or go on where the folder's checkpoint is; False if Ctrl-C ended it.

        Fills `metrics`, and writes checkpoint and metrics every save_every steps and at the end.
        """

    def plan(self, settings: Settings, data: TrainingData, threads: int | None) -> Plan:
        """What training would take, from a trial of a few batches; keeps nothing."""

    def load(self, path: Path) -> Loaded:
        """The model of a checkpoint. FormatError for files that are none of this engine."""


def engine(name: str) -> Engine:
    """An engine by name, imported only now. ValueError for one that is not known, MissingPackageError without torch."""
    if name not in ENGINES:
        raise ValueError(f"there is no engine {name!r}; it must be one of {', '.join(ENGINES)}")
    if name == "torch":
        need_torch()
    return cast(Engine, importlib.import_module(ENGINES[name]))


def need_torch() -> None:
    """MissingPackageError, which says what to install, where there is no torch."""
    extra_module("torch", "gpt", "for the torch engine")


def load_model(path: Path) -> Loaded:
    """The model of a checkpoint of any engine. FormatError for any other file, FileNotFoundError for none."""
    if not path.is_file():
        raise FileNotFoundError(f"{path.parent} holds no {path.name}, which pybpe gpt train writes")
    try:
        with safe_open(path, framework="numpy") as file:
            name = FORMATS.get((file.metadata() or {}).get("pybpe.format", ""))
    except SafetensorError as error:
        raise FormatError(f"{path} is not a safetensors file, or is damaged: {error}") from error
    if name is None:
        raise FormatError(f"{path} is a safetensors file, but not a model that pybpe saved")
    return engine(name).load(path)
