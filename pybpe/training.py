"""Training: merge the most frequent pair of neighbours in the words of a corpus, again and again.

Counting the words reads all the text and spreads over threads; merging sees only the different words.
"""

from __future__ import annotations

import operator
import warnings
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from pybpe._core.ids import IdBuffer, Rows
from pybpe._core.trainer import Trainer
from pybpe.conventions import SENTENCEPIECE, Convention, convention_of, spelled_bytes
from pybpe.definition import MAX_ID, MAX_RANKED_TOKEN, Definition, make_vocabulary, number_special_tokens
from pybpe.errors import TrainingError
from pybpe.patterns import resolve
from pybpe.progress import Report, reporting
from pybpe.reading import PLAIN, Reading
from pybpe.sentence_training import train_sentences
from pybpe.text_encoder import TextEncoder
from pybpe.utf8 import to_utf8
from pybpe.word_counts import Pattern, Source, WordCounts, Words, in_order_of_place, one_pattern

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt32s = npt.NDArray[np.uint32]

DEFAULT_PATTERN = "gpt4"
_MERGES_A_STEP = 64  # between two looks at Ctrl-C and the progress bar


def train(
    source: Source,
    *,
    vocab_size: int,
    pattern: Pattern,
    special_tokens: Iterable[str],
    convention: str,
    initial_alphabet: Iterable[str | bytes],
    protect_special: bool | None,
    threads: int | None,
    progress: bool | Report,
    limits: Limits,
    text_field: str,
) -> Definition:
    """Learn a vocabulary; see Tokenizer.train."""
    if convention == SENTENCEPIECE:
        _check_sentences(pattern, initial_alphabet, protect_special, limits)
        return train_sentences(
            source, vocab_size=vocab_size, special_tokens=special_tokens, progress=progress, text_field=text_field
        )
    way = convention_of(convention)
    vocab_size = operator.index(vocab_size)
    names = list(number_special_tokens(special_tokens, vocab_size))  # a mistake shows before the work
    characters = [to_utf8(character) for character in initial_alphabet]
    tokens = [spelled_bytes(name) for name in names] if way.specials_first else []
    first = len(tokens)
    tokens += [bytes([byte]) for byte in way.alphabet]
    _check_size(vocab_size, len(tokens), "every byte is a token" if not first else "bytes and special tokens count")
    with reporting(progress) as report:
        protected = names if (way.protects if protect_special is None else protect_special) else []
        words, pattern = _words_of(source, pattern, protected, threads, limits, report, text_field)
        if way.order == "place":
            words = in_order_of_place(words)
        id_of_byte = np.empty(256, dtype=np.uint32)
        id_of_byte[list(way.alphabet)] = np.arange(first, first + 256)
        rows, made = _forced_merges(characters, id_of_byte.tolist(), tokens)
        tokens += made
        if characters:
            _check_size(vocab_size, len(tokens), "the characters of initial_alphabet are tokens")
            base = _definition(way, tokens, rows, pattern, {})
            symbols, sizes = _encode_words(TextEncoder(base), base, words)
        else:
            symbols, sizes = id_of_byte, words.sizes
        trainer = Trainer(
            symbols,
            sizes,
            words.counts,
            tokens,
            vocab_size,
            blob=None if characters else words.blob,
            min_count=limits.min_frequency,
            most_bytes=limits.most_bytes(way),
            order=way.order,
            twins=way.twins,
        )
        del words, symbols, sizes  # the trainer has its own
        _learn(trainer, vocab_size, report, limits, way.small_corpus)
    rows += _last_of_each(_rows_of(trainer))
    tokens = trainer.tokens.to_list()
    if way.specials_first:
        reached = {row[2] for row in rows}
        tokens[:first] = [token if number in reached else b"" for number, token in enumerate(tokens[:first])]
    special = number_special_tokens(names, 0 if way.specials_first else len(tokens))
    return _definition(way, tokens, rows, pattern, special)


