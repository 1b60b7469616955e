"""Training: count the words of a corpus, then merge the most frequent pair of neighbours, again and again.

Counting reads all the text and spreads over threads; merging sees only the different words.
"""

from __future__ import annotations

import operator
import os
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Union

from pybpe._core.counter import WordCounter
from pybpe._core.ids import Rows
from pybpe._core.trainer import Trainer
from pybpe.corpus import open_source
from pybpe.definition import MAX_ID, Definition, make_vocabulary, number_special_tokens
from pybpe.errors import TrainingError
from pybpe.files import PathLike
from pybpe.parallel import check_threads
from pybpe.patterns import prepare, resolve
from pybpe.progress import Report, reporting
from pybpe.readers.documents import TEXT_FIELD

Source = Union[str, "os.PathLike[str]", Iterable[Union[str, bytes, "os.PathLike[str]"]], "WordCounts"]

DEFAULT_PATTERN = "gpt4"
CONVENTIONS = ("pybpe", "rustbpe")  # two names of one order: 256 bytes first, ties to the smallest (left, right)
_MERGES_A_STEP = 64  # between two looks at Ctrl-C and the progress bar


class WordCounts:
    """How often each word occurs in a corpus: all that training needs to know of it.

    Counts are 64-bit and add up: `update` counts more text, `merge` adds counts made elsewhere.

        >>> counts = WordCounts("gpt4")
        >>> counts.update(["low low lower"])
        >>> counts.items()
        [(b'low', 1, 0), (b' low', 1, 1), (b' lower', 1, 2)]
    """

    def __init__(self, pattern: str = "gpt4") -> None:
        self._split = prepare(pattern)
        self._counter = WordCounter()
        self._n_texts = 0
        self._lock = threading.RLock()  # the counter's memory moves as it grows

    @property
    def pattern(self) -> str:
        """The regular expression that split the text into these words, or several with U+001E between them."""
        return self._split.pattern

    @property
    def total(self) -> int:
        """How many words were counted, repeats included."""
        with self._lock:
            return self._counter.total

    def __len__(self) -> int:
        """How many different words there are."""
        return len(self._counter)

    def items(self) -> list[tuple[bytes, int, int]]:
        """(word, count, first seen) of every word, in the order in which they were first counted here."""
        with self._lock:
            return self._counter.items()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_counts, self._state()

    def merge(self, other: WordCounts) -> None:
        """Add the counts of another corpus, split by the same pattern (ValueError if it was not)."""
        if other.pattern != self.pattern:
            raise ValueError(f"cannot merge counts split by {other.pattern!r} into counts split by {self.pattern!r}")
        if other is self:
            raise ValueError("cannot merge counts into themselves")
        first, second = sorted((self, other), key=id)  # always in one order, so that two merges cannot wait in a ring
        with first._lock, second._lock:
            self._counter.merge(other._counter)

    def to_npz(self, path: PathLike) -> None:
        """Write the counts to a file that numpy opens, completely or not at all. Equal counts give equal files."""
        from pybpe.count_files import Counted, write_npz

        write_npz(path, Counted(*self._state()))

    @classmethod
    def from_npz(cls, path: PathLike) -> WordCounts:
        """Counts that `to_npz` wrote. Raises FormatError for any other file."""
        from pybpe.count_files import read_npz

        return _restore_counts(*read_npz(path))

    def to_parquet(self, path: PathLike) -> None:
        """Write the counts to a parquet file: word, count, first_seen. Needs pip install 'pybpe[data]'."""
        from pybpe.count_files import Counted, write_parquet

        write_parquet(path, Counted(*self._state()))

    @classmethod
    def from_parquet(cls, path: PathLike) -> WordCounts:
        """Counts that `to_parquet` wrote. Raises FormatError for any other file."""
        from pybpe.count_files import read_parquet

        return _restore_counts(*read_parquet(path))

    def _state(self) -> tuple[str, list[tuple[bytes, int, int]], int]:
        """What makes the same counts again."""
        with self._lock:
            return self.pattern, self.items(), self._n_texts

    def update(
        self,
        source: Source,
        *,
        threads: int | None = None,
        progress: bool | Report = False,
        text_field: str = TEXT_FIELD,
    ) -> None:
        """Count the words of a path, a list of paths or globs, or an iterable of texts.

        text_field: the field or column of .jsonl and .parquet files that holds the text.
        threads: None for one a core. The counts do not depend on it. If anything fails, nothing of `source` is counted.
        Several threads may update and merge the same counts; they take turns.
        """
        if isinstance(source, WordCounts):
            self.merge(source)
            return
        threads = check_threads(threads)
        if self._split.scanner is None:
            threads = 1  # the regex module holds the GIL
        batches, n_bytes = open_source(source, self._split.cut, text_field)
        counters = [WordCounter() for _ in range(threads)]
        with self._lock, reporting(progress) as report:
            self._count_batches(batches, counters, lambda done: report("counting", done, n_bytes))
            for counter in counters:
                self._counter.merge(counter)

    def _count_batches(
        self, batches: Iterator[list[bytes]], counters: list[WordCounter], report: Callable[[int], None]
    ) -> None:
        """Count each batch by whichever counter is free: one thread a counter, one batch ahead of them all."""
        done = 0
        free = list(counters)
        running: deque[tuple[Future[int], WordCounter]] = deque()
        with ThreadPoolExecutor(len(counters)) as pool:
            for batch in batches:
                if not free:
                    future, counter = running.popleft()
                    done += future.result()
                    free.append(counter)
                    report(done)
                counter = free.pop()
                running.append((pool.submit(self._count, counter, batch, self._n_texts), counter))
                self._n_texts += len(batch)
            for future, _ in running:
                done += future.result()
                report(done)

    def _count(self, counter: WordCounter, texts: list[bytes], order: int) -> int:
        """Count some texts, the first of them number `order`; returns their bytes."""
        for number, text in enumerate(texts, order):
            if self._split.scanner is not None:
                counter.count_text(self._split.scanner, text, number)
            else:
                for place, word in enumerate(self._split.split(text)):
                    counter.add(word, 1, number << 32 | place)
        return sum(map(len, texts))


