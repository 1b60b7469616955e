"""How trainers differ that otherwise all do the same: the first ids, the order of ties, and what ends training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pybpe.errors import TrainingError
from pybpe.formats.byte_level import to_bytes, to_chars

if TYPE_CHECKING:
    from pybpe._core.trainer import Order, Twins

# The 256 bytes in the order of the characters that GPT-2 writes them as.
PRINTED_ORDER = bytes(sorted(range(256), key=lambda byte: to_chars(bytes([byte]))))


@dataclass(frozen=True)
class Convention:
    """One trainer's way.

    alphabet: the 256 bytes in the order of their ids.
    specials_first: whether the special tokens have the first ids, and count among those asked for, or the last.
    order, twins: see Trainer.
    rule: how the vocabulary is to be read; see Definition.
    shorter_by: how much shorter than max_token_length a token must be.
    protects: whether special tokens in the text are left out of it where nothing else is said.
    small_corpus: what comes of a corpus with fewer merges than were asked for.
    """

    name: str
    alphabet: bytes = bytes(range(256))
    specials_first: bool = False
    order: Order = "ids"
    twins: Twins = "separate"
    rule: Literal["merges", "ranks"] = "merges"
    shorter_by: int = 0
    protects: bool = False
    small_corpus: Literal["warning", "error"] = "warning"


CONVENTIONS = {
    convention.name: convention
    for convention in (
        Convention("pybpe", protects=True),
        Convention("rustbpe", protects=True),
        Convention("huggingface", PRINTED_ORDER, specials_first=True, twins="huggingface", shorter_by=1),
        Convention("minbpe", order="place", small_corpus="error"),
        Convention("tiktoken", order="place", twins="shared", rule="ranks", small_corpus="error"),
    )
}


SENTENCEPIECE = "sentencepiece"  # trains from characters: see pybpe.sentence_training


def convention_of(name: str) -> Convention:
    """The convention of this name. Raises TrainingError if there is none."""
    if name not in CONVENTIONS:
        raise TrainingError(f"there is no convention {name!r}; there are {', '.join([*CONVENTIONS, SENTENCEPIECE])}")
    return CONVENTIONS[name]


def spelled_bytes(name: str) -> bytes:
    """The bytes whose printed characters are the name of a special token, so that merges could make it; else none."""
    content = to_bytes(name)
    return content if content == name.encode() else b""
