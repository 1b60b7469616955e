"""Make conversations that teach a small GPT to count letters and add numbers with Python, and questions to test it.

The topics are letter counting and addition, which are answered with Python code and its output, the spelling of words,
and questions about the model itself. Half of the words are random strings of letters: from real words alone, a model
learns to write words that look plausible instead of copying the word that it was asked about.

A fixed rule, `held_out`, divides all words and all sums into those to train on and those to test with. A test question
has a word or a sum that no conversation has, whatever the seeds; those of the test set "templates" also have a template
that no conversation has.

    write_curriculum(Path("conversations.jsonl"), 10_000, seed=1)
    questions = make_questions("words", 500, seed=1)
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from pybpe.gpt.curriculum_texts import (
    COUNT_ANSWERS,
    COUNT_QUESTIONS,
    COUNT_QUESTIONS_HELD_OUT,
    GREETINGS,
    PERSONA,
    SPELLING_QUESTIONS,
    SUM_ANSWERS,
    SUM_QUESTIONS,
    SUM_QUESTIONS_HELD_OUT,
    UNKNOWN_ANSWER,
    UNKNOWN_QUESTIONS,
    WORDS,
)
from pybpe.util.files import atomic_writer

TOPICS = {"count": 0.5, "sum": 0.28, "spell": 0.1, "persona": 0.08, "unknown": 0.04}  # shares of the questions
TEST_SETS = ("words", "sums", "templates")
SALT = 185  # with it, "strawberry" and 417 + 86, the examples of the documentation, are held out
HELD_OUT_TENTHS = 3  # of all words and sums
TWO_QUESTIONS = 0.4  # share of the conversations with two questions; the others have one
MOST_TRIES = 10_000  # draws until a word or a sum is held out, or is not, as required
MOST_DIGITS = 18
MOST_LETTERS = 100


@dataclass(frozen=True)
class Scope:
    """The range of a curriculum. ValueError for a range that is not allowed.

    topics: some of TOPICS. letters: those of random strings. real_words: use real words for half of the words.
    word_lengths: minimum and maximum number of letters in a random string. most_digits: maximum number of digits of a
    number. templates: how many of the templates for each topic are used, the shortest ones (None: all). plain: put all
    words in single quotes, and add nothing to the templates.
    """

    topics: tuple[str, ...] = tuple(TOPICS)
    letters: str = ascii_lowercase
    real_words: bool = True
    word_lengths: tuple[int, int] = (3, 12)
    most_digits: int = 4
    templates: int | None = None
    plain: bool = False

    def __post_init__(self) -> None:
        if not self.topics or not set(self.topics) <= TOPICS.keys():
            raise ValueError(f"topics are {self.topics!r}; they must be some of {', '.join(TOPICS)}")
        if not self.letters or not set(self.letters) <= set(ascii_lowercase):
            raise ValueError(f"letters are {self.letters!r}; they must be some of a to z")
        least, most = self.word_lengths
        if not 1 <= least <= most <= MOST_LETTERS or len(set(self.letters)) ** least < 100:
            raise ValueError(
                f"word_lengths are {self.word_lengths}; they must lie in 1..{MOST_LETTERS}, and the letters must give "
                "at least 100 words of the smaller length"
            )
        if not 1 <= self.most_digits <= MOST_DIGITS:
            raise ValueError(f"most_digits is {self.most_digits}; it must lie in 1..{MOST_DIGITS}")
        if self.templates is not None and self.templates < 1:
            raise ValueError(f"templates is {self.templates}; it must be at least 1, or None for all")


@dataclass(frozen=True)
class Exchange:
    """A question and its answer. code: Python code that the answer runs, "" if none. result: the output of the code.

    An answer with code ends with the result.
    """

    question: str
    answer: str
    code: str = ""
    result: str = ""

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages of the user and the assistant, as conversation.parse_conversation reads them."""
        parts = (("python", self.code), ("output", self.result), ("text", self.answer))
        content = [{"type": kind, "text": text} for kind, text in parts] if self.code else self.answer
        return [{"role": "user", "content": self.question}, {"role": "assistant", "content": content}]


def held_out(text: str) -> bool:
    """Return True if a word, or a sum as `sum_key` writes it, is for tests only. The rule depends on the text alone.

    >>> held_out("strawberry"), held_out(sum_key(417, 86)), held_out("mississippi")
    (True, True, False)
    """
    return zlib.crc32(f"{SALT}:{text}".encode()) % 10 < HELD_OUT_TENTHS


def sum_key(first: int, second: int) -> str:
    """Return the text by which `held_out` divides sums; it is the same for both orders of the numbers.

    >>> sum_key(417, 86)
    '86 + 417'
    """
    return f"{min(first, second)} + {max(first, second)}"


def make_conversations(n: int, seed: int = 0, scope: Scope | None = None) -> Iterator[dict[str, Any]]:
    """Yield n conversations to train on, as dictionaries that conversation.parse_conversation reads.

    Each has one or two questions with their answers. The same seed and scope give the same conversations, and a larger
    n only appends more.

    >>> conversation = next(make_conversations(1, seed=3))
    >>> [message["role"] for message in conversation["messages"]]
    ['user', 'assistant']
    """
    maker = _Maker(scope or Scope(), random.Random(f"conversations {seed}"), test=False)
    for _ in range(n):
        exchanges = [maker.exchange() for _ in range(1 + (maker.rng.random() < TWO_QUESTIONS))]
        yield {"messages": [message for exchange in exchanges for message in exchange.messages()]}


def write_curriculum(path: Path, n: int, seed: int = 0, scope: Scope | None = None) -> None:
    """Write n conversations to a .jsonl file, completely or not at all."""
    with atomic_writer(path) as file:
        for conversation in make_conversations(n, seed, scope):
            file.write(json.dumps(conversation).encode() + b"\n")