def _restore_counts(pattern: str, items: list[tuple[bytes, int, int]], n_texts: int) -> WordCounts:
    """Counts from what pickling kept."""
    counts = WordCounts(pattern)
    for word, count, first_seen in items:
        counts._counter.add(word, count, first_seen)
    counts._n_texts = n_texts
    return counts


def train(
    source: Source,
    *,
    vocab_size: int,
    pattern: str,
    special_tokens: Iterable[str],
    convention: str,
    min_frequency: int,
    threads: int | None,
    progress: bool | Report,
    text_field: str,
) -> Definition:
    """Learn a vocabulary; see Tokenizer.train."""
    if convention not in CONVENTIONS:
        raise TrainingError(f"there is no convention {convention!r}; there are {', '.join(CONVENTIONS)}")
    vocab_size, min_frequency = operator.index(vocab_size), operator.index(min_frequency)
    if vocab_size < 256:
        raise TrainingError(f"vocab_size is {vocab_size}, must be at least 256: every byte is a token")
    if vocab_size > MAX_ID + 1:
        raise TrainingError(f"vocab_size is {vocab_size}, must be at most {MAX_ID + 1:,}")
    if min_frequency < 1:
        raise TrainingError(f"min_frequency is {min_frequency}, must be at least 1")
    special_tokens = list(number_special_tokens(special_tokens, vocab_size))  # a mistake shows before the work
    with reporting(progress) as report:
        if isinstance(source, WordCounts):
            counts = source
            if pattern not in (DEFAULT_PATTERN, counts.pattern) and resolve(pattern) != counts.pattern:
                raise ValueError(f"the words were counted by the pattern {counts.pattern!r}: leave out pattern=")
        else:
            counts = WordCounts(pattern)
            counts.update(source, threads=threads, progress=report, text_field=text_field)
        if not len(counts):
            raise TrainingError("the corpus is empty: there is nothing to learn from")
        merges = _learn(counts, vocab_size - 256, min_frequency, report)
    if len(merges) < vocab_size - 256:
        reason = "no two tokens are left to merge" if min_frequency == 1 else f"no pair occurs {min_frequency} times"
        warnings.warn(
            f"the corpus is too small for vocab_size {vocab_size:,}: after {len(merges):,} merges {reason}; "
            f"the vocabulary has {256 + len(merges):,} tokens",
            stacklevel=3,
        )
    tokens = [bytes([byte]) for byte in range(256)]
    rows: Any = merges.tolist()
    for left, right, _ in rows:
        tokens.append(tokens[left] + tokens[right])
    return Definition(
        rule="merges",
        vocabulary=make_vocabulary(tokens),
        merges=merges,
        pattern=counts.pattern,
        special_tokens=number_special_tokens(special_tokens, len(tokens)),
    )


def _learn(counts: WordCounts, n_merges: int, min_frequency: int, report: Report) -> memoryview:
    """uint32[n, 3], rows (left, right, token), n at most `n_merges`."""
    with counts._lock:
        trainer = Trainer(counts._counter, min_frequency)
    learned = 0
    while learned < n_merges:
        step = trainer.learn(min(_MERGES_A_STEP, n_merges - learned))
        learned += step
        report("merging", learned, n_merges)
        if not step:
            break
    return memoryview(Rows(trainer.merges, 3))
