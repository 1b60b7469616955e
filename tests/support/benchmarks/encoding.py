"""Rows on one text and one encoding: to numpy, to list, in documents, counted, in short texts, and back to bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from .peers import OPENERS, THREADS, Encoding, Ids, Peer
from .results import Result
from .rows import measure
from .texts import Text
from .timing import Job, Work, warm

DOCUMENT_ROWS = ("documents numpy", "documents list", "documents count")
PAGES = 1000  # documents that are encoded one call each


class Case:
    """A text, an encoding, the contenders opened for it, and the right ids, which are those of `reference`."""

    def __init__(
        self, text: Text, encoding: Encoding, peers: dict[str, Peer], rounds: int, reference: str = "tiktoken"
    ) -> None:
        self.text = text
        self.encoding = encoding
        self.peers = peers
        self.rounds = rounds
        self.reference = reference
        self.ids = self._right_ids(text)
        self.short_ids = self.ids if text.short is text else self._right_ids(text.short)

    def _right_ids(self, text: Text) -> Ids:
        return np.asarray(self.right.to_numpy(text.content))

    @property
    def right(self) -> Peer:
        """The contender whose ids are the right ones."""
        return self.peers[self.reference]

    def text_for(self, peer: Peer) -> tuple[Text, Ids]:
        """The text that a contender is timed on, and its ids."""
        return (self.text.short, self.short_ids) if peer.slow else (self.text, self.ids)

    def measure(self, row: str, unit: str, jobs: dict[str, Job]) -> Result:
        """Check and time the contenders of a row."""
        result = measure(row, self.text.name, self.encoding.name, unit, jobs, self.rounds, self.reference)
        slow = [name for name in result.values if self.peers[name].slow]
        if unit == "MB/s" and slow and self.text.short is not self.text:
            result.notes.append(f"{', '.join(slow)} on the first {self.text.short.megabytes:.0f} MB")
        return result

    def compare(
        self, row: str, function: str, arguments: Callable[[Text], Any], right: Callable[[Any, Text, Ids], bool]
    ) -> Result:
        """Time everyone who has `function`, called with `arguments` of the text; `right` judges what it gives."""
        jobs = {}
        for name, peer in self.peers.items():
            work = getattr(peer, function)
            if work is not None:
                text, ids = self.text_for(peer)
                job = partial(work, *arguments(text))
                jobs[name] = warm(job, text.megabytes, partial(_judge, job, right, text, ids))
        return self.measure(row, "MB/s", jobs)

    def calls(self, row: str, function: str, strings: list[str]) -> Result:
        """Time everyone who has `function`, or `to_list` in place of `policy`, called for one string after another."""
        right: list[Any] = list(map(self.right.to_list, strings))
        if function == "count":
            right = list(map(len, right))
        jobs = {}
        for name, peer in self.peers.items():
            encode = getattr(peer, function) or (peer.to_list if function == "policy" else None)
            if encode is not None:
                check = partial(_all_right, encode, strings, right)
                jobs[name] = warm(partial(_each, encode, strings), len(strings), check)
        return self.measure(row, "us", jobs)


def _judge(work: Work, right: Callable[[Any, Text, Ids], bool], text: Text, ids: Ids) -> bool:
    return right(work(), text, ids)


def one_text(case: Case) -> Iterator[Result]:
    """To numpy and to list, by tokenizers that have seen the text."""
    yield case.compare("numpy", "to_numpy", lambda text: (text.content,), lambda got, _, ids: np.array_equal(got, ids))
    yield from one_list(case)


def one_list(case: Case) -> Iterator[Result]:
    """To list, by tokenizers that have seen the text."""
    yield case.compare("list", "to_list", lambda text: (text.content,), lambda got, _, ids: got == ids.tolist())


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
    yield from _documents(case, THREADS, DOCUMENT_ROWS)


def documents_on_one(case: Case) -> Iterator[Result]:
    """Many documents of 4 KB, on one thread."""
    yield from _documents(case, 1, DOCUMENT_ROWS)


def document_lists(case: Case) -> Iterator[Result]:
    """Many documents of 4 KB to lists, on two threads and on one."""
    for threads in (THREADS, 1):
        yield from _documents(case, threads, ("documents list",))


def _documents(case: Case, threads: int, rows: tuple[str, ...]) -> Iterator[Result]:
    texts = {id(text): text for text in (case.text, case.text.short)}
    right = {key: case.right.batch_to_lists(text.documents, threads) for key, text in texts.items()}

    def right_lists(got: list[list[int]], text: Text, _: Ids) -> bool:
        return got == right[id(text)]

    def right_arrays(got: tuple[Ids, Any], text: Text, _: Ids) -> bool:
        lists = right[id(text)]
        return np.array_equal(got[0], list(chain.from_iterable(lists))) and right_counts(np.diff(got[1]), text, _)

    def right_counts(got: Any, text: Text, _: Ids) -> bool:
        return np.array_equal(got, list(map(len, right[id(text)])))

    judges = {
        "documents numpy": ("batch_to_numpy", right_arrays),
        "documents list": ("batch_to_lists", right_lists),
        "documents count": ("count_batch", right_counts),
    }
    for row in rows:
        function, judge = judges[row]
        name = row if threads > 1 else f"{row} one"
        yield case.compare(name, function, lambda text: (text.documents, threads), judge)


def count(case: Case) -> Iterator[Result]:
    """How many ids one text has."""
    yield case.compare("count", "count", lambda text: (text.content,), lambda got, _, ids: got == len(ids))


def short_texts(case: Case) -> Iterator[Result]:
    """Strings of 100 characters, one call each: to lists in three ways, to arrays, counted; then 4 KB to lists."""
    content = case.text.strings
    yield case.calls("strings list", "to_list", content)
    yield case.calls("strings policy", "policy", content)
    special = case.encoding.special_tokens
    plain = [string for string in content if not any(token in string for token in special)]
    yield case.calls("strings face", "face", plain)  # which raises for a special token
    yield case.calls("strings numpy", "to_numpy", content)
    yield case.calls("strings count", "count", content)
    yield case.calls("page list", "to_list", case.text.documents[:PAGES])


def short_lists(case: Case) -> Iterator[Result]:
    """Strings of 100 characters and documents of 4 KB to lists, one call each."""
    yield case.calls("strings list", "to_list", case.text.strings)
    yield case.calls("page list", "to_list", case.text.documents[:PAGES])


def _each(encode: Callable[[str], object], strings: list[str]) -> None:
    for string in strings:
        encode(string)


def _all_right(encode: Callable[[str], Any], strings: list[str], right: list[Any]) -> bool:
    return all(np.array_equal(encode(string), expected) for string, expected in zip(strings, right, strict=True))


def decoding(case: Case) -> Iterator[Result]:
    """Ids, as an array and as a list, to bytes; of the shorter text for all."""
    right = case.text.short
    for row, ids in (("decode numpy", case.short_ids), ("decode list", case.short_ids.tolist())):
        jobs = {}
        for name, peer in case.peers.items():
            if peer.decode is None:
                continue
            decode = partial(peer.decode, ids)
            jobs[name] = warm(decode, right.megabytes, partial(_decodes_to, decode, right.encoded))
        yield measure(row, right.name, case.encoding.name, "MB/s", jobs, case.rounds)


def _decodes_to(decode: Callable[[], bytes], right: bytes) -> bool:
    return decode() == right
