"""Training: merge the most frequent pair of neighbours in the words of a corpus, again and again.

Counting the words reads all of the text, on several threads. Merging works on the distinct words only.
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
from pybpe._core.vocab import Vocabulary
from pybpe.definition import MAX_ID, Definition, make_vocabulary, number_special_tokens
from pybpe.encode.text_encoder import TextEncoder
from pybpe.errors import TrainingError
from pybpe.training.conventions import SENTENCEPIECE, Convention, convention_of, first_tokens
from pybpe.training.counts.word_counts import Pattern, Words, in_order_of_place
from pybpe.training.loop import learn
from pybpe.training.sentencepiece.train import train_sentencepiece
from pybpe.training.source import DEFAULT_PATTERN, TrainingSource, check_limit
from pybpe.util.progress import ProgressCallback, reporting
from pybpe.util.utf8 import to_utf8
from pybpe.vocabulary.models import MAX_RANKED_TOKEN, ByteMerges, ByteRanks

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt32s = npt.NDArray[np.uint32]


def train(
    source: TrainingSource,
    *,
    vocab_size: int,
    pattern: Pattern,
    special_tokens: Iterable[str],
    convention: str,
    initial_alphabet: Iterable[str | bytes],
    normalizer: str | None,
    progress: bool | ProgressCallback,
    limits: TrainingLimits,
) -> Definition:
    """Train a vocabulary; Tokenizer.train documents the parameters."""
    if convention == SENTENCEPIECE:
        _check_sentencepiece(source, pattern, initial_alphabet, limits)
        return train_sentencepiece(
            source,
            vocab_size=vocab_size,
            special_tokens=special_tokens,
            normalizer=normalizer,
            progress=progress,
            keep_on_interrupt=limits.keep_on_interrupt,
        )
    rules = convention_of(convention)
    vocab_size = operator.index(vocab_size)
    names = list(number_special_tokens(special_tokens, vocab_size))  # raises before the work for a bad name
    characters = _checked_characters(initial_alphabet)
    tokens, id_of_byte = first_tokens(rules, names)
    reason = "bytes and special tokens count" if rules.specials_first and names else "every byte is a token"
    _check_size(vocab_size, len(tokens), reason)
    with reporting(progress) as callback:
        words, pattern, preprocessing = source.words_to_train(pattern, names, rules.protects, normalizer, callback)
        if rules.order == "place":
            words = in_order_of_place(words)
        rows, made = _forced_merges(characters, id_of_byte, tokens)
        tokens += made
        if characters:
            _check_size(vocab_size, len(tokens), "the characters of initial_alphabet are tokens")
        base = _definition(rules, tokens, rows, pattern, {}) if characters else None
        trainer = _trainer(rules, words, tokens, base, id_of_byte, vocab_size, limits)
        del words  # the trainer has a copy
        n_special_last = 0 if rules.specials_first else len(names)
        _learn(trainer, vocab_size, callback, limits, rules.small_corpus, n_special_last)
    rows += _last_of_each(_rows_of(trainer))
    tokens = trainer.tokens.to_list()
    if rules.specials_first:
        reached = {*id_of_byte, *(row[2] for row in rows)}
        tokens = [token if number in reached else b"" for number, token in enumerate(tokens)]
    special = number_special_tokens(names, 0 if rules.specials_first else len(tokens))
    return replace(_definition(rules, tokens, rows, pattern, special), preprocessing=preprocessing)


def _trainer(
    rules: Convention,
    words: Words,
    tokens: list[bytes],
    base: Definition | None,
    id_of_byte: list[int],
    vocab_size: int,
    limits: TrainingLimits,
) -> Trainer:
    """Return a Trainer over the words, which start as bytes, or as the ids that `base` gives them."""
    if base is not None:
        symbols, sizes = _encode_words(TextEncoder(base), base, words)
    else:
        symbols, sizes = np.asarray(id_of_byte, dtype=np.uint32), words.sizes
    return Trainer(
        symbols,
        sizes,
        words.counts,
        tokens,
        vocab_size,
        blob=words.blob if base is None else None,
        min_count=limits.min_frequency,
        most_bytes=limits.most_bytes(rules),
        order=rules.order,
        twins=rules.twins,
    )


def _check_sentencepiece(
    source: TrainingSource, pattern: Pattern, initial_alphabet: Iterable[str | bytes], limits: TrainingLimits
) -> None:
    """Raise TrainingError for options that the convention of sentencepiece does not have."""
    given = {
        "pattern": pattern != DEFAULT_PATTERN,
        "initial_alphabet": bool(list(initial_alphabet)),
        "protect_special": source.protect_special is not None,
        "min_frequency": limits.min_frequency != 1,
        "max_token_length": limits.max_token_length is not None,
    }
    if wrong := [name for name, is_given in given.items() if is_given]:
        raise TrainingError(f"the convention sentencepiece takes no {' and no '.join(wrong)}; leave it out")


def extend(
    definition: Definition,
    source: TrainingSource,
    *,
    vocab_size: int,
    progress: bool | ProgressCallback,
    limits: TrainingLimits,
) -> Definition:
    """Learn more merges for a vocabulary of bytes; Tokenizer.extend documents the parameters."""
    definition.check_bytes("pybpe does not extend it")
    vocab_size = operator.index(vocab_size)
    n_vocab = definition.n_vocab
    _check_size(vocab_size, n_vocab, "there are so many ids")
    tokens = definition.vocabulary.to_list()
    tokens += [b""] * (n_vocab - len(tokens))
    with reporting(progress) as callback:
        words = source.words_to_extend(definition, callback)
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
        _learn(trainer, vocab_size, callback, limits, "warning")
    known: Any = definition.merges.tolist()
    tokens = trainer.tokens.to_list()
    rows = _first_of_each([*known, *_rows_of(trainer)])  # known merges keep their ranks
    vocabulary = Vocabulary(b"".join(tokens), array("I", map(len, tokens)), definition.vocabulary.empty)
    model = definition.model
    if isinstance(model, ByteMerges):
        return replace(definition, model=replace(model, vocabulary=vocabulary, merges=_as_rows(rows)))
    return replace(definition, model=ByteRanks(vocabulary))


@dataclass(frozen=True)
class TrainingLimits:
    """The limits of training.

    min_frequency: pairs that occur fewer times are not merged.
    max_token_length: the maximum length of a merged token in bytes; None for no limit.
    keep_on_interrupt: True if Ctrl-C during merging ends it and keeps the merges learned so far.
    """

    min_frequency: int = 1
    max_token_length: int | None = None
    keep_on_interrupt: bool = False

    def __post_init__(self) -> None:
        check_limit("min_frequency", self.min_frequency)
        check_limit("max_token_length", self.max_token_length)

    def most_bytes(self, reader: Convention | Definition) -> int:
        """Return the maximum length in bytes of a token that a merge may make."""
        rule = reader.rule if isinstance(reader, Convention) else reader.model.rule
        most = MAX_RANKED_TOKEN if rule == "ranks" else 2**32 - 1
        if self.max_token_length is None:
            return most
        shorter_by = reader.shorter_by if isinstance(reader, Convention) else 0
        return min(most, self.max_token_length - shorter_by)


def _check_size(vocab_size: int, least: int, reason: str) -> None:
    if vocab_size < least:
        raise TrainingError(f"vocab_size is {vocab_size}, must be at least {least:,}: {reason}")
    if vocab_size > MAX_ID + 1:
        raise TrainingError(f"vocab_size is {vocab_size}, must be at most {MAX_ID + 1:,}")


def _encode_words(encoder: TextEncoder, definition: Definition, words: Words) -> tuple[UInt32s, UInt32s]:
    """Return (ids of all words, uint32[n_ids]; number of ids of each word, uint32[n_words])."""
    ids = IdBuffer()
    ends = np.cumsum(words.sizes, dtype=np.int64)
    encoder.core.encode_split(words.blob.tobytes(), ends, ids)
    symbols = ids.to_numpy()
    ends_of_ids = np.cumsum(definition.vocabulary.sizes().to_numpy()[symbols], dtype=np.int64)
    last = np.searchsorted(ends_of_ids, ends)
    return symbols, np.diff(last, prepend=-1).astype(np.uint32)


def _checked_characters(initial_alphabet: Iterable[str | bytes]) -> list[bytes]:
    """Return each character as UTF-8. Raises TrainingError for an item that is not one character."""
    characters = []
    for character in initial_alphabet:
        if not isinstance(character, (str, bytes)):
            kind = type(character).__name__
            raise TypeError(f"initial_alphabet must be of characters, str or bytes, not of {kind}")
        content = to_utf8(character)
        if len(content.decode(errors="replace")) != 1:
            raise TrainingError(f"initial_alphabet has {character!r}, which is not one character")
        characters.append(content)
    return characters


def _forced_merges(
    characters: list[bytes], id_of_byte: list[int], tokens: list[bytes]
) -> tuple[list[list[int]], list[bytes]]:
    """Return ([left, right, token] of merges that make each character a token, the tokens that these merges make)."""
    rows: list[list[int]] = []
    made: dict[bytes, int] = {}
    for character in characters:
        left = id_of_byte[character[0]]
        for size in range(2, len(character) + 1):
            content = character[:size]
            if content not in made:
                made[content] = len(tokens) + len(made)
                rows.append([left, id_of_byte[character[size - 1]], made[content]])
            left = made[content]
    return rows, list(made)


def _learn(
    trainer: Trainer,
    vocab_size: int,
    progress: ProgressCallback,
    limits: TrainingLimits,
    small_corpus: str,
    n_special: int = 0,
) -> None:
    """Learn merges until the vocabulary has `vocab_size` tokens or no pair is left.

    n_special: the number of special tokens that get the last ids; the warning about a small corpus counts them too.
    Raises TrainingError for a small corpus if `small_corpus` is "error".
    """
    wanted = vocab_size - len(trainer.tokens)
    learned, interrupted = learn(trainer, wanted, progress, limits.keep_on_interrupt)
    if not trainer.is_full and not interrupted:
        least = limits.min_frequency
        reason = "no two tokens are left to merge" if least == 1 else f"no pair occurs {least} times"
        n_tokens = len(trainer.tokens) + n_special
        what = f"the corpus is too small for vocab_size {vocab_size:,}: after {learned:,} merges {reason}"
        if small_corpus == "error":
            raise TrainingError(what)
        warnings.warn(f"{what}; the vocabulary has {n_tokens:,} tokens", stacklevel=4)


def _rows_of(trainer: Trainer) -> list[list[int]]:
    """Return [left, right, token] of each learned merge, in order."""
    rows: Any = memoryview(Rows(trainer.merges, 3)).tolist()
    return rows  # type: ignore[no-any-return]


def _last_of_each(rows: list[list[int]]) -> list[list[int]]:
    """Return the rows without those whose pair occurs again later."""
    last = {(left, right): number for number, (left, right, _) in enumerate(rows)}
    return [row for number, row in enumerate(rows) if last[row[0], row[1]] == number]


def _first_of_each(rows: list[list[int]]) -> list[list[int]]:
    """Return the rows without those whose pair occurred before."""
    first: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        first.setdefault((row[0], row[1]), row)
    return list(first.values())


def _definition(
    rules: Convention, tokens: list[bytes], rows: list[list[int]], pattern: str, special_tokens: dict[str, int]
) -> Definition:
    vocabulary = make_vocabulary(tokens)
    return Definition(
        ByteRanks(vocabulary) if rules.rule == "ranks" else ByteMerges(vocabulary, _as_rows(rows)),
        pattern=pattern,
        special_tokens=special_tokens,
    )


def _as_rows(rows: list[list[int]]) -> memoryview:
    """Return rows as a memoryview, uint32[n, 3]."""
    return memoryview(Rows(array("I", chain.from_iterable(rows)), 3))
