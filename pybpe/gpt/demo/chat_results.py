"""The results of a chat demo as plain data: made by chat.py, shown by chat_page.py and by the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pybpe.gpt.chat_evaluation import Attempt, Score, score
from pybpe.gpt.demo.results import Corpus, Stage
from pybpe.gpt.runs.page import RunResults


@dataclass(frozen=True)
class Tested:
    """The answers of a model: to the questions of each test set of the curriculum, and to a few that are shown."""

    attempts: Mapping[str, Sequence[Attempt]]
    shown: Sequence[Attempt]

    @property
    def scores(self) -> dict[str, Score]:
        """The score for each test set."""
        return {name: score(attempts) for name, attempts in self.attempts.items()}


@dataclass
class ChatResults:
    """The results of a chat demo.

    base, chat: those of the runs that pretrained and fine-tuned the model. n_conversations: of the curriculum. before,
    after: the answers before and after fine-tuning; after is None if SIGTERM ended fine-tuning.
    """

    corpus: Corpus
    base: RunResults
    chat: RunResults
    n_conversations: int
    before: Tested
    after: Tested | None
    stages: list[Stage] = field(default_factory=list)

    @property
    def stopped(self) -> str:
        """Why fine-tuning ended, one of stopping.REASONS."""
        return self.chat.stopped

    @property
    def seconds(self) -> float:
        """The time of all stages."""
        return sum(stage.seconds for stage in self.stages)
