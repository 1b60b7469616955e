"""Training of BPE models as sentencepiece 0.2.3 does it.

Symbols start as characters. Of pairs with equal counts, the one that makes the shortest piece is merged first, then the
first by its bytes. The settings are sentencepiece's defaults except byte_fallback (on), character_coverage (1.0) and
the normalizer (identity by default): words are split before each space, a piece has at most 16 characters of one
script, and spaces in a row or at the ends of a line count once. Lines are texts; see SentencePieceWords.

If no pair occurs any more, sentencepiece goes on with pieces that never occur; here that is a TrainingError.
"""

from __future__ import annotations

import operator
from array import array
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pybpe._core.trainer import Trainer
from pybpe.definition import MAX_ID, Definition, make_vocabulary
from pybpe.errors import TrainingError
from pybpe.formats.sentencepiece import pattern_of
from pybpe.normalization.preprocessing import Preprocessing
from pybpe.normalization.sentencepiece import SPACE
from pybpe.training.counts.word_counts import Words
from pybpe.training.loop import learn
from pybpe.training.sentencepiece.script_table import INHERITED, script_of
from pybpe.training.sentencepiece.words import BORDER, names_of, normalizer_of
from pybpe.training.source import TrainingSource
from pybpe.util.progress import ProgressCallback, reporting
from pybpe.vocabulary.characters import BYTE_NAMES, CharacterVocabulary
from pybpe.vocabulary.models import ScoredCharacters

if TYPE_CHECKING:
    import numpy.typing as npt

_NEVER = 0xFFFF


def train_sentencepiece(
    source: TrainingSource,
    *,
    vocab_size: int,
    special_tokens: Iterable[str],
    normalizer: str | None,
    progress: bool | ProgressCallback,
    keep_on_interrupt: bool,
) -> Definition:
    """Train a vocabulary of characters; Tokenizer.train documents the parameters."""
    vocab_size = operator.index(vocab_size)
    special = names_of(special_tokens)
    with reporting(progress) as callback:
        words, spm = source.words_of_lines(special, None if normalizer is None else normalizer_of(normalizer), callback)
        found = _characters_of(words)
        del words
        first = len(special) + len(BYTE_NAMES)
        least = first + len(found.alphabet)
        if not least <= vocab_size <= MAX_ID + 1:
            raise TrainingError(
                f"vocab_size is {vocab_size}, must be {least:,} to {MAX_ID + 1:,}: special tokens, bytes and all "
                "characters of the corpus are tokens"
            )
        pieces = _learn(found, vocab_size - least, callback, keep_on_interrupt)
    tokens = [
        *(b"" for _ in special),
        *(bytes([byte]) for byte in range(256)),
        *pieces,
        *(char.encode() for char in found.alphabet),
    ]
    scores = [0.0] * first + [-float(number) for number in range(len(tokens) - first)]
    return Definition(
        ScoredCharacters(
            make_vocabulary(tokens),
            CharacterVocabulary(array("f", scores), 0, byte_ids=tuple(range(len(special), first))),
        ),
        pattern=pattern_of(tokens[first:]),
        special_tokens={name: number for number, name in enumerate(special)},
        preprocessing=Preprocessing(sentencepiece=spm),
    )


class _Characters(NamedTuple):
    """Words as sequences of characters.

    alphabet: all characters, the most frequent first; a space is U+0020.
    symbols: the indexes of the words' characters in the alphabet, word after word; len(alphabet) for a character that
        no piece may hold.
    sizes: the number of characters of each word. counts: how often each word occurs.
    """

    alphabet: list[str]
    symbols: npt.NDArray[np.uint32]
    sizes: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.int64]


def _characters_of(words: Words) -> _Characters:
    try:
        text = words.blob.tobytes().decode()
    except UnicodeDecodeError:
        raise TrainingError("the words are not all UTF-8: they were not counted for this convention") from None
    points = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    is_there = np.zeros(0x110000, dtype=bool)
    is_there[points] = True
    different = np.flatnonzero(is_there)
    numbers = np.cumsum(is_there, dtype=np.int32)[points] - 1
    begins = np.concatenate(([0], np.cumsum((words.blob & 0xC0) != 0x80)))  # characters before each byte
    ends = begins[np.cumsum(words.sizes, dtype=np.int64)]
    sizes = np.diff(ends, prepend=0)
    occurrences = np.zeros(len(different), dtype=np.int64)
    np.add.at(occurrences, numbers, np.repeat(words.counts, sizes))
    chars = [chr(point) for point in different.tolist()]
    # A NUL is in no vocabulary, but pairs with it are counted.
    ordered = sorted(
        (number for number, char in enumerate(chars) if char not in (BORDER.decode(), "\0")),
        key=lambda number: (-occurrences[number], _shown(chars[number])),
    )
    place = np.full(len(different), len(ordered), dtype=np.uint32)
    place[ordered] = np.arange(len(ordered), dtype=np.uint32)
    return _Characters([chars[number] for number in ordered], place[numbers], sizes.astype(np.uint32), words.counts)


def _shown(char: str) -> str:
    """Return a character as sentencepiece's pieces hold it: U+2581 for a space."""
    return SPACE if char == " " else char


def _learn(found: _Characters, wanted: int, progress: ProgressCallback, keep_on_interrupt: bool) -> list[bytes]:
    """Return the pieces of several characters, as UTF-8, in the order in which they were learned."""
    border = len(found.alphabet)
    trainer = Trainer(
        found.symbols,
        found.sizes,
        found.counts,
        [*(_shown(char).encode() for char in found.alphabet), BORDER],
        border + 1 + wanted,
        order="spelling",
        scripts=_scripts(found.alphabet),
    )
    learned, interrupted = learn(trainer, wanted, progress, keep_on_interrupt)
    if not trainer.is_full and not interrupted:
        raise TrainingError(
            f"the corpus is too small for so many tokens: after {learned:,} merges no two are left to merge, and "
            f"sentencepiece goes on with pieces that occur nowhere; set vocab_size {wanted - learned:,} lower"
        )
    return [piece.replace(SPACE.encode(), b" ") for piece in trainer.tokens.to_list()[border + 1 :]]


def _scripts(alphabet: list[str]) -> npt.NDArray[np.uint16]:
    """Return uint16[len(alphabet) + 1]: the script of each character, 0 for any script, and _NEVER for the border."""
    numbers = {INHERITED: 0}
    found = [0 if char == " " else numbers.setdefault(script_of(char), len(numbers)) for char in alphabet]
    return np.array([*found, _NEVER], dtype=np.uint16)
