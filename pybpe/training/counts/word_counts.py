"""WordCounts: the words of a corpus with their counts, from which vocabularies are trained."""

from __future__ import annotations

import operator
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from pybpe._core.counter import WordCounter
from pybpe.data.readers.documents import TEXT_FIELD
from pybpe.definition import number_special_tokens
from pybpe.encode.segmenter import Cut, Segmenter
from pybpe.encode.special_tokens import find_one_of
from pybpe.normalization.preprocessing import PLAIN, Preprocessing
from pybpe.pretokenization.patterns import WHOLE, prepare, resolve
from pybpe.pretokenization.stages import join_stages
from pybpe.training.counts.corpus import open_source
from pybpe.training.counts.threads import BytesCounted, Texts, count_alone, count_as_read, count_in_turns
from pybpe.training.sentencepiece.words import LINE_END, WORDS, SentencePieceWords, names_of, normalizer_of
from pybpe.util.files import PathLike
from pybpe.util.parallel import check_threads
from pybpe.util.progress import ProgressCallback, reporting
from pybpe.util.utf8 import to_utf8

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pybpe.training.counts.files import Counted

Source = Union[str, "os.PathLike[str]", Iterable[Union[str, bytes, "os.PathLike[str]"]], "WordCounts"]
Pattern = str | Sequence[str] | None

_LAST_ORDER = 2**31 - 1  # the largest number of a text; all later texts share it, which affects only the order of ties
_EPOCH_BYTES = 64 << 20  # of text between two checks of `max_words`; does not depend on the number of threads


class Words(NamedTuple):
    """Words as arrays, a row for each.

    blob: the bytes of all words joined. sizes: the bytes of each word. counts: how often each occurs. first_seen: the
    place of its first occurrence, number of the text << 32 | number of the word in the text.
    """

    blob: npt.NDArray[np.uint8]
    sizes: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.int64]
    first_seen: npt.NDArray[np.int64]


def in_order_of_place(words: Words) -> Words:
    """Return the words sorted by first_seen, and by their bytes where it is equal."""
    import numpy as np

    ends = np.cumsum(words.sizes, dtype=np.int64)
    starts = ends - words.sizes
    order = np.argsort(words.first_seen, kind="stable")
    blob = words.blob.tobytes()
    if (np.diff(words.first_seen[order]) == 0).any():
        keys = zip(words.first_seen.tolist(), starts.tolist(), ends.tolist(), range(len(ends)), strict=True)
        ordered = sorted(keys, key=lambda key: (key[0], blob[key[1] : key[2]]))
        order = np.array([key[3] for key in ordered])
    sizes = words.sizes[order]
    blob = b"".join(map(blob.__getitem__, map(slice, starts[order].tolist(), ends[order].tolist())))
    return Words(np.frombuffer(blob, np.uint8), sizes, words.counts[order], words.first_seen[order])


