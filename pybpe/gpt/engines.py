"""The engines that train and run a GPT, by name.

Each engine is a module with the functions of `Engine`.
It reads and writes the checkpoint in the folder of a run and calls `on_step` after each step. runs/folder.py
lists what every checkpoint contains. The command line, the metrics and the report are the same for all engines.
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
FORMATS = {"micro-gpt 1": "micro", "torch-gpt 1": "torch"}  # `pybpe.format` in a checkpoint -> engine

OnStep = Callable[[TrainingStep], object]


class LanguageModel(Measurable, Protocol):
    """A model of any engine, which can generate ids and compute losses."""

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
    """A model and facts of its checkpoint.

    n_vocab: the ids are 0..n_vocab - 1. step: optimizer steps taken. fingerprint: that of the vocabulary, None if it is
    not known.
    """

    model: LanguageModel
    n_vocab: int
    n_params: int
    step: int
    fingerprint: str | None


@dataclass(frozen=True)
class Plan:
    """An estimate of what a run needs: number of parameters, peak memory in bytes, and seconds per token."""

    n_params: int
    memory: int
    seconds_a_token: float


class Engine(Protocol):
    """The functions of a module in ENGINES."""

    def check(self, settings: Settings, data: TrainingData) -> None:
        """Raise TrainingError or ValueError if the engine cannot train these settings on this data. Writes nothing."""

    def train(
        self,
        run: Run,
        data: TrainingData,
        folder: Path,
        metrics: Metrics,
        threads: int | None,
        on_step: OnStep,
        seconds: float | None = None,
    ) -> str:
        """Train from the folder's checkpoint on, or from new weights; return why it ended, one of stopping.REASONS.

        seconds: a time limit. Fills `metrics`, and writes checkpoint and metrics every save_every steps and at the end.
        """

    def recorded_threads(self, given: int | None) -> int | None:
        """Return the number of threads to record with a run: `given`, or the engine's choice if that is None.

        Returns None if the number of threads does not change the results, so that each machine may use its own.
        """

    def plan(self, settings: Settings, data: TrainingData, threads: int | None) -> Plan:
        """Estimate what training needs by training a few batches. Writes nothing."""

    def load(self, path: Path, device: str = "auto") -> Loaded:
        """Open the model of a checkpoint on a device of settings.DEVICES.

        Raises FormatError if the file is not a checkpoint of this engine, ValueError if it cannot use the device.
        """


def engine(name: str) -> Engine:
    """Import and return the engine of a name in ENGINES.

    Raises ValueError if the name is not known, MissingPackageError if the engine needs torch and it is not installed.
    """
    if name not in ENGINES:
        raise ValueError(f"there is no engine {name!r}; it must be one of {', '.join(ENGINES)}")
    if name == "torch":
        need_torch()
    return cast(Engine, importlib.import_module(ENGINES[name]))


def need_torch() -> None:
    """Raise MissingPackageError, which says what to install, if torch is not installed."""
    extra_module("torch", "gpt", "for the torch engine")


def load_model(path: Path, device: str = "auto") -> Loaded:
    """Open the model of a checkpoint of any engine on a device of settings.DEVICES.

    Raises FormatError for any other file, FileNotFoundError if there is none, ValueError if the device is not
    available.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path.parent} holds no {path.name}, which pybpe gpt train writes")
    try:
        with safe_open(path, framework="numpy") as file:
            name = FORMATS.get((file.metadata() or {}).get("pybpe.format", ""))
    except SafetensorError as error:
        raise FormatError(f"{path} is not a safetensors file, or is damaged: {error}") from error
    if name is None:
        raise FormatError(f"{path} is a safetensors file, but not a model that pybpe saved")
    return engine(name).load(path, device)
