"""Test a model that talks with questions of the curriculum: is its Python code exact, and is its answer right?

The questions are answered greedily, many at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pybpe.gpt.batching import Engine, Row
from pybpe.gpt.conversation import ChatFormat, Message, Part
from pybpe.gpt.curriculum import Exchange
from pybpe.gpt.generation import Inference
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.tools import Answer, ToolLimits

if TYPE_CHECKING:
    from pybpe.sandbox import Sandbox

SLOTS = 64  # questions that are answered at once
CHUNK = 2048  # ids of prompts that are read in a step
MOST_TOKENS = 128  # in an answer


@dataclass(frozen=True)
class Attempt:
    """The answer of a model to a question. ended: False if it was cut because it is longer than MOST_TOKENS tokens."""

    exchange: Exchange
    parts: tuple[Part, ...]
    ended: bool

    @property
    def exact_call(self) -> bool:
        """True if the answer runs code once, and that is exactly the expected code."""
        return [part.text for part in self.parts if part.kind == "python"] == [self.exchange.code]

    @property
    def right(self) -> bool:
        """True if the answer is complete, and its text ends with the expected number."""
        text = Message("assistant", self.parts).text
        number = re.search(r"[0-9]+\Z", text)
        return self.ended and number is not None and number[0] == self.exchange.result


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
    network: Inference,
    chat: ChatFormat,
    questions: Sequence[Exchange],
    sandbox: Sandbox,
    on_attempt: Callable[[Attempt], object] | None = None,
) -> list[Attempt]:
    """Return a model's answers to questions, in the order of the questions.

    network: a model with the vocabulary of `chat`. sandbox: it runs the code of the answers. on_attempt: called with
    each attempt when it is complete. ValueError if a question does not fit into the model's context.
    """
    engine = Engine(network, min(SLOTS, max(1, len(questions))), chunk=CHUNK)
    limits = ToolLimits()
    answers: dict[Row, tuple[int, Answer]] = {}
    attempts: dict[int, Attempt] = {}
    opened = 0
    while len(attempts) < len(questions):
        while engine.free and opened < len(questions):
            message = Message("user", (Part("text", questions[opened].question),))
            row = engine.open(chat.encode_prompt([message]), Sampling(temperature=0))
            answers[row] = (opened, Answer(chat, limits))
            row.banned = answers[row][1].banned
            opened += 1
        for chosen in engine.step():
            _follow(chosen.row, answers[chosen.row][1], chosen.id, sandbox, limits)
        for row, (number, answer) in [*answers.items()]:
            if answer.ended or not row.room or row.error is not None or len(answer.ids) >= MOST_TOKENS:
                answer.finish()
                attempts[number] = Attempt(questions[number], tuple(answer.parts), answer.ended)
                engine.close(row)
                del answers[row]
                if on_attempt is not None:
                    on_attempt(attempts[number])
    return [attempts[number] for number in range(len(questions))]


def _follow(row: Row, answer: Answer, id_: int, sandbox: Sandbox, limits: ToolLimits) -> None:
    """Give an answer its next id, and force the output of code that is complete into the row, as far as it fits."""
    answer.feed(id_)
    if answer.code is not None:
        forced, _ = answer.give(sandbox.run(answer.code, limits.seconds))
        row.force(forced[: row.room])
    row.banned = answer.banned
