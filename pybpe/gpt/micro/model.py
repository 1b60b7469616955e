"""The class MicroGPT: a GPT whose parameters are one flat array, trained and sampled from by compiled code.

The forward pass is `record_gpt` in src_ext/pybpe/gpt/architecture.pyx; gradients are computed in tape.pyx and ops.pyx.
This module works on ids and knows nothing of text.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import astuple
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from pybpe.gpt.decoder import Decoder
from pybpe.gpt.engine import Engine
from pybpe.gpt.micro.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from pybpe.gpt.micro.config import Adam, MicroConfig
from pybpe.gpt.micro.sampling import gaussians
from pybpe.gpt.micro.threads import on_threads
from pybpe.gpt.sampling import Sampling, checked_prompt

Ids = npt.ArrayLike
Floats = npt.NDArray[Any]


class MicroGPT:
    """A GPT of the micro engine, to train and to sample from.

    adam: settings of the optimizer. threads: number of threads that compute a batch; it never changes the results.
    micro_batches: number of micro-batches that a batch is divided into, at most one for each sequence (None: one for
    every 192 tokens, up to 8). Each is computed by one thread. Their number changes the last bits of the results.
    arena_bytes: maximum working memory in bytes (None: as much as a batch needs). rng: random numbers for the initial
    weights (None: random.Random(config.seed)).

    >>> model = MicroGPT(MicroConfig(n_vocab=8, n_layer=1, n_head=2, n_embd=16, block_size=4))
    >>> for _ in range(100):
    ...     loss = model.train_step([[1, 2, 3, 4]], [[2, 3, 4, 5]], lr=0.01)
    >>> list(model.generate([1, 2], max_tokens=3, temperature=0))
    [3, 4, 5]
    """

    def __init__(
        self,
        config: MicroConfig,
        *,
        adam: Adam | None = None,
        micro_batches: int | None = None,
        threads: int = 1,
        arena_bytes: int | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.config = config
        self.adam = adam or Adam()
        self.threads = threads
        self.arena_bytes = arena_bytes
        self.metadata: dict[str, str] = {}
        self.step = 0  # optimizer steps taken so far
        dtype = np.dtype(config.dtype)
        self._flat: Floats = gaussians(rng or random.Random(config.seed), config.n_params, config.init_std).astype(
            dtype
        )
        self._moments: tuple[Floats, Floats] = (np.zeros_like(self._flat), np.zeros_like(self._flat))
        self._engine = Engine(config.sizes, self._flat, *self._moments, micro_batches or 0)

    @property
    def threads(self) -> int:
        """The number of threads that compute a batch. ValueError if it is set below 1."""
        return self._threads

    @threads.setter
    def threads(self, threads: int) -> None:
        if threads < 1:
            raise ValueError(f"threads is {threads}; it must be at least 1")
        self._threads = threads

    @property
    def n_params(self) -> int:
        """The number of learned parameters."""
        return self._flat.size

    @property
    def parameters(self) -> dict[str, Floats]:
        """The weights, {name: array [rows, columns]}. They are views: writing to them changes the model."""
        return split(self._flat, self.config)

    def reserve(self, batch_size: int, time: int | None = None) -> int:
        """Allocate working memory for batches [batch_size, time] (None: block_size). Returns its size in bytes.

        Training on batches of this shape then allocates no more. Raises MemoryError, with the bytes needed, if that is
        more than `arena_bytes`.
        """
        time = self.config.block_size if time is None else time
        if batch_size < 1 or not 1 <= time <= self.config.block_size:
            raise ValueError(f"no batch of {batch_size} x {time}; time lies in 1..{self.config.block_size}")
        self._engine.prepare(batch_size, time, self.arena_bytes)
        return self._engine.arena_bytes(batch_size, time)

    def loss(self, ids: Ids, targets: Ids) -> float:
        """Return the mean of -log p(target) in nats, for integer arrays ids and targets, both [batch, time].

        Raises ValueError if an id is out of range, if the shapes differ, or if time is above block_size.
        """
        parts = self._load(ids, targets)
        on_threads(lambda part: self._engine.run(part, False), parts, self.threads)
        return self._engine.loss()

    def gradients(self, ids: Ids, targets: Ids) -> dict[str, Floats]:
        """Return {name: d loss / d weights [rows, columns]} for a batch; the model does not change."""
        parts = self._load(ids, targets)
        on_threads(lambda part: self._engine.run(part, True), parts, self.threads)
        return split(self._engine.gradients(), self.config)

    def train_step(self, ids: Ids, targets: Ids, lr: float) -> float:
        """Train on one batch: forward pass, backward pass, one step of Adam. Returns the loss before the step.

        lr: the learning rate. Raises ValueError, before anything changes, if lr is not finite or is below 0, or for a
        batch that `loss` refuses.
        """
        check_rate(lr)
        parts = self._load(ids, targets)
        on_threads(lambda part: self._engine.run(part, True), parts, self.threads)
        loss = self._engine.loss()
        self.step += 1
        settings = (self.step, lr, astuple(self.adam))
        n = self.threads  # each updates its own range of the parameters
        on_threads(lambda part: self._engine.update(part, n, *settings), n, n)
        return loss

    def train_documents(
        self, documents: Sequence[Sequence[int]], steps: int, lr: float, *, until: int | None = None
    ) -> npt.NDArray[np.float64]:
        """Train as microgpt.py does, one document per step with lr falling linearly to 0. Returns losses, float64[n].

        Training starts at step `self.step` and ends before step `until` (None: `steps`, the number of steps of the
        whole run). Step s trains on document s mod len(documents). The losses do not depend on how a run is divided
        into calls. Ctrl-C raises KeyboardInterrupt; the number of steps taken is then unknown, and `self.step` is
        `until`.
        """
        if steps < 1:
            raise ValueError(f"steps is {steps}; it must be at least 1")
        last = steps if until is None else until
        if not self.step < last <= steps:
            raise ValueError(f"the model has taken {self.step} of {steps} steps; it cannot go on to {last}")
        check_rate(lr)
        first, n = self.step, max(1, len(documents))
        taken = [documents[step % n] for step in range(first, min(last, first + len(documents)))]
        offsets = np.cumsum([0] + [len(document) for document in taken])
        ids = np.asarray([id_ for document in taken for id_ in document])  # the engine checks them
        self._engine.prepare(1, self.config.block_size, self.arena_bytes)
        try:
            losses = self._engine.train_documents(ids, offsets, first, last, steps, lr, astuple(self.adam))
        except KeyboardInterrupt:
            self.step = last  # the moments are no longer 0, so Adam must not start at step 1 again
            raise
        self.step = last
        return losses

    def generate(
        self,
        prompt_ids: Sequence[int],
        max_tokens: int,
        temperature: float = 0.8,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | random.Random | None = None,
        stop: Collection[int] = (),
        min_p: float | None = None,
        repetition_penalty: float = 1.0,
    ) -> Iterator[int]:
        """Yield up to max_tokens ids that continue the prompt; an id in `stop` ends it and is not yielded.

        temperature, top_k, top_p, min_p, repetition_penalty: see Sampling. seed: the same seed gives the same ids; a
        `random.Random` is used as it is. When the context is full, its second half is kept and becomes the beginning of
        the next.
        """
        prompt = checked_prompt(prompt_ids, self.config.n_vocab)
        sampling = Sampling(temperature, top_k, top_p, min_p, repetition_penalty)
        rng = seed if isinstance(seed, random.Random) else random.Random(seed)
        seen = set(prompt)
        return self._generate(prompt, max_tokens, lambda logits: sampling.choose(logits, rng, seen), seen, stop)

    def _generate(
        self,
        prompt: list[int],
        max_tokens: int,
        choose: Callable[[Floats], int],
        seen: set[int],
        stop: Collection[int],
    ) -> Iterator[int]:
        decoder = Decoder(self.config.sizes, self._flat)
        context = prompt[-self.config.block_size :]
        waiting = list(context)  # ids that are not yet in the decoder's cache
        for _ in range(max_tokens):
            if decoder.position + len(waiting) > self.config.block_size:
                context = waiting = context[-max(1, self.config.block_size // 2) :]
                decoder.clear()
            for id_ in waiting:
                decoder.feed(id_)
            token = choose(decoder.logits())
            if token in stop:
                return
            yield token
            seen.add(token)
            waiting = [token]
            context = [*context, token]

    def save(
        self, path: str | PathLike[str], metadata: Mapping[str, str] | None = None, *, optimizer: bool = True
    ) -> None:
        """Write a safetensors file: weights, configuration, `metadata` and the optimizer's state.

        The file is written completely or not at all. A model loaded from it continues training digit for digit.
        optimizer=False leaves out the optimizer's state. Raises TrainingError if weights are not finite.
        """
        moments = self._moments if optimizer else None
        checkpoint = Checkpoint(self.config, self.adam, self.step, self.parameters, moments, dict(metadata or {}))
        write_checkpoint(checkpoint, path)

    @classmethod
    def load(cls, path: str | PathLike[str], **options: Any) -> MicroGPT:
        """Read a file that `save` wrote. options: keyword arguments of the class. FormatError for any other file."""
        checkpoint = read_checkpoint(path)
        model = cls(checkpoint.config, **{"adam": checkpoint.adam, **options})
        for name, weights in model.parameters.items():
            weights[:] = checkpoint.weights[name]
        if checkpoint.moments is not None:
            for mine, saved in zip(model._moments, checkpoint.moments, strict=True):
                mine[:] = saved
            model.step = checkpoint.step
        model.metadata = checkpoint.metadata
        return model

    def _load(self, ids: Ids, targets: Ids) -> int:
        """Load a batch into the engine. Returns the number of parts into which it is divided."""
        shape = np.shape(ids)
        if len(shape) != 2 or 0 in shape:
            raise ValueError(f"ids must be an array [batch, time] that is not empty, not shape {shape}")
        self._engine.prepare(*shape, self.arena_bytes)
        return self._engine.load(ids, targets)


def check_rate(lr: float) -> None:
    """Raise ValueError unless `lr` is finite and 0 or above."""
    if not (math.isfinite(lr) and lr >= 0):
        raise ValueError(f"lr is {lr}; it must be a finite number, 0 or above")


def split(flat: Floats, config: MicroConfig) -> dict[str, Floats]:
    """Return {name: view [rows, columns]} of a flat array of all parameters."""
    views, at = {}, 0
    for name, (rows, columns) in config.shapes().items():
        views[name] = flat[at : at + rows * columns].reshape(rows, columns)
        at += rows * columns
    return views