def _check_sentences(
    pattern: Pattern, initial_alphabet: Iterable[str | bytes], protect_special: bool | None, limits: Limits
) -> None:
    """Raise TrainingError for what the convention of sentencepiece has no place for."""
    given = {
        "pattern": pattern != DEFAULT_PATTERN,
        "initial_alphabet": bool(list(initial_alphabet)),
        "protect_special": protect_special is not None,
        "min_frequency": limits.min_frequency != 1,
        "max_token_length": limits.max_token_length is not None,
        "max_words": limits.max_words is not None,
        "keep_on_interrupt": limits.keep_on_interrupt,
    }
    if wrong := [name for name, is_given in given.items() if is_given]:
        raise TrainingError(f"the convention sentencepiece takes no {' and no '.join(wrong)}; leave it out")


def extend(
    definition: Definition,
    source: Source,
    *,
    vocab_size: int,
    protect_special: bool,
    threads: int | None,
    progress: bool | Report,
    limits: Limits,
    text_field: str,
) -> Definition:
    """Go on learning; see Tokenizer.extend."""
    definition.check_bytes("pybpe does not extend it")
    vocab_size = operator.index(vocab_size)
    names = {**definition.special_tokens, **definition.reading.added_tokens}
    n_vocab = max(len(definition.vocabulary), max(names.values(), default=-1) + 1)
    _check_size(vocab_size, n_vocab, "there are so many ids")
    tokens = definition.vocabulary.to_list()
    tokens += [b""] * (n_vocab - len(tokens))
    with reporting(progress) as report:
        protected = list(definition.special_tokens) if protect_special else []
        words, _ = _words_of(
            source, definition.pattern, protected, threads, limits, report, text_field, definition.reading
        )
        symbols, sizes = _encode_words(TextEncoder(definition), definition, words)
        trainer = Trainer(
            symbols,
            sizes,
            words.counts,
            tokens,
            vocab_size,
            min_count=limits.min_frequency,
            most_bytes=limits.most_bytes(definition),
            twins="shared",
        )
        del words, symbols, sizes
        _learn(trainer, vocab_size, report, limits, "warning")
    known: Any = definition.merges.tolist()
    rows = [*known, *_rows_of(trainer)]
    return replace(
        definition,
        vocabulary=make_vocabulary(trainer.tokens.to_list()),
        merges=_as_rows([]) if definition.rule == "ranks" else _as_rows(rows),
    )


@dataclass(frozen=True)
class Limits:
    """What ends learning, or keeps it small.

    min_frequency: pairs that occur fewer times are not merged.
    max_token_length: of what a merge makes, in bytes; None for no limit.
    max_words: see WordCounts.
    keep_on_interrupt: whether Ctrl-C while merging ends it with what was learned.
    """

    min_frequency: int = 1
    max_token_length: int | None = None
    max_words: int | None = None
    keep_on_interrupt: bool = False

    def __post_init__(self) -> None:
        if operator.index(self.min_frequency) < 1:
            raise TrainingError(f"min_frequency is {self.min_frequency}, must be at least 1")
        if self.max_token_length is not None and operator.index(self.max_token_length) < 1:
            raise TrainingError(f"max_token_length is {self.max_token_length}, must be at least 1")

    def most_bytes(self, reader: Convention | Definition) -> int:
        """The bytes that a merge may make."""
        most = MAX_RANKED_TOKEN if reader.rule == "ranks" else 2**32 - 1
        if self.max_token_length is None:
            return most
        shorter_by = reader.shorter_by if isinstance(reader, Convention) else 0
        return min(most, self.max_token_length - shorter_by)


def _check_size(vocab_size: int, least: int, reason: str) -> None:
    if vocab_size < least:
        raise TrainingError(f"vocab_size is {vocab_size}, must be at least {least:,}: {reason}")
    if vocab_size > MAX_ID + 1:
        raise TrainingError(f"vocab_size is {vocab_size}, must be at most {MAX_ID + 1:,}")


