"""The functions of `engines.Engine` for the torch engine: check, plan, train, and open a checkpoint."""

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
from pybpe.gpt.finetune.data import ChatData
from pybpe.gpt.finetune.training import ChatTraining
from pybpe.gpt.generation import Inference
from pybpe.gpt.memory import MemoryTimeline, bytes_of, peak_at
from pybpe.gpt.new_model import check_settings, first_checkpoint, model_config
from pybpe.gpt.runs.folder import Metrics, Run
from pybpe.gpt.settings import Settings
from pybpe.gpt.train import NO_ROOM, Training
from pybpe.gpt.training_data import TrainingData
from pybpe.util.process import peak_memory

TRIED_TOKENS = 1024  # maximum number of tokens in a batch that measures the time on a processor
LIBRARIES = 100 << 20  # bytes that torch's libraries allocate when they first compute
# Bytes of the process per byte of tensors with glibc's malloc, which keeps holes between freed tensors: 1.05 to 1.12
# were measured for weights and moments, which stay, and 1.2 to 1.5 for activations, which come and go.
ALLOCATOR_KEPT = 1.1
ALLOCATOR_STEP = 1.36


def check(settings: Settings, data: TrainingData) -> None:
    """Raise TrainingError or ValueError if this engine cannot train the settings on the data.

    Raises FormatError if the checkpoint in `settings.init` is damaged or has another vocabulary.
    """
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
    return _training(run, data, folder, metrics, this_process_group()).run(on_step, seconds)


def recorded_threads(given: int | None) -> int | None:
    """Return `given`, or torch's number of threads. It is recorded because the order of torch's sums depends on it."""
    return given or torch.get_num_threads()


def plan(settings: Settings, data: TrainingData, threads: int | None) -> Plan:
    """Estimate what training needs by training a few small batches."""
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


def _training(run: Run, data: TrainingData, folder: Path, metrics: Metrics, process_group: ProcessGroup) -> Training:
    """Return the training loop for the kind of data."""
    if isinstance(data, ChatData):
        return ChatTraining(run, data, folder, metrics, process_group)
    return Training(run, data, folder, metrics, process_group)


def _trial(settings: Settings, data: TrainingData, windows: int) -> Training:
    """Return a run with batches of `windows` windows after its first step, when the optimizers have moments."""
    accumulate = min(settings.accumulate, 2)  # from the second batch on, gradients are in memory with activations
    tried = replace(settings, batch_size=windows, accumulate=accumulate, compile=False, steps=max(2, settings.steps))
    with tempfile.TemporaryDirectory() as folder:
        training = _training(Run(tried, [], "", ""), data, Path(folder), Metrics(), ProcessGroup())
    training.train_step(training.batches(0), 0.0)
    return training


def _memory(settings: Settings, data: TrainingData, trained: Training) -> int:
    """Return the estimated peak memory of training on a processor, in bytes beyond what the process used before.

    The peak is reached in a training step, or while a checkpoint is written, which copies weights and moments twice.
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
    step = peak_at(settings.batch_size, timelines[0], timelines[-1])
    return LIBRARIES + int(ALLOCATOR_KEPT * kept + max(ALLOCATOR_STEP * step, 2 * ALLOCATOR_KEPT * kept))


def load(path: Path, device: str = "auto") -> Loaded:
    """Open the model of a checkpoint on a device. FormatError if the file is not a checkpoint of this engine."""
    checkpoint = read_checkpoint(path, moments=False)
    runner = Inference.of(checkpoint, device)
    return Loaded(runner, runner.config.n_vocab, runner.n_params, checkpoint.step, checkpoint.fingerprint)