class WordCounts:
    """The words of a corpus and their counts.

    Counts are 64-bit and add up: `update` counts more text, `merge` adds counts made elsewhere.

        >>> counts = WordCounts("gpt4")
        >>> counts.update(["low low lower"])
        >>> counts.items()
        [(b'low', 1, 0), (b' low', 1, 1), (b' lower', 1, 2)]

    pattern: the split pattern: a name, a regular expression, a list of them, or None to keep texts whole.
    protect: strings, mostly special tokens, that are cut out of the text and not counted.
    max_words: the maximum number of distinct words to keep. Beyond it, the rarest are dropped, and `forgotten` is the
        number of their occurrences. A dropped word that occurs again is counted from zero, so counts can be too low.
    """

    def __init__(
        self,
        pattern: Pattern = "gpt4",
        *,
        protect: Iterable[str] = (),
        max_words: int | None = None,
        preprocessing: Preprocessing = PLAIN,
    ) -> None:
        if max_words is not None and operator.index(max_words) < 1:
            raise ValueError(f"max_words is {max_words}, must be at least 1")
        self._split = prepare(one_pattern(pattern))
        self._protected = tuple(number_special_tokens(protect, 0))
        self._preprocessing = preprocessing
        names = dict.fromkeys(self._protected, 0) | dict(preprocessing.added_tokens)
        self._names = frozenset(names)
        if preprocessing.sentencepiece is None:
            self._segmenter: Segmenter | SentencePieceWords = Segmenter(replace(preprocessing, added_tokens=names), {})
        else:
            self._segmenter = SentencePieceWords(preprocessing.sentencepiece, names)
        self._stripped = LINE_END if preprocessing.sentencepiece is not None else b""
        self._counter = WordCounter()
        self._n_texts = 0
        self._lock = threading.RLock()  # the counter's memory moves as it grows
        self.max_words = max_words
        self.forgotten = 0

    @classmethod
    def for_sentencepiece(
        cls, special_tokens: Iterable[str] = (), *, normalizer: str | None = None, max_words: int | None = None
    ) -> WordCounts:
        """Return empty counts for the convention "sentencepiece": of the words of lines, with a space before each.

            >>> counts = WordCounts.for_sentencepiece()
            >>> counts.update(["low  low"])
            >>> counts.items()
            [(b' low', 2, 0)]

        special_tokens: the special tokens of the vocabulary to train. Each of them in the text counts as one U+001F,
        because nothing is learned across it. normalizer: as in Tokenizer.train.

        Lines end with LF. A CR before it is a character of the line, as in sentencepiece. At the end of a text of an
        iterable, CR and LF are removed, as for sentencepiece's iterator.
        """
        preprocessing = Preprocessing(sentencepiece=normalizer_of(normalizer))
        return cls(WORDS, protect=names_of(special_tokens), max_words=max_words, preprocessing=preprocessing)

    @classmethod
    def from_counts(
        cls, counts: Mapping[str, int] | Mapping[bytes, int] | Iterable[tuple[str | bytes, int]], pattern: Pattern
    ) -> WordCounts:
        """Return counts of words that `pattern` split, from {word: count} or pairs (word, count).

            >>> WordCounts.from_counts({"low": 3, "lower": 1}, "gpt4").items()
            [(b'low', 3, 0), (b'lower', 1, 1)]

        The order of the words is that of their first occurrence, which decides ties. Raises ValueError for a count
        below 1 or an empty word, OverflowError if the counts add up to 2**63 or more.
        """
        made = cls(pattern)
        items = counts.items() if isinstance(counts, Mapping) else counts
        for number, (word, count) in enumerate(items):
            made._counter.add(to_utf8(word), operator.index(count), number)
        made._n_texts = 1
        return made

    @property
    def pattern(self) -> str:
        """The regular expression that splits text, or several of them joined by U+001E."""
        return self._split.pattern

    @property
    def protected(self) -> tuple[str, ...]:
        """The strings that are cut out of the text."""
        return self._protected

    @property
    def preprocessing(self) -> Preprocessing:
        """The preprocessing of text before it is split."""
        return self._preprocessing

    @property
    def cut(self) -> Cut | None:
        """The function that returns the last cut in UTF-8, 0 if there is none; None if the pattern has no safe cuts."""
        return self._segmenter.cut(self._split.cut)

    @property
    def total(self) -> int:
        """The number of words that were counted, repeated ones included.

        >>> WordCounts.from_counts({"low": 3, "lower": 1}, "gpt4").total
        4
        """
        with self._lock:
            return self._counter.total

    def __len__(self) -> int:
        """Return the number of different words."""
        return len(self._counter)

    def items(self) -> list[tuple[bytes, int, int]]:
        """Return (word, count, first seen) for each word, in the order in which they were first seen.

        >>> counts = WordCounts("gpt4")
        >>> counts.update(["low low lower", "lower"])
        >>> counts.items()
        [(b'low', 1, 0), (b' low', 1, 1), (b' lower', 1, 2), (b'lower', 1, 4294967296)]

        "First seen" is text << 32 | word, the numbers of the text and of the word in it.
        """
        words = self.words()
        ends = words.sizes.astype("int64").cumsum().tolist()
        blob = words.blob.tobytes()
        contents = (blob[start:end] for start, end in zip([0, *ends], ends, strict=False))
        rows = zip(contents, words.counts.tolist(), words.first_seen.tolist(), strict=True)
        return sorted(rows, key=lambda row: (row[2], row[0]))

    def words(self) -> Words:
        """Return all words as arrays, in no particular order."""
        import numpy as np

        with self._lock:
            n_words = len(self._counter)
            words = Words(
                np.empty(self._counter.n_bytes, np.uint8),
                np.empty(n_words, np.uint32),
                np.empty(n_words, np.int64),
                np.empty(n_words, np.int64),
            )
            self._counter.fill(*words)
        return words

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_counts, (*self._counted(), self.max_words)

    def merge(self, other: WordCounts) -> None:
        """Add the counts of another corpus. Raises ValueError if its words were made in another way.

        >>> counts = WordCounts.from_counts({"low": 3}, "gpt4")
        >>> counts.merge(WordCounts.from_counts({"low": 1, "lower": 1}, "gpt4"))
        >>> counts.items()
        [(b'low', 4, 0), (b'lower', 1, 1)]
        """
        if other.pattern != self.pattern:
            raise ValueError(f"cannot merge counts split by {other.pattern!r} into counts split by {self.pattern!r}")
        if other.preprocessing != self.preprocessing:
            raise ValueError("cannot merge counts of text that was read in another way, with another normalizer say")
        if other is self:
            raise ValueError("cannot merge counts into themselves")
        first, second = sorted((self, other), key=id)  # always in one order, so that two merges cannot wait in a ring
        with first._lock, second._lock:
            self._counter.merge(other._counter)
            self.forgotten += other.forgotten
            self._keep_most()

    def prune(self, min_count: int) -> None:
        """Remove the words that occur fewer than `min_count` times, and add their occurrences to `forgotten`.

        >>> counts = WordCounts.from_counts({"low": 3, "lower": 1}, "gpt4")
        >>> counts.prune(min_count=2)
        >>> counts.items(), counts.forgotten
        ([(b'low', 3, 0)], 1)
        """
        if min_count < 1:
            raise ValueError(f"min_count is {min_count}, must be at least 1")
        with self._lock:
            self._keep(min_count - 1, -1)

    def shard(self, n_shards: int) -> list[WordCounts]:
        """Return the counts in `n_shards` parts, each word in one of them; merged in any order, they are the whole.

        >>> counts = WordCounts.from_counts({"low": 3, "lower": 1}, "gpt4")
        >>> [part.items() for part in counts.shard(2)]
        [[(b'low', 3, 0)], [(b'lower', 1, 1)]]
        """
        if n_shards < 1:
            raise ValueError(f"n_shards is {n_shards}, must be at least 1")
        parts = [self._empty() for _ in range(n_shards)]
        for number, (word, count, first_seen) in enumerate(self.items()):
            parts[number % n_shards]._counter.add(word, count, first_seen)
        return parts

    def to_npz(self, path: PathLike) -> None:
        """Write the counts to a .npz file of numpy, completely or not at all. Equal counts give equal files.

        >>> WordCounts.from_counts({"low": 3}, "gpt4").to_npz(folder / "counts.npz")
        """
        from pybpe.training.counts.files import write_npz

        write_npz(path, self._counted())

    @classmethod
    def from_npz(cls, path: PathLike) -> WordCounts:
        """Read counts that `to_npz` wrote. Raises FormatError for another file.

        >>> WordCounts.from_counts({"low": 3}, "gpt4").to_npz(folder / "counts.npz")
        >>> WordCounts.from_npz(folder / "counts.npz").items()
        [(b'low', 3, 0)]
        """
        from pybpe.training.counts.files import read_npz

        return _restore_counts(*read_npz(path))

    def to_parquet(self, path: PathLike) -> None:
        """Write the counts to a parquet file of columns word, count, first_seen. Needs pip install 'pybpe[data]'.

        >>> WordCounts.from_counts({"low": 3}, "gpt4").to_parquet(folder / "counts.parquet")
        """
        from pybpe.training.counts.files import write_parquet

        write_parquet(path, self._counted())

    @classmethod
    def from_parquet(cls, path: PathLike) -> WordCounts:
        """Read counts that `to_parquet` wrote. Raises FormatError for another file.

        >>> WordCounts.from_counts({"low": 3}, "gpt4").to_parquet(folder / "counts.parquet")
        >>> WordCounts.from_parquet(folder / "counts.parquet").items()
        [(b'low', 3, 0)]
        """
        from pybpe.training.counts.files import read_parquet

        return _restore_counts(*read_parquet(path))

    def _counted(self) -> Counted:
        from pybpe.training.counts.files import Counted

        with self._lock:
            return Counted(
                self.pattern, self.items(), self._n_texts, self.forgotten, self._protected, self._preprocessing
            )

    def update(
        self,
        source: Source,
        *,
        threads: int | None = None,
        progress: bool | ProgressCallback = False,
        text_field: str = TEXT_FIELD,
    ) -> None:
        """Count the words of a path, a list of paths or globs, an iterable of texts, or other WordCounts.

            >>> counts = WordCounts("gpt4")
            >>> counts.update(["low lower", "low"])
            >>> counts.items()
            [(b'low', 2, 0), (b' lower', 1, 1)]

        text_field: the field or column of .jsonl and .parquet files that holds the text.
        threads: the number of threads; None for one per core. The counts do not depend on it.
        progress: True for a progress bar in the terminal, or a function progress(stage, done, total).

        If an error is raised, nothing of `source` is counted. Several threads may update and merge the same counts;
        they take turns.
        """
        if isinstance(source, WordCounts):
            self.merge(source)
            return
        threads = check_threads(threads)
        if self._split.scanner is None:
            threads = 1  # the regex module holds the GIL
        batches, n_bytes, any_thread = open_source(source, self.cut, text_field, self._stripped)
        with self._lock, reporting(progress) as callback:
            counted = self._empty()
            done = 0
            for epoch in _epochs(batches, _EPOCH_BYTES if self.max_words else None):
                done = counted._count_batches(
                    epoch, threads, done, lambda done: callback("counting", done, n_bytes), any_thread
                )
                counted._keep_most()
            if not len(self._counter):
                self._counter, counted._counter = counted._counter, self._counter
            self._counter.merge(counted._counter)
            self._n_texts = counted._n_texts
            self.forgotten += counted.forgotten
            self._keep_most()

    def _empty(self) -> WordCounts:
        """Return empty counts with the same pattern and preprocessing."""
        made = WordCounts(
            self.pattern, protect=self._protected, max_words=self.max_words, preprocessing=self._preprocessing
        )
        made._n_texts = self._n_texts
        return made

    def _keep_most(self) -> None:
        """Drop the rarest words if there are more than `max_words`; of equally rare ones, those first seen last."""
        if self.max_words is None or len(self._counter) <= self.max_words:
            return
        import numpy as np

        words = self.words()
        count = int(np.partition(words.counts, -self.max_words)[-self.max_words])
        room = self.max_words - int((words.counts > count).sum())
        equal = words.first_seen[words.counts == count]
        self._keep(count, int(np.partition(equal, room - 1)[room - 1]))

    def _keep(self, count: int, first_seen: int) -> None:
        """Keep the words that WordCounter.kept selects, and drop the others."""
        kept = self._counter.kept(count, first_seen)
        self.forgotten += self._counter.total - kept.total
        self._counter = kept

    def _count_batches(
        self, batches: Iterator[list[bytes]], threads: int, done: int, progress: BytesCounted, any_thread: bool
    ) -> int:
        """Count all batches, and return the bytes counted so far.

        done: the bytes counted before. any_thread: True if any thread may read the batches.
        """

        def counted(size: int) -> None:
            progress(done + size)

        if threads == 1:
            return done + count_alone(self._numbered(batches), self._count, self._counter, counted)
        counters = [self._counter, *(WordCounter() for _ in range(threads - 1))]
        count_all = count_in_turns if any_thread else count_as_read
        done += count_all(self._numbered(batches), self._count, counters, counted)
        for counter in counters[1:]:
            self._counter.merge(counter)
        return done

    def _numbered(self, batches: Iterator[list[bytes]]) -> Iterator[Texts]:
        for batch in batches:
            yield self._n_texts, batch
            self._n_texts += len(batch)

    def _count(self, counter: WordCounter, numbered: Texts) -> int:
        """Count the words of some texts, and return their bytes."""
        order, texts = numbered
        for text_number, text in enumerate(texts, order):
            place, number = min(text_number, _LAST_ORDER), 0
            for segment in self._ordinary_segments(text):
                if self._split.scanner is not None:
                    number = counter.count_text(self._split.scanner, segment, place, number)
                    continue
                for word in self._split.split(segment):
                    counter.add(word, 1, place << 32 | number)
                    number += 1
        return sum(map(len, texts))

    def _ordinary_segments(self, text: bytes) -> Iterator[bytes]:
        """Yield the ordinary segments of a text as UTF-8."""
        plain = (
            not self._preprocessing.normalizer
            and not self._preprocessing.add_prefix_space
            and not self._preprocessing.sentencepiece
        )
        if plain and find_one_of(self._names, text) is None:
            yield text
            return
        for segment in self._segmenter.split(text, frozenset()):
            if not isinstance(segment, int):
                yield to_utf8(segment)