def _words_of(
    source: Source,
    pattern: Pattern,
    protected: Iterable[str],
    threads: int | None,
    limits: Limits,
    report: Report,
    text_field: str,
    reading: Reading = PLAIN,
) -> tuple[Words, str]:
    """The words of a corpus, and the pattern that split it."""
    if isinstance(source, WordCounts):
        counts = source
        if pattern not in (DEFAULT_PATTERN, counts.pattern) and resolve(one_pattern(pattern)) != counts.pattern:
            raise ValueError(f"the words were counted by the pattern {counts.pattern!r}: leave out pattern=")
    else:
        counts = WordCounts(pattern, protect=protected, max_words=limits.max_words, reading=reading)
        counts.update(source, threads=threads, progress=report, text_field=text_field)
    if not len(counts):
        raise TrainingError("the corpus is empty: there is nothing to learn from")
    if counts.forgotten:
        warnings.warn(
            f"{counts.forgotten:,} occurrences of rare words were forgotten, to remember no more than "
            f"{counts.max_words or len(counts):,}: merges of rare pairs may differ from those of the whole corpus",
            stacklevel=4,
        )
    return counts.words(), counts.pattern


def _encode_words(encoder: TextEncoder, definition: Definition, words: Words) -> tuple[UInt32s, UInt32s]:
    """The ids of all words, and how many each has."""
    ids = IdBuffer()
    ends = np.cumsum(words.sizes, dtype=np.int64)
    encoder.core.encode_split(words.blob.tobytes(), ends, ids)
    symbols = ids.to_numpy()
    ends_of_ids = np.cumsum(definition.vocabulary.sizes().to_numpy()[symbols], dtype=np.int64)
    last = np.searchsorted(ends_of_ids, ends)
    return symbols, np.diff(last, prepend=-1).astype(np.uint32)


def _forced_merges(
    characters: list[bytes], id_of_byte: list[int], tokens: list[bytes]
) -> tuple[list[list[int]], list[bytes]]:
    """Merges that make each of these a token, whatever its frequency, and the tokens they make."""
    rows: list[list[int]] = []
    made: dict[bytes, int] = {}
    for character in characters:
        left = id_of_byte[character[0]] if character else 0
        for size in range(2, len(character) + 1):
            content = character[:size]
            if content not in made:
                made[content] = len(tokens) + len(made)
                rows.append([left, id_of_byte[character[size - 1]], made[content]])
            left = made[content]
    return rows, list(made)


def _learn(trainer: Trainer, vocab_size: int, report: Report, limits: Limits, small_corpus: str) -> None:
    """Learn all there is to learn, up to `vocab_size` tokens."""
    learned, wanted = 0, vocab_size - len(trainer.tokens)
    try:
        while not trainer.is_full and (step := trainer.learn(_MERGES_A_STEP)):
            learned += step
            report("merging", min(learned, wanted), wanted)
    except KeyboardInterrupt:
        if not limits.keep_on_interrupt:
            raise
        warnings.warn(f"interrupted: the vocabulary has the {learned:,} merges learned so far", stacklevel=4)
        return
    if not trainer.is_full:
        least = limits.min_frequency
        reason = "no two tokens are left to merge" if least == 1 else f"no pair occurs {least} times"
        n_tokens = len(trainer.tokens)
        what = f"the corpus is too small for vocab_size {vocab_size:,}: after {learned:,} merges {reason}"
        if small_corpus == "error":
            raise TrainingError(what)
        warnings.warn(f"{what}; the vocabulary has {n_tokens:,} tokens", stacklevel=4)


def _rows_of(trainer: Trainer) -> list[list[int]]:
    """[left, right, token] of each merge that was learned."""
    rows: Any = memoryview(Rows(trainer.merges, 3)).tolist()
    return rows  # type: ignore[no-any-return]


def _last_of_each(rows: list[list[int]]) -> list[list[int]]:
    """The rows without those whose pair comes again."""
    last = {(left, right): number for number, (left, right, _) in enumerate(rows)}
    return [row for number, row in enumerate(rows) if last[row[0], row[1]] == number]


def _definition(
    way: Convention, tokens: list[bytes], rows: list[list[int]], pattern: str, special_tokens: dict[str, int]
) -> Definition:
    return Definition(
        rule=way.rule,
        vocabulary=make_vocabulary(tokens),
        merges=_as_rows([] if way.rule == "ranks" else rows),
        pattern=pattern,
        special_tokens=special_tokens,
    )


def _as_rows(rows: list[list[int]]) -> memoryview:
    """uint32[n, 3]."""
    return memoryview(Rows(array("I", chain.from_iterable(rows)), 3))
