"""The vocabulary of a GPT: a Tokenizer, saved as tokenizer.pybpe, or Characters, saved as characters.json."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from pybpe.errors import FormatError, TokenIdError
from pybpe.gpt.characters import Characters
from pybpe.tokenizer import Tokenizer

COUNTED = 1 << 20  # ids that are counted at a time
TOKENIZER, CHARACTERS = "tokenizer.pybpe", "characters.json"


class Stream(Protocol):
    """A stream that decodes ids one at a time to whole characters."""

    def feed(self, token: int, /) -> str:
        """Return the text that an id completes, "" if it ends inside a character."""

    def finish(self) -> str:
        """Return the text of an incomplete character at the end, "" if there is none."""


class Vocabulary(Protocol):
    """The methods that the GPT uses of a Tokenizer or of Characters."""

    @property
    def n_vocab(self) -> int:
        """The number of ids."""

    @property
    def eot_token(self) -> int:
        """The id of the end-of-text token. TokenIdError if there is none."""

    @property
    def special_tokens(self) -> dict[str, int]:
        """The special tokens, {name: id}."""

    @property
    def fingerprint(self) -> str:
        """A hash in hexadecimal, equal for equal vocabularies."""

    def encode_ordinary(self, text: str, /) -> list[int]:
        """Encode text to ids; special tokens in it are ordinary text."""

    def decode(self, ids: list[int], /) -> str:
        """Decode ids to text."""

    def decode_stream(self) -> Stream:
        """Return a stream that decodes ids one at a time."""

    def token_bytes(self, id_: int, /) -> bytes:
        """Return the bytes of a token."""

    def save(self, path: Path, /) -> object:
        """Write the vocabulary to a file."""


def save_vocabulary(vocabulary: Vocabulary, folder: Path) -> None:
    """Write the vocabulary to its file in a folder."""
    vocabulary.save(folder / (CHARACTERS if isinstance(vocabulary, Characters) else TOKENIZER))


def load_vocabulary(folder: Path) -> Vocabulary:
    """Read the vocabulary of a folder. FormatError if it is damaged, FileNotFoundError if there is none."""
    if (folder / CHARACTERS).exists():
        return Characters.load(folder / CHARACTERS)
    if not (folder / TOKENIZER).exists():
        raise FileNotFoundError(f"{folder} holds no {TOKENIZER} and no {CHARACTERS}: it is not the folder of a model")
    return Tokenizer.load(folder / TOKENIZER)


def check_same(vocabulary: Vocabulary, fingerprint: str | None, n_vocab: int, what: str) -> None:
    """Raise FormatError unless a model was made with this vocabulary.

    fingerprint, n_vocab: those of the model's vocabulary. what: the name of the model in the message.
    """
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
    """Return the id of the end-of-text token, which separates documents; None if there is none."""
    try:
        return vocabulary.eot_token
    except TokenIdError:
        return None


def id_counts(ids: npt.NDArray[Any], n_vocab: int) -> npt.NDArray[np.int64]:
    """Return how often each id occurs, int64[n_vocab]. ValueError if an id is not in 0..n_vocab - 1."""
    counts = np.zeros(n_vocab, np.int64)
    for at in range(0, len(ids), COUNTED):
        part = np.bincount(ids[at : at + COUNTED], minlength=n_vocab)
        if len(part) > n_vocab:
            raise ValueError(f"id {len(part) - 1} is not one of 0..{n_vocab - 1}")
        counts += part
    return counts


def bytes_per_token(vocabulary: Vocabulary, ids: npt.NDArray[Any]) -> float:
    """Return the mean number of bytes per id; special tokens count as 0 bytes. 0.0 if there are no ids."""
    counts = id_counts(ids, vocabulary.n_vocab)
    special = set(vocabulary.special_tokens.values())
    used = [int(id_) for id_ in np.flatnonzero(counts) if int(id_) not in special]
    return sum(len(vocabulary.token_bytes(id_)) * int(counts[id_]) for id_ in used) / max(1, len(ids))


def bits_per_byte(nats_per_token: float, bytes_a_token: float) -> float:
    """Convert a loss from nats per token to bits per byte, which compares vocabularies; nan if there are no bytes."""
    return nats_per_token / math.log(2) / bytes_a_token if bytes_a_token else math.nan
