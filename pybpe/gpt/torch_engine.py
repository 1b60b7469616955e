"""The torch engine as engines.py asks for it: trains a run's folder, plans that, and opens its checkpoint."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from pybpe.errors import TrainingError
from pybpe.gpt.checkpoint import read_checkpoint
from pybpe.gpt.devices import ProcessGroup, find_device, this_process_group, wait_for
from pybpe.gpt.engines import Loaded, OnStep, Plan
from pybpe.gpt.generation import Inference
from pybpe.gpt.memory import MemoryTimeline, bytes_of, peak_at
from pybpe.gpt.new_model import check_settings, first_checkpoint, model_config
from pybpe.gpt.runs.folder import Metrics, Run
from pybpe.gpt.settings import Settings
from pybpe.gpt.train import NO_ROOM, Training
from pybpe.gpt.training_data import TrainingData
from pybpe.util.process import peak_memory

TRIED_TOKENS = 1024  # at most, to see how long a batch takes on a processor
LIBRARIES = 100 << 20  # bytes that torch's libraries take once they compute
ALLOCATOR = 1.2  # memory that a process holds for each byte of tensors: measured with glibc's malloc, 1.14 to 1.22


def check(settings: Settings, data: TrainingData) -> None:
    """Raise TrainingError or ValueError for what this engine cannot train, FormatError for a model to go on from."""
    check_settings(settings, data, find_device(settings.device), this_process_group())
    if settings.init:
        first_checkpoint(settings, data)
    else:
        model_config(settings, data.vocabulary.n_vocab)


def train(
    run: Run,
    data: TrainingData,
    folder: Path,
    metrics: Metrics,
    threads: int | None,
    on_step: OnStep,
    seconds: float | None = None,
) -> str:
    """Train from the folder's checkpoint on, or from new weights; return why it ended, one of stopping.REASONS."""
    if threads is not None:
        torch.set_num_threads(threads)
    return Training(run, data, folder, metrics, this_process_group()).run(on_step, seconds)


def recorded_threads(given: int | None) -> int | None:
    """Return the number of threads that a run records: torch adds in another order with another number."""
    return given or torch.get_num_threads()


def plan(settings: Settings, data: TrainingData, threads: int | None) -> Plan:
    """What training would take, after a few small batches of it."""
    if threads is not None:
        torch.set_num_threads(threads)
    device, before = find_device(settings.device), peak_memory()
    on_gpu = device.type == "cuda"
    windows = settings.batch_size if on_gpu else max(1, TRIED_TOKENS // settings.block_size)
    windows = min(windows, settings.batch_size)
    try:
        training = _trial(settings, data, windows)
        batches = training.batches(1)
        wait_for(device)
        began = time.perf_counter()
        training.train_step(batches, 0.0)
        wait_for(device)
        taken = time.perf_counter() - began
    except torch.cuda.OutOfMemoryError:
        raise TrainingError(NO_ROOM) from None
    tokens = windows * settings.block_size * training.settings.accumulate
    memory = torch.cuda.max_memory_allocated(device) if on_gpu else before + _memory(settings, data, training)
    return Plan(training.model.n_params, memory, taken / tokens)


def _trial(settings: Settings, data: TrainingData, windows: int) -> Training:
    """A run with batches of so many windows that has taken its first step, after which the optimizers have moments."""
    accumulate = min(settings.accumulate, 2)  # from the second batch on, gradients are there beside activations
    tried = replace(settings, batch_size=windows, accumulate=accumulate, compile=False, steps=max(2, settings.steps))
    with tempfile.TemporaryDirectory() as folder:
        training = Training(Run(tried, [], "", ""), data, Path(folder), Metrics(), ProcessGroup())
    training.train_step(training.batches(0), 0.0)
    return training


def _memory(settings: Settings, data: TrainingData, trained: Training) -> int:
    """Return the peak of memory in bytes of training on a processor, beyond what the process used before it.

    That is a step of training with all its windows, or writing a checkpoint, which copies weights and moments twice.
    """
    timelines = []
    for windows in sorted({min(2, settings.batch_size), min(3, settings.batch_size)}):
        training = _trial(settings, data, windows)
        batches = training.batches(1)
        with MemoryTimeline() as timeline:
            training.train_step(batches, 0.0)
        timelines.append((windows, timeline.bytes_in_use))
    moments = [
        each for optimizer in trained.optimizers for state in optimizer.state.values() for each in state.values()
    ]
    kept = bytes_of(trained.model.parameters()) + bytes_of(moments)
    tensors = kept + max(peak_at(settings.batch_size, timelines[0], timelines[-1]), 2 * kept)
    return LIBRARIES + int(ALLOCATOR * tensors)


def load(path: Path, device: str = "auto") -> Loaded:
    """Open the model of a checkpoint on a device. FormatError for files that are none of this engine."""
    checkpoint = read_checkpoint(path, moments=False)
    runner = Inference.of(checkpoint, device)
    return Loaded(runner, runner.config.n_vocab, runner.n_params, checkpoint.step, checkpoint.fingerprint)
