"""Training as sentencepiece 0.2.3 does it, of BPE type: characters first, of equal counts the shortest, then by bytes.

The settings are sentencepiece's own, but for the normalizer (identity), byte_fallback (on), character_coverage (1.0):
words are cut before each space, a piece holds at most 16 characters and one script, and spaces at the ends of a line or
in a row count once. It learns from lines, which end with LF or CR LF as for its sentence_iterator; those beyond 4,192
bytes are left out, and so are those with the character U+2585, which it keeps for itself.

Where all that is left to merge occurs nowhere any more, sentencepiece goes on with that; here it is an error.
"""

from __future__ import annotations

import operator
import re
from array import array
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from pybpe._core.trainer import Trainer
from pybpe.corpus import open_source
from pybpe.definition import MAX_ID, Definition, make_vocabulary, number_special_tokens
from pybpe.errors import TrainingError
from pybpe.formats.sentencepiece import pattern_of
from pybpe.progress import Report, reporting
from pybpe.reading import Reading
from pybpe.scored import Scores
from pybpe.script_table import INHERITED, script_of
from pybpe.sentence import SPACE, Sentence
from pybpe.word_counts import Source, WordCounts

if TYPE_CHECKING:
    import numpy.typing as npt

MAX_LINE = 4192  # bytes
NAMES = ("<unk>", "<s>", "</s>")  # the first ids
_RESERVED = "\u2585"
_BORDER = "\x1f"  # stands for what no piece may hold
_NEVER = 0xFFFF
_MERGES_A_STEP = 64


def train_sentences(
    source: Source,
    *,
    vocab_size: int,
    special_tokens: Iterable[str],
    progress: bool | Report,
    text_field: str,
) -> Definition:
    """Learn a vocabulary of characters; see Tokenizer.train."""
    if isinstance(source, WordCounts):
        raise TrainingError("the convention sentencepiece learns from lines; give it the text, not WordCounts")
    vocab_size = operator.index(vocab_size)
    special = number_special_tokens([*NAMES, *special_tokens], 0)
    for name in special:
        if len(name) == 1 or " " in name or SPACE in name:
            raise TrainingError(
                f"the special token {name!r} is one character or holds a space, which this convention cannot"
            )
    names = [*special, *(f"<0x{byte:02X}>" for byte in range(256))]
    if len(set(names)) < len(names):
        raise TrainingError("a special token has the name of a byte, such as <0x41>")
    with reporting(progress) as report:
        words = _count_words(source, names, text_field, report)
        if not words:
            raise TrainingError("the corpus is empty: there is nothing to learn from")
        chars: Counter[str] = Counter()
        for word, count in words.items():
            for char in word:
                chars[char] += count
        chars.pop(_BORDER, None)
        chars.pop("\0", None)
        alphabet = sorted(chars, key=lambda char: (-chars[char], char))
        least = len(names) + len(alphabet)
        if not least <= vocab_size <= MAX_ID + 1:
            raise TrainingError(
                f"vocab_size is {vocab_size}, must be {least:,} to {MAX_ID + 1:,}: special tokens, bytes and all "
                "characters of the corpus are tokens"
            )
        pieces = _learn(words, alphabet, vocab_size - least, report)
    tokens = [
        *(b"" for _ in special),
        *(bytes([byte]) for byte in range(256)),
        *pieces,
        *(char.encode() for char in alphabet),
    ]
    tokens = [token.replace(SPACE.encode(), b" ") for token in tokens]
    first = len(names)
    scores = [0.0] * first + [-float(number) for number in range(len(tokens) - first)]
    return Definition(
        rule="scores",
        vocabulary=make_vocabulary(tokens),
        merges=memoryview(array("I")),
        pattern=pattern_of(tokens[first:]),
        special_tokens=special,
        reading=Reading(sentence=Sentence()),
        scores=Scores(array("f", scores), 0, byte_ids=tuple(range(len(special), first))),
    )


def _count_words(source: Source, names: list[str], text_field: str, report: Report) -> Counter[str]:
    """How often each word occurs, with U+2581 before it."""
    batches, n_bytes, _ = open_source(source, _after_last_line, text_field)  # type: ignore[arg-type]
    meta = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))
    common = "<" if all("<" in name for name in names) else ""  # what every name holds
    sentence = Sentence()
    words: Counter[str] = Counter()
    done = 0
    for batch in batches:
        for text in batch:
            done += len(text)
            for line in text.split(b"\n"):
                line = line.rstrip(b"\r")
                if len(line) > MAX_LINE:
                    continue
                read = line.decode("utf-8", "surrogateescape")
                if _RESERVED in read:
                    continue
                read = sentence.read(read, None)
                if common in read:
                    read = meta.sub(_BORDER, read)
                words.update(read.split(" ")[1:])
        report("counting", done, n_bytes)
    return Counter({SPACE + word: count for word, count in words.items()})


def _after_last_line(text: bytes) -> int:
    return text.rfind(b"\n") + 1


def _learn(words: Counter[str], alphabet: list[str], wanted: int, report: Report) -> list[bytes]:
    """The pieces of several characters, as UTF-8 with U+2581, in the order in which they were learned."""
    number = {char: place for place, char in enumerate(alphabet)}
    border = len(alphabet)
    points = np.frombuffer("".join(words).encode("utf-32-le"), dtype="<u4")
    different, places = np.unique(points, return_inverse=True)
    symbols = np.array([number.get(chr(point), border) for point in different.tolist()], dtype=np.uint32)[places]
    trainer = Trainer(
        symbols,
        np.fromiter(map(len, words), dtype=np.uint32, count=len(words)),
        np.fromiter(words.values(), dtype=np.int64, count=len(words)),
        [*(char.encode() for char in alphabet), _BORDER.encode()],
        border + 1 + wanted,
        order="spelling",
        scripts=_scripts(alphabet),
    )
    learned = 0
    while not trainer.is_full and (step := trainer.learn(_MERGES_A_STEP)):
        learned += step
        report("merging", min(learned, wanted), wanted)
    if not trainer.is_full:
        raise TrainingError(
            f"the corpus is too small for so many tokens: after {learned:,} merges no two are left to merge, and "
            f"sentencepiece goes on with pieces that occur nowhere; set vocab_size {wanted - learned:,} lower"
        )
    return trainer.tokens.to_list()[border + 1 :]


def _scripts(alphabet: list[str]) -> npt.NDArray[np.uint16]:
    """Numbers for the scripts of characters, 0 for any, and of the border."""
    numbers = {INHERITED: 0}
    found = [0 if char == SPACE else numbers.setdefault(script_of(char), len(numbers)) for char in alphabet]
    return np.array([*found, _NEVER], dtype=np.uint16)