def one_pattern(pattern: Pattern) -> str:
    """Return a pattern, a list of patterns, or None for whole texts, as one string."""
    if pattern is None:
        return WHOLE
    return pattern if isinstance(pattern, str) else join_stages(map(resolve, pattern))


def _epochs(batches: Iterator[list[bytes]], n_bytes: int | None) -> Iterator[Iterator[list[bytes]]]:
    """Yield the batches in parts of `n_bytes` or more, or in one part for None; use each part up before the next."""

    def part(batch: list[bytes]) -> Iterator[list[bytes]]:
        yield batch
        size = sum(map(len, batch))
        while (n_bytes is None or size < n_bytes) and (following := next(batches, None)) is not None:
            yield following
            size += sum(map(len, following))

    while (first := next(batches, None)) is not None:
        yield part(first)


def _restore_counts(
    pattern: str,
    items: list[tuple[bytes, int, int]],
    n_texts: int,
    forgotten: int,
    protected: tuple[str, ...] = (),
    preprocessing: Preprocessing = PLAIN,
    max_words: int | None = None,
) -> WordCounts:
    """Return counts from the data of a file or a pickle."""
    counts = WordCounts(pattern, protect=protected, max_words=max_words, preprocessing=preprocessing)
    for word, count, first_seen in items:
        counts._counter.add(word, count, first_seen)
    counts._n_texts = n_texts
    counts.forgotten = forgotten
    return counts
