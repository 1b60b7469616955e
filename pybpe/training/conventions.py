"""Conventions: the first ids, the order of ties and the end of training, as in other trainers."""

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
    """The rules by which one trainer assigns ids and breaks ties.

    alphabet: the 256 bytes in the order of their ids.
    specials_first: True if the special tokens have the first ids and count towards vocab_size; False if they have the
        last ids.
    order, twins: see Trainer.
    rule: the kind of vocabulary, "merges" (ByteMerges) or "ranks" (ByteRanks).
    shorter_by: bytes by which a token must be shorter than max_token_length.
    protects: the default of protect_special: True if special tokens are cut out of the text.
    small_corpus: "warning" or "error" for a corpus with fewer merges than vocab_size asks for.
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
    """Return the convention of this name. Raises TrainingError if there is none."""
    if name not in CONVENTIONS:
        known = [*CONVENTIONS, SENTENCEPIECE]
        guess = did_you_mean(name, known) if isinstance(name, str) else ""
        raise TrainingError(f"there is no convention {name!r}; there are {', '.join(known)}{guess}")
    return CONVENTIONS[name]


def first_tokens(rules: Convention, names: list[str]) -> tuple[list[bytes], list[int]]:
    """Return (the tokens that training starts with, by id; the id of each of the 256 bytes).

    names: the special tokens. If they come first, a name that is the printed form of some bytes is the token of these
    bytes too, as in Hugging Face's trainer: merges that make these bytes make this token. Raises SpecialTokenError for
    a name that is the printed form of a byte other than the character itself.
    """
    tokens = [to_bytes(name) or b"" for name in names] if rules.specials_first else []
    for name, content in zip(names, tokens, strict=False):
        if len(content) == 1 and content != name.encode():
            raise SpecialTokenError(f"special token {name!r} is how Hugging Face writes the byte 0x{content[0]:02x}")
    id_of_byte = [0] * 256
    for byte in rules.alphabet:
        content = bytes([byte])
        if content not in tokens[: len(names)]:
            tokens.append(content)
        id_of_byte[byte] = tokens.index(content)
    return tokens, id_of_byte