def make_questions(test_set: str, n: int, seed: int = 0, scope: Scope | None = None) -> list[Exchange]:
    """Return n test questions with code, each with a different word or sum, none of which is in a conversation.

    test_set: "words" (letter counting) and "sums" (addition) use the templates of the conversations; "templates" is
    half of each, in templates that no conversation has. ValueError for another name, or if the scope has too few.
    """
    if test_set not in TEST_SETS:
        raise ValueError(f"there is no test set {test_set!r}; it must be one of {', '.join(TEST_SETS)}")
    maker = _Maker(scope or Scope(), random.Random(f"{test_set} {seed}"), test=True)
    new = test_set == "templates"
    found: dict[str, Exchange] = {}
    for _ in range(MOST_TRIES + 100 * n):
        if len(found) >= n:
            break
        if test_set == "words" or (new and len(found) % 2 == 0):
            key, exchange = maker.count(COUNT_QUESTIONS_HELD_OUT if new else COUNT_QUESTIONS)
        else:
            key, exchange = maker.sum(SUM_QUESTIONS_HELD_OUT if new else SUM_QUESTIONS)
        found.setdefault(key, exchange)
    if len(found) < n:
        raise ValueError(f"the scope has only {len(found):,} different questions of the set {test_set}; ask for fewer")
    return list(found.values())


class _Maker:
    """Draws questions and answers within a scope. test: True for words and sums that are held out, else the others."""

    def __init__(self, scope: Scope, rng: random.Random, *, test: bool) -> None:
        self.scope, self.rng, self.test = scope, rng, test
        self._real_words = [word for word in WORDS if held_out(word) == test] if scope.real_words else []
        self._shares = [TOPICS[topic] for topic in scope.topics]

    def exchange(self) -> Exchange:
        """Return a question of any topic with its answer."""
        topic = self.rng.choices(self.scope.topics, self._shares)[0]
        if topic == "count":
            return self.count(COUNT_QUESTIONS)[1]
        if topic == "sum":
            return self.sum(SUM_QUESTIONS)[1]
        if topic == "spell":
            word = self._word()
            return Exchange(self._question(SPELLING_QUESTIONS, word=word), "-".join(word))
        if topic == "unknown":
            return Exchange(self._question(UNKNOWN_QUESTIONS, word=self._word()), UNKNOWN_ANSWER)
        questions, answer = self.rng.choice(PERSONA)
        return Exchange(self._question(questions), answer)

    def count(self, questions: Sequence[str]) -> tuple[str, Exchange]:
        """Return a word, and a question about how often it has a letter, with one of the templates `questions`."""
        word = self._word()
        letter = self.rng.choice(word if self.rng.random() < 0.75 else self.scope.letters)
        result = str(word.count(letter))
        question = self._question(questions, word=word, letter=letter)
        answer = self._choose(COUNT_ANSWERS).format(word=word, letter=letter, result=result)
        return word, Exchange(question, answer, f"'{word}'.count('{letter}')", result)

    def sum(self, questions: Sequence[str]) -> tuple[str, Exchange]:
        """Return the key of a sum, and a question about it with one of the templates `questions`."""
        first, second = self._numbers()
        result = str(first + second)
        question = self._question(questions, first=str(first), second=str(second))
        answer = self._choose(SUM_ANSWERS).format(first=first, second=second, result=result)
        return sum_key(first, second), Exchange(question, answer, f"{first} + {second}", result)

    def _choose(self, templates: Sequence[str]) -> str:
        if self.scope.templates is not None:
            templates = sorted(templates, key=len)[: self.scope.templates]
        return self.rng.choice(templates)

    def _question(self, templates: Sequence[str], word: str = "", letter: str = "", **fields: str) -> str:
        """Return a question from one of the templates, with small changes unless the scope is plain.

        The changes: other quotes or none, a greeting, no capital at the beginning, no mark at the end.
        """
        template, rng = self._choose(templates), self.rng
        if self.scope.plain:
            return template.format(word=f"'{word}'", letter=letter, **fields)
        quote, letter_quote = rng.choice(("'", "'", '"', "")), rng.choice(("", "", "'"))
        if "{letter}s" in template:
            letter_quote = ""
        letter, word = f"{letter_quote}{letter}{letter_quote}", f"{quote}{word}{quote}"
        text = template.format(word=word, letter=letter, **fields)
        if rng.random() < 0.15:
            text = text[0].lower() + text[1:]
        if rng.random() < 0.15:
            text = text.rstrip("?.!")
        return (rng.choice(GREETINGS) if rng.random() < 0.1 else "") + text

    def _word(self) -> str:
        """Return a real word or a random string of letters."""
        if self._real_words and self.rng.random() < 0.5:
            return self.rng.choice(self._real_words)
        for _ in range(MOST_TRIES):
            # Strings of few different letters: to copy these, a model must look at more than the letter before.
            letters = self.scope.letters
            if self.rng.random() < 0.5:
                letters = "".join(self.rng.choice(letters) for _ in range(self.rng.randint(2, 6)))
            length = self.rng.randint(*self.scope.word_lengths)
            word = "".join(self.rng.choice(letters) for _ in range(length))
            if held_out(word) == self.test:
                return word
        raise AssertionError("three tenths of all words are held out")

    def _numbers(self) -> tuple[int, int]:
        for _ in range(MOST_TRIES):
            first, second = (self.rng.randrange(10 ** self.rng.randint(1, self.scope.most_digits)) for _ in range(2))
            if held_out(sum_key(first, second)) == self.test:
                return first, second
        raise AssertionError("three tenths of all sums are held out")
