"""Test a model that talks with questions of the curriculum: is its Python code exact, and is its answer right?"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pybpe.gpt.conversation import Message, Part
from pybpe.gpt.curriculum import Exchange
from pybpe.gpt.sampling import Sampling

if TYPE_CHECKING:
    from pybpe.gpt.answering import ChatModel
    from pybpe.sandbox import Sandbox

SLOTS = 64  # questions that are answered at once
MOST_TOKENS = 128  # that the model chooses in an answer


@dataclass(frozen=True)
class Attempt:
    """A question with the answer of a model. parts: of the answer."""

    exchange: Exchange
    parts: tuple[Part, ...]

    @property
    def exact_call(self) -> bool:
        """True if the answer runs code once, and the code is exactly the expected one."""
        return [part.text for part in self.parts if part.kind == "python"] == [self.exchange.code]

    @property
    def right(self) -> bool:
        """True if the text of the answer ends with the expected number."""
        number = re.search(r"[0-9]+\Z", Message("assistant", self.parts).text)
        return number is not None and number[0] == self.exchange.result


@dataclass(frozen=True)
class Score:
    """The result of a test of n questions. exact_calls, right: the fractions of answers with that property."""

    n: int
    exact_calls: float
    right: float


def score(attempts: Sequence[Attempt]) -> Score:
    """Return the score of one or more attempts."""
    n = len(attempts)
    return Score(n, sum(each.exact_call for each in attempts) / n, sum(each.right for each in attempts) / n)


def attempt_all(
    model: ChatModel,
    questions: Sequence[Exchange],
    sandbox: Sandbox,
    on_done: Callable[[int], object] = lambda done: None,
) -> list[Attempt]:
    """Return a model's greedy answers, of at most MOST_TOKENS tokens, to questions in their order.

    sandbox: it runs the code of the answers. on_done: called with the number of questions that have been answered.
    """
    attempts: list[Attempt] = []
    for at in range(0, len(questions), SLOTS):
        some = questions[at : at + SLOTS]
        answers = model.answer_all(
            [[Message("user", (Part("text", each.question),))] for each in some],
            sampling=Sampling(temperature=0),
            max_tokens=MOST_TOKENS,
            sandbox=sandbox,
            slots=len(some),
        )
        attempts += [Attempt(each, answer.parts) for each, answer in zip(some, answers, strict=True)]
        on_done(len(attempts))
    return attempts
