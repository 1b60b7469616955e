"""What the GPT asks of a vocabulary, and its file beside a model: a Tokenizer, or Characters.

tokenizer.pybpe    a Tokenizer
characters.json    Characters
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from pybpe.errors import FormatError, TokenIdError
from pybpe.gpt.characters import Characters
from pybpe.tokenizer import Tokenizer

COUNTED = 1 << 20  # ids at once
TOKENIZER, CHARACTERS = "tokenizer.pybpe", "characters.json"


class Stream(Protocol):
    """Ids to text one at a time, never half a character."""

    def feed(self, token: int, /) -> str:
        """The text that an id completes."""

    def finish(self) -> str:
        """What is left over."""


class Vocabulary(Protocol):
    """A Tokenizer or Characters."""

    @property
    def n_vocab(self) -> int:
        """How many ids there are."""

    @property
    def eot_token(self) -> int:
        """The id that stands between documents. TokenIdError if there is none."""

    @property
    def special_tokens(self) -> dict[str, int]:
        """Ids that stand for no text."""

    @property
    def fingerprint(self) -> str:
        """Equal for equal vocabularies only."""

    def encode_ordinary(self, text: str, /) -> list[int]:
        """Text to ids."""

    def decode(self, ids: list[int], /) -> str:
        """Ids to text."""

    def decode_stream(self) -> Stream:
        """Ids to text one at a time."""

    def token_bytes(self, id_: int, /) -> bytes:
        """What one id stands for."""

    def save(self, path: Path, /) -> object:
        """Write its file."""


def save_vocabulary(vocabulary: Vocabulary, folder: Path) -> None:
    """Put the vocabulary's file into a folder."""
    vocabulary.save(folder / (CHARACTERS if isinstance(vocabulary, Characters) else TOKENIZER))


def load_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary of a folder. FormatError if it is damaged, FileNotFoundError if there is none."""
    if (folder / CHARACTERS).exists():
        return Characters.load(folder / CHARACTERS)
    if not (folder / TOKENIZER).exists():
        raise FileNotFoundError(f"{folder} holds no {TOKENIZER} and no {CHARACTERS}: it is not the folder of a model")
    return Tokenizer.load(folder / TOKENIZER)


def check_same(vocabulary: Vocabulary, fingerprint: str | None, n_vocab: int, what: str) -> None:
    """FormatError unless `what`, a model of n_vocab ids made with the vocabulary `fingerprint`, goes with this one."""
    if fingerprint != vocabulary.fingerprint or n_vocab != vocabulary.n_vocab:
        raise FormatError(
            f"{what} was made with another vocabulary ({str(fingerprint)[:12]} of {n_vocab:,} ids, not "
            f"{vocabulary.fingerprint[:12]} of {vocabulary.n_vocab:,}): put the files of one run together"
        )


def encode_text(vocabulary: Vocabulary, text: str, *, special: bool = False) -> list[int]:
    """Encode text to ids. special: special tokens in the text become their ids; otherwise they are ordinary text."""
    if not special:
        return vocabulary.encode_ordinary(text)
    if isinstance(vocabulary, Characters):
        return vocabulary.encode_special(text)
    return cast(Tokenizer, vocabulary).encode(text, allowed_special="all")


def end_of_text(vocabulary: Vocabulary) -> int | None:
    """The id that stands between documents, or None."""
    try:
        return vocabulary.eot_token
    except TokenIdError:
        return None


def id_counts(ids: npt.NDArray[Any], n_vocab: int) -> npt.NDArray[np.int64]:
    """How often each id occurs, read a part at a time. ValueError for one that is not there."""
    counts = np.zeros(n_vocab, np.int64)
    for at in range(0, len(ids), COUNTED):
        part = np.bincount(ids[at : at + COUNTED], minlength=n_vocab)
        if len(part) > n_vocab:
            raise ValueError(f"id {len(part) - 1} is not one of 0..{n_vocab - 1}")
        counts += part
    return counts


def bytes_per_token(vocabulary: Vocabulary, ids: npt.NDArray[Any]) -> float:
    """How many bytes of text an id stands for in the mean; special tokens stand for none. 0 for no ids."""
    counts = id_counts(ids, vocabulary.n_vocab)
    special = set(vocabulary.special_tokens.values())
    used = [int(id_) for id_ in np.flatnonzero(counts) if int(id_) not in special]
    return sum(len(vocabulary.token_bytes(id_)) * int(counts[id_]) for id_ in used) / max(1, len(ids))


def bits_per_byte(nats_per_token: float, bytes_a_token: float) -> float:
    """A loss in a unit that does not depend on the vocabulary; nan where there are no bytes."""
    return nats_per_token / math.log(2) / bytes_a_token if bytes_a_token else math.nan
