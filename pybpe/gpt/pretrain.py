"""Pretraining: random windows of a long line of token ids go in, a trained model and a log come out.

Works on one-dimensional integer arrays, memory-mapped shards included; knows nothing of where they come from.
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
DOCUMENT_STEPS = 50  # between two looks at what came meanwhile
WARMDOWN = 0.4  # of the run behind the warm-up, in which the schedule of that name falls
Batch = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class TrainingStep:
    """What `on_step` is told after a step; `progress` runs to 1 in steps or time, whichever is ahead.

    sample: what the model said, where it was asked.
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
    """What happened: a training loss for every step, (steps done, validation loss) pairs, time and tokens.

    stopped: why it ended, one of stopping.REASONS. Losses are in nats per token.
    """

    losses: list[float] = field(default_factory=list)
    val_losses: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    stopped: str = "steps"

    @property
    def tokens_per_second(self) -> float:
        """Tokens trained on per second, validation included in the time."""
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
    max_seconds: float | None = None,
    time_limit: float | None = None,
    schedule: str = "linear",
    warmup: float = 0.0,
    on_step: Callable[[TrainingStep], object] | None = None,
) -> TrainingLog:
    """Train `model` on random windows of `train_ids` until it has taken `steps` or `max_seconds` are used up.

    train_ids, val_ids: 1-D integer arrays of at least block_size + 1 ids; val_ids may be None. threads: None for one
    for each processor. The loss on val_ids is measured over up to `eval_windows` fixed windows every `eval_every` steps
    and at the end. schedule: one of settings.SCHEDULES; before it lr rises for the fraction `warmup` of the run.

    The run begins at the model's own count of steps. Windows and rate depend on it and on `seed` alone (if max_seconds
    is None), so a model that was saved and loaded continues digit for digit. Ctrl-C, SIGTERM and time_limit (seconds)
    end the run after the step at hand; unlike max_seconds, time_limit does not change the learning rate.
    TrainingError for corpora that are too short and settings that cannot be; MemoryError before the first step.
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
            elapsed, stop = time.perf_counter() - began, stop_reason()
            progress = max(step / steps, elapsed / max_seconds if max_seconds else 0.0)
            if progress >= 1.0 or stop:
                log.stopped = stop or "seconds"
                break
            rate = learning_rate(lr, progress, schedule, warmup)
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
                done = max(progress, (step + 1) / steps)
                on_step(TrainingStep(step + 1, loss, val_loss, rate, done, log.tokens_per_second))
        if val_ids is not None and not stop:
            _measure(model, val_ids, batch_size, eval_windows, log)
        log.seconds = time.perf_counter() - began
    return log


def _measure(model: MicroGPT, ids: Ids, batch_size: int, windows: int, log: TrainingLog) -> float:
    """Return the loss on held-out text, and note it in the log."""
    loss = evaluate(model, ids, batch_size, windows)
    log.val_losses.append((model.step, loss))
    return loss


def _check_settings(
    steps: int, batch_size: int, eval_every: int, eval_windows: int, lr: float, threads: int | None
) -> None:
    """TrainingError for a number that is not allowed."""
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
    """Train `model` as microgpt.py trains: one document a step, in order and round again, lr falling linearly to 0.

    documents: lists of at least two ids, of which a step takes block_size + 1. The run goes on from the model's own
    count of steps, digit for digit. Ctrl-C, SIGTERM and time_limit, in seconds, end it within DOCUMENT_STEPS steps and
    keep what was learned.
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
    """What to say of a loss that is no number any more."""
    return f"the loss became {loss} at step {step}: the model is lost; lower lr"


class Measurable(Protocol):
    """A model of any engine whose loss can be measured."""

    @property
    def config(self) -> Any:
        """Its shape: it has a block_size."""

    def loss(self, ids: npt.ArrayLike, targets: npt.ArrayLike) -> float:
        """The mean loss in nats of integer arrays [batch, time]."""


def evaluate(model: Measurable, ids: Ids, batch_size: int, windows: int) -> float:
    """Return the mean loss in nats per token over the windows of `evaluation_starts`, every prediction counted once.

    Windows are as long as the model's context, or as the text if that is shorter. TrainingError for fewer than two ids.
    """
    context = max(1, min(model.config.block_size, len(ids) - 1))
    starts = evaluation_starts(ids, context, windows)
    total = weights = 0.0
    for some, length in evaluation_batches(starts, len(ids), context, batch_size):
        weight = len(some) * length / context
        total += model.loss(*cut(ids, some, length)) * weight
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
    """The loss in nats per token of knowing only how frequent each id is: what a model has to beat."""
    counts = id_counts(ids, n_vocab)
    if not counts.any():
        raise ValueError("there are no ids to count")
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def learning_rate(
    lr: float, progress: float, schedule: str, warmup: float, final: float = 0.0, first: float = 0.01
) -> float:
    """The rate at `progress` 0..1 of a run that ends at lr * final ("constant": at lr).

    first: how much further than it is the warm-up is taken to be, so that the first step teaches something.
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
    """`batch_size` windows that begin anywhere: inputs and targets, both [batch_size, context]."""
    return cut(ids, window_starts(ids, context, batch_size, seed), context)


def window_starts(ids: Ids, context: int, batch_size: int, seed: list[int]) -> npt.NDArray[np.int64]:
    """Where they begin."""
    return np.random.default_rng(seed).integers(0, len(ids) - context, batch_size)


def cut(ids: Ids, starts: npt.NDArray[np.int64], context: int) -> Batch:
    """The windows of `ids` at `starts` and their targets."""
    windows = ids[starts[:, None] + np.arange(context + 1)].astype(np.int64)
    return windows[:, :-1], windows[:, 1:]


def check_parts(train_ids: Ids, val_ids: Ids | None, context: int) -> None:
    """TrainingError unless what is learned from, and what is held out if anything is, can be cut into windows."""
    check_ids("the training text", train_ids, context)
    if val_ids is not None:
        check_ids("the held-out text", val_ids, context)


def check_ids(name: str, ids: Ids, context: int) -> None:
    """TrainingError unless ids is a line of integers that holds one whole window and its last target."""
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise TrainingError(f"{name} must be a 1-D integer array, not {ids.dtype} of shape {ids.shape}")
    if len(ids) < context + 1:
        raise TrainingError(
            f"{name} holds {len(ids)} token{'s' * (len(ids) != 1)}, and a window of {context} needs at least "
            f"{context + 1}: give more text{' or a smaller block_size' * (context > 1)}"
        )


def usable_cpus() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
