"""What a demonstration finds out, as plain data: made by demo.py, shown by page.py and by the command line."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pybpe.gpt.micro import MicroConfig
from pybpe.gpt.runs.chart import Curves
from pybpe.tokenizer import Tokenizer


@dataclass(frozen=True)
class Corpus:
    """The text of a demonstration, cut into a part to learn from and a part to be tested on.

    size: bytes of the whole file, more than `train` and `held_out` together where only its beginning was taken.
    """

    name: str
    size: int
    train: bytes
    held_out: bytes

    @property
    def n_bytes(self) -> int:
        """What is used of it."""
        return len(self.train) + len(self.held_out)


@dataclass
class Stage:
    """One stage of the work: how long it took, and how many bytes or tokens it went through."""

    name: str
    unit: str
    amount: float = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Sample:
    """What the model makes of a prompt before and after training. The texts begin behind the prompt."""

    prompt: str
    before: str
    after: str


@dataclass
class DemoResults:
    """Everything that the report says.

    losses: nats per token of every step. held_out_losses: (steps done, nats per token), the first before training.
    unigram: nats per held-out token of knowing how frequent each token is there, and nothing more.
    most_used: (id, how often it occurs in the training part). passage: ids of some held-out text.
    """

    corpus: Corpus
    tokenizer: Tokenizer
    config: MicroConfig
    n_params: int
    n_train_ids: int
    n_held_out_ids: int
    unigram: float
    most_used: list[tuple[int, int]]
    passage: list[int]
    losses: list[float] = field(default_factory=list)
    held_out_losses: list[tuple[int, float]] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    interrupted: bool = False

    @property
    def train_bytes_per_token(self) -> float:
        """Of the part that was learned from."""
        return len(self.corpus.train) / self.n_train_ids

    @property
    def held_out_bytes_per_token(self) -> float:
        """Of the part that was kept back."""
        return len(self.corpus.held_out) / self.n_held_out_ids

    @property
    def held_out_loss(self) -> float:
        """The last loss on held-out text, in nats per token."""
        return self.held_out_losses[-1][1]

    @property
    def curves(self) -> Curves:
        """What there is to draw."""
        return Curves(self.losses, self.held_out_losses, self.unigram, self.bits_per_byte(1.0))

    def bits_per_byte(self, nats_per_token: float) -> float:
        """A loss in a unit that does not depend on the vocabulary; for losses on held-out text."""
        return nats_per_token / math.log(2) / self.held_out_bytes_per_token
