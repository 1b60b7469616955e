"""The functions of `engines.Engine` for the micro engine: check, plan, train, and open a checkpoint."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np

from pybpe.errors import TrainingError
from pybpe.gpt.engines import Loaded, OnStep, Plan
from pybpe.gpt.micro.config import Adam, MicroConfig
from pybpe.gpt.micro.model import MicroGPT
from pybpe.gpt.pretrain import TrainingLog, TrainingStep, check_parts, evaluate, pretrain, pretrain_documents
from pybpe.gpt.runs.folder import MODEL, Metrics, Run, write_metrics
from pybpe.gpt.settings import Settings
from pybpe.gpt.training_data import TrainingData
from pybpe.gpt.vocabulary import check_same
from pybpe.util.process import peak_memory


def check(settings: Settings, data: TrainingData) -> None:
    """Raise TrainingError or ValueError if this engine cannot train the settings on the data."""
    _config(settings, data.vocabulary.n_vocab)
    if data.documents is None:
        check_parts(data.train, data.val, settings.block_size)
    elif not data.documents:
        raise TrainingError("the text is empty: there are no lines to learn from")


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
    settings, path = run.settings, folder / MODEL
    if path.exists():
        model = MicroGPT.load(path, micro_batches=_micro_batches(settings))
        check_same(data.vocabulary, model.metadata.get("tokenizer"), model.config.n_vocab, str(path))
    else:
        model = new_model(settings, data.vocabulary.n_vocab, data.rng)
        if data.val is not None:
            metrics.val_losses.append((0, evaluate(model, data.val, settings.batch_size, settings.eval_windows)))
    recorder = _Recorder(model, folder, metrics, run, on_step)
    log = _learn(model, data, settings, threads, recorder, seconds)
    if log.val_losses and log.stopped == "steps" and log.losses:
        metrics.val_losses.append(log.val_losses[-1])
    recorder.save()
    return log.stopped


def recorded_threads(given: int | None) -> int | None:
    """Return `given`; None is recorded as None, because results do not depend on the number of threads."""
    return given


def plan(settings: Settings, data: TrainingData, threads: int | None) -> Plan:
    """Estimate what training needs by training a few steps."""
    model, tried = new_model(settings, data.vocabulary.n_vocab, data.rng), min(settings.steps, 4)
    rows = 1 if settings.lines else settings.batch_size
    memory = peak_memory() + model.reserve(rows) + 3 * model.n_params * np.dtype(settings.dtype).itemsize
    log = _learn(model, replace(data, val=None), replace(settings, steps=tried), threads, lambda step: None)
    return Plan(model.n_params, memory, log.seconds / max(1, log.tokens))


def load(path: Path, device: str = "auto") -> Loaded:
    """Open the model of a checkpoint. FormatError if the file is not a checkpoint of this engine.

    device: "auto" or "cpu"; ValueError for others.
    """
    if device not in ("auto", "cpu"):
        raise ValueError(
            f"device is {device!r}, and the micro engine computes on the cpu only; convert the model for the torch "
            "engine: pybpe gpt convert"
        )
    model = MicroGPT.load(path)
    return Loaded(model, model.config.n_vocab, model.n_params, model.step, model.metadata.get("tokenizer"))


def _micro_batches(settings: Settings) -> int | None:
    return 1 if settings.lines else None


def _config(settings: Settings, n_vocab: int) -> MicroConfig:
    return MicroConfig(
        n_vocab=n_vocab,
        n_layer=settings.n_layer,
        n_head=settings.n_head,
        n_embd=settings.n_embd,
        block_size=settings.block_size,
        dtype=settings.dtype,
        seed=settings.seed,
        init_std=settings.init_std,
    )


def new_model(settings: Settings, n_vocab: int, rng: random.Random | None = None) -> MicroGPT:
    """Return a model of n_vocab ids. rng: random numbers for the initial weights (None: from the settings' seed)."""
    return MicroGPT(
        _config(settings, n_vocab),
        adam=Adam(settings.beta1, settings.beta2, weight_decay=settings.weight_decay),
        micro_batches=_micro_batches(settings),
        rng=rng,
    )


def _learn(
    model: MicroGPT,
    data: TrainingData,
    settings: Settings,
    threads: int | None,
    on_step: OnStep,
    seconds: float | None = None,
) -> TrainingLog:
    if data.documents is not None:
        return pretrain_documents(
            model, data.documents, steps=settings.steps, lr=settings.lr, time_limit=seconds, on_step=on_step
        )
    return pretrain(
        model,
        data.train,
        data.val,
        steps=settings.steps,
        batch_size=settings.batch_size,
        lr=settings.lr,
        seed=settings.seed,
        threads=threads,
        eval_every=settings.eval_every,
        eval_windows=settings.eval_windows,
        schedule=settings.schedule,
        warmup=settings.warmup,
        time_limit=seconds,
        on_step=on_step,
    )


class _Recorder:
    """A callback for each step: it records the losses, and saves every save_every steps."""

    def __init__(self, model: MicroGPT, folder: Path, metrics: Metrics, run: Run, on_step: OnStep) -> None:
        self._model, self._folder, self._metrics, self._run, self._on_step = model, folder, metrics, run, on_step
        self._due = model.step + run.settings.save_every

    def __call__(self, step: TrainingStep) -> None:
        self._metrics.losses.append(step.loss)
        if step.val_loss is not None:
            self._metrics.val_losses.append((step.step, step.val_loss))
        self._on_step(step)
        # In training on documents, this is called for several steps at once when the model has taken the last of them.
        if step.step == self._model.step >= self._due:
            self.save()

    def save(self) -> None:
        """Write metrics, then the checkpoint, whose number of steps says how many of the metrics are valid."""
        write_metrics(self._metrics, self._folder)
        self._model.save(self._folder / MODEL, {"tokenizer": self._run.tokenizer})
        self._due = self._model.step + self._run.settings.save_every
