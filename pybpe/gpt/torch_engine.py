"""The torch engine as engines.py asks for it: trains a run's folder, plans that, and opens its checkpoint."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from pybpe.errors import TrainingError
from pybpe.gpt.checkpoint import Checkpoint, read_checkpoint
from pybpe.gpt.devices import AUTOCAST, ProcessGroup, find_device, this_process_group, wait_for
from pybpe.gpt.engines import Loaded, OnStep, Plan
from pybpe.gpt.generation import Inference
from pybpe.gpt.runs.folder import Metrics, Run
from pybpe.gpt.settings import Settings
from pybpe.gpt.train import NO_ROOM, Training, check_settings, first_checkpoint, model_config
from pybpe.gpt.training_data import TrainingData

TRIED_TOKENS = 1024  # at most, to see how long a batch takes on a processor


def check(settings: Settings, data: TrainingData) -> None:
    """Raise TrainingError or ValueError for what this engine cannot train, FormatError for a model to go on from."""
    check_settings(settings, data, find_device(settings.device), this_process_group())
    if settings.init:
        first_checkpoint(settings, data)
    else:
        model_config(settings, data.vocabulary.n_vocab)


def train(run: Run, data: TrainingData, folder: Path, metrics: Metrics, threads: int | None, on_step: OnStep) -> bool:
    """Train, or go on where the folder's checkpoint is; False if Ctrl-C ended it."""
    if threads is not None:
        torch.set_num_threads(threads)
    return Training(run, data, folder, metrics, this_process_group()).run(on_step)


def recorded_threads(given: int | None) -> int | None:
    """Return the number of threads that a run records: torch adds in another order with another number."""
    return given or torch.get_num_threads()


def plan(settings: Settings, data: TrainingData, threads: int | None) -> Plan:
    """What training would take, after two batches of it."""
    if threads is not None:
        torch.set_num_threads(threads)
    device = find_device(settings.device)
    windows = settings.batch_size if device.type == "cuda" else max(1, TRIED_TOKENS // settings.block_size)
    windows = min(windows, settings.batch_size)
    tried = replace(settings, batch_size=windows, accumulate=1, compile=False)
    with tempfile.TemporaryDirectory() as folder:
        training = Training(Run(tried, [], "", ""), data, Path(folder), Metrics(), ProcessGroup())
    try:
        _, batches = training.learn(training.batches(0), 0.0)
        wait_for(device)
        began = time.perf_counter()
        training.learn(batches, 0.0)
        wait_for(device)
    except torch.cuda.OutOfMemoryError:
        raise TrainingError(NO_ROOM) from None
    taken = time.perf_counter() - began
    n_params = training.model.n_params
    memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else memory_needed(settings, n_params)
    return Plan(n_params, memory, taken / (windows * settings.block_size))


def memory_needed(settings: Settings, n_params: int) -> int:
    """About how many bytes: weights, gradients and two moments, and what a batch leaves for the way back.

    A layer keeps some 16 numbers for each token and unit of width; the head is counted as the rest of the weights.
    """
    number = 8 if settings.dtype == "float64" else 4
    tokens = settings.batch_size * settings.block_size
    kept = tokens * settings.n_layer * settings.n_embd * 16 * (2 if settings.dtype in AUTOCAST else number)
    rows = n_params // settings.n_embd - 12 * settings.n_layer * settings.n_embd
    return 4 * number * n_params + kept + 3 * number * tokens * max(0, rows)


def load(path: Path, device: str = "auto") -> Loaded:
    """Open the model of a checkpoint on a device. FormatError for files that are none of this engine."""
    return model_of(read_checkpoint(path, moments=False), device)


def model_of(checkpoint: Checkpoint, device: str = "auto") -> Loaded:
    """Return the model of a checkpoint, moved to a device of settings.DEVICES ("auto": float64 stays on the cpu)."""
    exact = checkpoint.weights["wte.weight"].dtype == torch.float64  # which not every device has
    model = checkpoint.model().to(find_device("cpu" if exact and device == "auto" else device))
    return Loaded(Inference(model), model.config.n_vocab, model.n_params, checkpoint.step, checkpoint.fingerprint)
