"""Rows on one text and one encoding: to numpy, to list, in documents, counted, in short strings, and back to bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from .peers import OPENERS, Encoding, Ids, Peer
from .results import Result
from .rows import measure
from .texts import Text
from .timing import Job, Work, warm


class Case:
    """A text, an encoding, the contenders opened for it, and the right ids, which are tiktoken's."""

    def __init__(self, text: Text, encoding: Encoding, peers: dict[str, Peer], rounds: int) -> None:
        self.text = text
        self.encoding = encoding
        self.peers = peers
        self.rounds = rounds
        self.ids = self._right_ids(text)
        self.short_ids = self.ids if text.short is text else self._right_ids(text.short)

    def _right_ids(self, text: Text) -> Ids:
        return self.peers["tiktoken"].to_numpy(text.content)

    def text_for(self, peer: Peer) -> tuple[Text, Ids]:
        """The text that a contender is timed on, and its ids."""
        return (self.text.short, self.short_ids) if peer.slow else (self.text, self.ids)

    def measure(self, row: str, unit: str, jobs: dict[str, Job]) -> Result:
        """Check and time the contenders of a row."""
        result = measure(row, self.text.name, self.encoding.name, unit, jobs, self.rounds)
        slow = [name for name in result.values if self.peers[name].slow]
        if unit == "MB/s" and slow and self.text.short is not self.text:
            result.notes.append(f"{', '.join(slow)} on the first {self.text.short.megabytes:.0f} MB")
        return result

    def compare(
        self, row: str, function: str, argument: Callable[[Text], Any], right: Callable[[Any, Text, Ids], bool]
    ) -> Result:
        """Time everyone who has `function`, called with `argument` of the text; `right` judges what it gives."""
        jobs = {}
        for name, peer in self.peers.items():
            work = getattr(peer, function)
            if work is not None:
                text, ids = self.text_for(peer)
                job = partial(work, argument(text))
                jobs[name] = warm(job, text.megabytes, partial(_judge, job, right, text, ids))
        return self.measure(row, "MB/s", jobs)


def _judge(work: Work, right: Callable[[Any, Text, Ids], bool], text: Text, ids: Ids) -> bool:
    return right(work(), text, ids)


def one_text(case: Case) -> Iterator[Result]:
    """To numpy and to list, by tokenizers that have seen the text."""
    yield case.compare("numpy", "to_numpy", lambda text: text.content, lambda got, _, ids: np.array_equal(got, ids))
    yield case.compare("list", "to_list", lambda text: text.content, lambda got, _, ids: got == ids.tolist())


def first_pass(case: Case) -> Iterator[Result]:
    """To numpy by a tokenizer just opened. Without tiktoken, which remembers nothing between texts."""
    jobs = {}
    for name, peer in case.peers.items():
        if not peer.slow:
            make = partial(_fresh, name, case)
            jobs[name] = Job(make, case.text.megabytes, partial(_fresh_is_right, make, case))
    yield case.measure("first", "MB/s", jobs)


def _fresh(name: str, case: Case) -> Work:
    return partial(OPENERS[name](case.encoding).to_numpy, case.text.content)


def _fresh_is_right(make: Callable[[], Work], case: Case) -> bool:
    return np.array_equal(make()(), case.ids)


def documents(case: Case) -> Iterator[Result]:
    """Many documents of 4 KB, on two threads."""
    texts = {id(text): text for text in (case.text, case.text.short)}
    right = {key: case.peers["tiktoken"].batch_to_lists(text.documents) for key, text in texts.items()}

    def right_arrays(got: tuple[Ids, Any], text: Text, _: Ids) -> bool:
        lists = right[id(text)]
        return np.array_equal(got[0], list(chain.from_iterable(lists))) and right_counts(np.diff(got[1]), text, _)

    def right_counts(got: Any, text: Text, _: Ids) -> bool:
        return np.array_equal(got, list(map(len, right[id(text)])))

    yield case.compare("documents numpy", "batch_to_numpy", lambda text: text.documents, right_arrays)
    yield case.compare(
        "documents list", "batch_to_lists", lambda text: text.documents, lambda got, text, _: got == right[id(text)]
    )
    yield case.compare("documents count", "count_batch", lambda text: text.documents, right_counts)


def count(case: Case) -> Iterator[Result]:
    """How many ids one text has."""
    yield case.compare("count", "count", lambda text: text.content, lambda got, _, ids: got == len(ids))


def strings(case: Case) -> Iterator[Result]:
    """Strings of 100 characters, one call each."""
    content = case.text.strings
    right = list(map(case.peers["tiktoken"].to_list, content))
    for row, function in (("strings list", "to_list"), ("strings numpy", "to_numpy")):
        jobs = {}
        for name, peer in case.peers.items():
            encode = getattr(peer, function)
            jobs[name] = warm(
                partial(_each, encode, content), len(content), partial(_all_right, encode, content, right)
            )
        yield case.measure(row, "us", jobs)


def _each(encode: Callable[[str], object], strings: list[str]) -> None:
    for string in strings:
        encode(string)


def _all_right(encode: Callable[[str], Any], strings: list[str], right: list[list[int]]) -> bool:
    return all(np.array_equal(encode(string), ids) for string, ids in zip(strings, right, strict=True))


def decoding(case: Case) -> Iterator[Result]:
    """Ids, as an array and as a list, to bytes; of the shorter text for all."""
    right = case.text.short
    for row, ids in (("decode numpy", case.short_ids), ("decode list", case.short_ids.tolist())):
        jobs = {}
        for name, peer in case.peers.items():
            decode = partial(peer.decode, ids)
            jobs[name] = warm(decode, right.megabytes, partial(_decodes_to, decode, right.encoded))
        yield measure(row, right.name, case.encoding.name, "MB/s", jobs, case.rounds)


def _decodes_to(decode: Callable[[], bytes], right: bytes) -> bool:
    return decode() == right
