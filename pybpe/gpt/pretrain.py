"""Train a micro GPT on random windows of token ids or on documents, and measure losses for both engines.

The functions take one-dimensional integer arrays, memory-mapped shards included. They know nothing of files or text.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pybpe.errors import TrainingError
from pybpe.gpt.micro import MicroGPT
from pybpe.gpt.stopping import stop_requests
from pybpe.gpt.vocabulary import id_counts

Ids = npt.NDArray[Any]
DOCUMENT_STEPS = 50  # steps between two checks for a request to stop, in training on documents
WARMDOWN = 0.4  # the schedule "warmdown" falls in this last fraction of the steps after the warmup
Batch = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class TrainingStep:
    """The facts of a step, with which `on_step` is called.

    step: steps taken. loss, val_loss: in nats per token; val_loss is None if it was not measured after this step.
    progress: 0..1, the fraction of the steps taken. sample: text that the model
    generated after this step, None if it did not.
    """

    step: int
    loss: float
    val_loss: float | None
    lr: float
    progress: float
    tokens_per_second: float
    sample: str | None = None


@dataclass
class TrainingLog:
    """The record of a training run.

    losses: the training loss of each step, in nats per token. val_losses: (steps taken, held-out loss). seconds: time
    that training took. tokens: number of tokens trained on. stopped: why it ended, one of stopping.REASONS.
    """

    losses: list[float] = field(default_factory=list)
    val_losses: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    stopped: str = "steps"

    @property
    def tokens_per_second(self) -> float:
        """Tokens trained on per second; the time for held-out losses is included."""
        return self.tokens / self.seconds if self.seconds > 0 else 0.0


def pretrain(
    model: MicroGPT,
    train_ids: Ids,
    val_ids: Ids | None,
    *,
    steps: int,
    batch_size: int,
    lr: float,
    seed: int,
    threads: int | None = None,
    eval_every: int = 100,
    eval_windows: int = 64,
    time_limit: float | None = None,
    schedule: str = "linear",
    warmup: float = 0.0,
    on_step: Callable[[TrainingStep], object] | None = None,
) -> TrainingLog:
    """Train `model` on random windows of `train_ids` for `steps` steps.

    train_ids, val_ids: 1-D integer arrays of at least block_size + 1 ids; val_ids may be None. threads: None for one
    per processor. The loss on val_ids is measured over up to `eval_windows` fixed windows every `eval_every` steps
    and at the end. schedule: one of settings.SCHEDULES, after lr has risen for the fraction `warmup` of the run.

    Training starts at step `model.step`. The windows and the learning rate of a step depend only on its number and on
    `seed`, so a model that was saved and loaded continues digit for digit. Ctrl-C, SIGTERM and time_limit (seconds) end
    training after the current step. Raises TrainingError if there is too little text or a setting is not allowed, and
    MemoryError before the first step.
    """
    context = model.config.block_size
    check_parts(train_ids, val_ids, context)
    _check_settings(steps, batch_size, eval_every, eval_windows, lr, threads)
    learning_rate(lr, 0.0, schedule, warmup)  # raises for a schedule or a warmup that cannot be
    model.threads = usable_cpus() if threads is None else threads
    model.reserve(batch_size)
    log, began, stop = TrainingLog(), time.perf_counter(), ""
    with stop_requests(time_limit) as stop_reason:
        for step in range(model.step, steps):
            if stop := stop_reason():
                log.stopped = stop
                break
            rate = learning_rate(lr, step / steps, schedule, warmup)
            loss = model.train_step(*window_batch(train_ids, context, batch_size, [seed, model.step]), rate)
            if not math.isfinite(loss):
                raise TrainingError(lost(loss, step + 1))
            log.losses.append(loss)
            log.tokens += batch_size * context
            log.seconds = time.perf_counter() - began
            val_loss = None
            if val_ids is not None and (step + 1) % eval_every == 0 and step + 1 < steps:
                val_loss = _measure(model, val_ids, batch_size, eval_windows, log)
            if on_step is not None:
                on_step(TrainingStep(step + 1, loss, val_loss, rate, (step + 1) / steps, log.tokens_per_second))
        if val_ids is not None and not stop:
            _measure(model, val_ids, batch_size, eval_windows, log)
        log.seconds = time.perf_counter() - began
    return log


def _measure(model: MicroGPT, ids: Ids, batch_size: int, windows: int, log: TrainingLog) -> float:
    """Return the loss on held-out text in nats per token, and append it to the log."""
    loss = evaluate(model, ids, batch_size, windows)
    log.val_losses.append((model.step, loss))
    return loss


def _check_settings(
    steps: int, batch_size: int, eval_every: int, eval_windows: int, lr: float, threads: int | None
) -> None:
    """Raise TrainingError for a number that is not allowed."""
    if steps < 1 or batch_size < 1 or eval_every < 1 or eval_windows < 1:
        raise TrainingError("steps, batch_size, eval_every and eval_windows must all be at least 1")
    if threads is not None and threads < 1:
        raise TrainingError(f"threads is {threads}; it must be at least 1, or None for one for each processor")
    if not (math.isfinite(lr) and lr >= 0):
        raise TrainingError(f"lr is {lr}; it must be a finite number, 0 or above")


def pretrain_documents(
    model: MicroGPT,
    documents: Sequence[Sequence[int]],
    *,
    steps: int,
    lr: float,
    time_limit: float | None = None,
    on_step: Callable[[TrainingStep], object] | None = None,
) -> TrainingLog:
    """Train `model` as microgpt.py does: one document per step, in order and repeatedly, with lr falling linearly to 0.

    documents: lists of at least two ids; a step uses the first block_size + 1. Training starts at step `model.step`,
    and continues digit for digit. Ctrl-C, SIGTERM and time_limit (seconds) end it within DOCUMENT_STEPS steps; the
    model keeps what it learned. Raises TrainingError if there are no documents or a loss is not finite.
    """
    if not documents:
        raise TrainingError("there are no documents to learn from")
    log, began, context = TrainingLog(), time.perf_counter(), model.config.block_size
    with stop_requests(time_limit) as stop_reason:
        while model.step < steps:
            if stop := stop_reason():
                log.stopped = stop
                break
            first, until = model.step, min(steps, (model.step // DOCUMENT_STEPS + 1) * DOCUMENT_STEPS)
            losses = model.train_documents(documents, steps, lr, until=until)
            log.seconds = time.perf_counter() - began
            for step, loss in enumerate(losses.tolist(), first):
                if not math.isfinite(loss):
                    raise TrainingError(lost(loss, step + 1))
                log.losses.append(loss)
                log.tokens += min(context, len(documents[step % len(documents)]) - 1)
                if on_step is not None:
                    rate = lr * (1 - step / steps)
                    progress = (step + 1) / steps
                    on_step(TrainingStep(step + 1, loss, None, rate, progress, log.tokens_per_second))
    return log


def lost(loss: float, step: int) -> str:
    """Return the message for a loss that is NaN or infinity."""
    return f"the loss became {loss} at step {step}: the model is lost; lower lr"


class Measurable(Protocol):
    """A model of any engine that can compute losses."""

    @property
    def config(self) -> Any:
        """The configuration of the model, which has a block_size."""

    def loss(self, ids: npt.ArrayLike, targets: npt.ArrayLike) -> float:
        """Return the mean loss in nats per token for integer arrays ids and targets [batch, time]."""


def evaluate(model: Measurable, ids: Ids, batch_size: int, windows: int) -> float:
    """Return the mean loss in nats per token over the windows of `evaluation_starts`, every prediction counted once.

    Windows are as long as the model's context, or as the text if that is shorter. TrainingError for fewer than two ids.
    """
    context = max(1, min(model.config.block_size, len(ids) - 1))
    starts = evaluation_starts(ids, context, windows)
    total = weights = 0.0
    for some, length in evaluation_batches(starts, len(ids), context, batch_size):
        weight = len(some) * length / context
        total += model.loss(*windows_at(ids, some, length)) * weight
        weights += weight
    return total / weights


def evaluation_starts(ids: Ids, context: int, windows: int) -> npt.NDArray[np.int64]:
    """Return the starts of the windows to measure, int64[at most windows]: they do not overlap.

    If `windows` are enough for all of `ids`, they follow each other and the last ends with the text, so it may be
    shorter than `context`: each of the len(ids) - 1 predictions is measured once. Otherwise they are spread evenly.
    """
    check_ids("the text", ids, context)
    predictions = len(ids) - 1
    if windows * context >= predictions:
        return np.arange(0, predictions, context, dtype=np.int64)
    return np.linspace(0, predictions - context, windows).astype(np.int64)


def evaluation_batches(
    starts: npt.NDArray[np.int64], n_ids: int, context: int, batch_size: int
) -> Iterator[tuple[npt.NDArray[np.int64], int]]:
    """Yield (starts, length): windows of one length, up to batch_size of them; only the last may be short."""
    lengths = np.minimum(context, n_ids - 1 - starts)
    whole = starts[lengths == context]
    for at in range(0, len(whole), batch_size):
        yield whole[at : at + batch_size], context
    for start, length in zip(starts[lengths < context], lengths[lengths < context].tolist(), strict=True):
        yield np.array([start]), length


def unigram_entropy(ids: Ids, n_vocab: int) -> float:
    """Return the entropy of the frequencies of the ids, in nats per token: the baseline that a model should beat.

    It is the loss of a model that predicts each id with its frequency in `ids`. Raises ValueError if there are no ids.
    """
    counts = id_counts(ids, n_vocab)
    if not counts.any():
        raise ValueError("there are no ids to count")
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def learning_rate(
    lr: float, progress: float, schedule: str, warmup: float, final: float = 0.0, first: float = 0.01
) -> float:
    """Return the learning rate at `progress` 0..1 of a run, which ends at lr * final ("constant" ends at lr).

    During warmup it is lr * (progress + first) / (warmup + first), which is above 0 in the first step. Raises
    TrainingError for a warmup outside of 0..1 or an unknown schedule.
    """
    if not 0 <= warmup < 1:
        raise TrainingError(f"warmup is {warmup}; it is a fraction of the run, from 0 to below 1")
    shapes: dict[str, Callable[[float], float]] = {
        "linear": lambda done: 1 - done,
        "cosine": lambda done: 0.5 + 0.5 * math.cos(math.pi * done),
        "constant": lambda done: 1.0,
        "warmdown": lambda done: min(1.0, (1 - done) / WARMDOWN),
    }
    if schedule not in shapes:
        raise TrainingError(f"schedule is {schedule!r}; it must be one of {', '.join(shapes)}")
    if progress < warmup:
        return lr * (progress + first) / (warmup + first)
    return lr * (final + (1 - final) * shapes[schedule]((progress - warmup) / (1 - warmup)))


def window_batch(ids: Ids, context: int, batch_size: int, seed: list[int]) -> Batch:
    """Return ids and targets, int64[batch_size, context], of random windows."""
    return windows_at(ids, window_starts(ids, context, batch_size, seed), context)


def window_starts(ids: Ids, context: int, batch_size: int, seed: list[int]) -> npt.NDArray[np.int64]:
    """Return the starts of `batch_size` random windows, int64[batch_size]. The same seed gives the same windows."""
    return np.random.default_rng(seed).integers(0, len(ids) - context, batch_size)


def windows_at(ids: Ids, starts: npt.NDArray[np.int64], context: int) -> Batch:
    """Return the windows of `ids` at `starts` and their targets, one id later: both int64[len(starts), context]."""
    windows = ids[starts[:, None] + np.arange(context + 1)].astype(np.int64)
    return windows[:, :-1], windows[:, 1:]


def check_parts(train_ids: Ids, val_ids: Ids | None, context: int) -> None:
    """Raise TrainingError unless the training ids, and the held-out ids unless they are None, pass `check_ids`."""
    check_ids("the training text", train_ids, context)
    if val_ids is not None:
        check_ids("the held-out text", val_ids, context)


def check_ids(name: str, ids: Ids, context: int) -> None:
    """Raise TrainingError unless `ids` is a 1-D integer array of at least context + 1 ids. name: for the message."""
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise TrainingError(f"{name} must be a 1-D integer array, not {ids.dtype} of shape {ids.shape}")
    if len(ids) < context + 1:
        raise TrainingError(
            f"{name} holds {len(ids)} token{'s' * (len(ids) != 1)}, and a window of {context} needs at least "
            f"{context + 1}: give more text{' or a smaller block_size' * (context > 1)}"
        )


def usable_cpus() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
