"""The results of a demo as plain data: made by demo.py, shown by page.py and by the command line."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pybpe.gpt.runs.chart import Curves
from pybpe.gpt.runs.page import RunResults
from pybpe.tokenizer import Tokenizer


@dataclass(frozen=True)
class Corpus:
    """The text of a demo: UTF-8 bytes to train on, and held-out bytes.

    size: size of the whole file in bytes, larger than `n_bytes` if only its beginning is used.
    """

    name: str
    size: int
    train: bytes
    held_out: bytes

    @property
    def n_bytes(self) -> int:
        """The number of bytes that are used, training and held-out text together."""
        return len(self.train) + len(self.held_out)


@dataclass
class Stage:
    """A stage of a demo: its time in seconds, and the amount that it processed. unit: bytes, tokens or questions."""

    name: str
    unit: str
    amount: float = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Sample:
    """A prompt, and the texts that the model generated after it, before and after training."""

    prompt: str
    before: str
    after: str


@dataclass
class DemoResults:
    """The results of a demo.

    run: those of its training run. most_used: (id, count in the training text). passage: ids of
    some held-out text.
    """

    corpus: Corpus
    tokenizer: Tokenizer
    n_train_ids: int
    n_held_out_ids: int
    most_used: list[tuple[int, int]]
    passage: list[int]
    run: RunResults
    stages: list[Stage] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        """True if a signal ended training; a time limit is the usual end of a demo."""
        return self.run.stopped in ("interrupt", "terminate")

    @property
    def train_bytes_per_token(self) -> float:
        """The mean number of bytes per token of the training text."""
        return len(self.corpus.train) / self.n_train_ids

    @property
    def held_out_bytes_per_token(self) -> float:
        """The mean number of bytes per token of the held-out text."""
        return len(self.corpus.held_out) / self.n_held_out_ids

    @property
    def curves(self) -> Curves:
        """The curves of the loss chart."""
        metrics = self.run.metrics
        return Curves(metrics.losses, metrics.val_losses, self.run.unigram, self.bits_per_byte(1.0))

    def bits_per_byte(self, nats_per_token: float) -> float:
        """Convert a loss on held-out text from nats per token to bits per byte."""
        return nats_per_token / math.log(2) / self.held_out_bytes_per_token
