"""The words that sentencepiece trains on: those of normalized lines, each after a space."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pybpe._core.lines import spaced_words
from pybpe._core.unicode import is_utf8
from pybpe.definition import number_special_tokens
from pybpe.encode.segmenter import Cut
from pybpe.encode.segments import Names
from pybpe.errors import TrainingError
from pybpe.normalization.sentencepiece import SPACE, SentencePieceNormalizer
from pybpe.normalization.stages import apply_stages
from pybpe.training.sentencepiece.charsmap_rules import RULES, charsmap_of
from pybpe.vocabulary.characters import BYTE_NAMES

WORDS = " [^ ]*"  # the split pattern
BORDER = b"\x1f"  # replaces a special token in a word: no piece reaches across it
LINE_END = b"\r\n"  # bytes that sentencepiece removes from the end of a text of an iterator, but not from files
FIRST_NAMES = ("<unk>", "<s>", "</s>")  # the first special tokens of every vocabulary

_MAX_LINE = 4192  # bytes; sentencepiece skips longer lines
_RESERVED = "\u2585".encode()  # sentencepiece skips lines that hold it
_NO_LIMIT = 2**63 - 1


def normalizer_of(normalizer: str | None) -> SentencePieceNormalizer:
    """Return the SentencePieceNormalizer of a name, identity for None. Raises TrainingError for an unknown name."""
    if normalizer in (None, "identity"):
        return SentencePieceNormalizer()
    for rule in RULES:
        if rule == normalizer:
            return SentencePieceNormalizer(charsmap=charsmap_of(rule))
    known = ", ".join(("identity", *RULES))
    raise TrainingError(f"the convention sentencepiece has no normalizer {normalizer!r}; it knows {known}")


def names_of(special_tokens: Iterable[str]) -> list[str]:
    """Return the names of all special tokens in the order of their ids. Raises TrainingError for a name not allowed."""
    names = list(number_special_tokens([*FIRST_NAMES, *special_tokens], 0))
    for name in names:
        if len(name) == 1 or " " in name or SPACE in name:
            raise TrainingError(
                f"the special token {name!r} is one character or holds a space, which this convention cannot"
            )
    if not set(names).isdisjoint(BYTE_NAMES):
        raise TrainingError("a special token has the name of a byte, such as <0x41>")
    return names


class SentencePieceWords:
    """A reader of training text with the methods of Segmenter. Immutable.

    names: special tokens, which no piece reaches across; the names of bytes, such as <0x41>, are added to them.
    """

    def __init__(self, spm: SentencePieceNormalizer, names: Iterable[str]) -> None:
        symbols = frozenset({*names, *BYTE_NAMES})
        longest_first = sorted(symbols, key=len, reverse=True)
        charsmap = spm.map_of(frozenset(), line_by_line=True)
        self._as_it_is = charsmap is None
        self._mapping = spm.mapping(charsmap)
        self._symbols = re.compile(b"|".join(re.escape(name.encode()) for name in longest_first))

    def split(self, text: bytes, allowed: Names = frozenset()) -> list[bytes]:
        """Return the normalized text as a list of one segment, to be split by WORDS; empty if nothing is left."""
        if self._as_it_is and is_utf8(text):
            words = spaced_words(text, _MAX_LINE)
        else:
            words = spaced_words(self._read(text), _NO_LIMIT)
        return [self._symbols.sub(BORDER, words)] if words else []

    def cut(self, cut: Cut | None) -> Cut | None:
        """Return the function that finds the last cut: the place after the last line end."""
        return _after_last_line

    def _read(self, text: bytes) -> bytes:
        """Return the lines that are trained on, normalized except for their spaces."""
        kept = b"\n".join(line for line in text.split(b"\n") if len(line) <= _MAX_LINE and _RESERVED not in line)
        return apply_stages(self._mapping, kept.decode("utf-8", "surrogateescape")).encode()


def _after_last_line(text: bytes) -> int:
    return text.rfind(b"\n") + 1
