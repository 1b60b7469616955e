"""How trainers differ that otherwise all do the same: the first ids, the order of ties, and what ends training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pybpe.errors import SpecialTokenError, TrainingError
from pybpe.formats.helpers.byte_level import to_bytes, to_chars
from pybpe.util.suggestions import did_you_mean

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


SENTENCEPIECE = "sentencepiece"  # trains from characters: see pybpe.training.sentencepiece.train


def convention_of(name: str) -> Convention:
    """The convention of this name. Raises TrainingError if there is none."""
    if name not in CONVENTIONS:
        known = [*CONVENTIONS, SENTENCEPIECE]
        guess = did_you_mean(name, known) if isinstance(name, str) else ""
        raise TrainingError(f"there is no convention {name!r}; there are {', '.join(known)}{guess}")
    return CONVENTIONS[name]


def first_tokens(way: Convention, names: list[str]) -> tuple[list[bytes], list[int]]:
    """The tokens that training starts with, by id, and the id of each byte.

    With special tokens first, each of them stands for the bytes whose printed characters are its name, if there are
    such: merges that make these bytes make it, and one byte has no other token. Raises SpecialTokenError where the
    name would be that of another byte.
    """
    tokens = [to_bytes(name) or b"" for name in names] if way.specials_first else []
    for name, content in zip(names, tokens, strict=False):
        if len(content) == 1 and content != name.encode():
            raise SpecialTokenError(f"special token {name!r} is how Hugging Face writes the byte 0x{content[0]:02x}")
    id_of_byte = [0] * 256
    for byte in way.alphabet:
        content = bytes([byte])
        if content not in tokens[: len(names)]:
            tokens.append(content)
        id_of_byte[byte] = tokens.index(content)
    return tokens, id_of_byte
