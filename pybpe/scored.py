"""Vocabularies of characters whose tokens have scores, as sentencepiece has them, made ready for merging bytes.

There the first symbols of a text are its characters, and of two neighbours whose characters joined are a token those
with the highest score merge first. Here all merging starts from bytes. So each character that some token holds is built
from its bytes first, by merges that go before all others; tokens follow in the order of their scores. Parts of
characters, and characters that are no token, are symbols of their own, and are written as bytes in the end, or as the
unknown token where the vocabulary has no tokens for bytes.
"""

from __future__ import annotations

import base64
import sys
from array import array
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

from pybpe._core.emission import Emission
from pybpe._core.ids import IdBuffer
from pybpe._core.merge import MergeTable
from pybpe._core.ranks import scored_merges
from pybpe._core.vocab import Vocabulary
from pybpe.errors import FormatError

MAX_TOKEN = 4096  # bytes
_BYTES = [bytes([byte]) for byte in range(256)]


@dataclass(frozen=True)
class Scores:
    """What a vocabulary of characters has beside its tokens.

    scores: float32, one for each id, of which only those of ordinary tokens bear on anything.
    unknown: the id of what no other token is for.
    unknown_text: what that is decoded to.
    byte_ids: the ids of the 256 bytes, which characters without a token are written as; none for the unknown token.
    """

    scores: array[float]
    unknown: int
    unknown_text: str = " \u2047 "
    byte_ids: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As data for JSON."""
        scores = array("f", self.scores)
        if sys.byteorder == "big":
            scores.byteswap()
        return {
            "scores": base64.b64encode(scores.tobytes()).decode(),
            "unknown": self.unknown,
            "unknown_text": self.unknown_text,
            "byte_ids": list(self.byte_ids),
        }

    @classmethod
    def from_json(cls, content: Any) -> Scores:
        """What `to_json` made. Raises FormatError for anything else."""
        scores = array("f")
        try:
            scores.frombytes(base64.b64decode(content["scores"], validate=True))
            unknown, text, byte_ids = content["unknown"], content["unknown_text"], content["byte_ids"]
        except (AttributeError, KeyError, TypeError, ValueError):
            raise FormatError("what is said of the scores of tokens is not understood") from None
        if sys.byteorder == "big":
            scores.byteswap()
        if (
            type(unknown) is not int
            or type(text) is not str
            or any("\ud800" <= char <= "\udfff" for char in text)
            or type(byte_ids) is not list
            or any(type(token) is not int for token in byte_ids)
        ):
            raise FormatError("what is said of the scores of tokens has a field of the wrong type")
        return cls(scores, unknown, text, tuple(byte_ids))


class Symbols(NamedTuple):
    """What is merged, in what order, and what it is written as; `rows` are the merges, by symbols."""

    vocabulary: Vocabulary
    table: MergeTable
    rows: IdBuffer
    emission: Emission
    tokens: list[int]  # of each symbol the ordinary token that it is, -1 for none


def make_symbols(tokens: list[bytes], scores: Scores) -> Symbols:
    """The symbols of a vocabulary, given by id; empty for what no text is merged to.

    Raises FormatError for what cannot be a vocabulary of characters.
    """
    ordinary = _ordinary(tokens, scores)
    numbers = {bytes([byte]): byte for byte in range(256)}
    ranks = array("I", [0xFFFFFFFF] * 256)
    for char in sorted({char for token in ordinary if not token.isascii() for char in token.decode()}):
        content = char.encode()
        for size in range(2, len(content) + 1):
            if numbers.setdefault(content[:size], len(numbers)) == len(ranks):
                ranks.append(len(ranks) - 256)
    first = len(ranks) - 256
    merged = [token for token in ordinary if token not in numbers]
    steps = sorted({scores.scores[ordinary[token]] for token in merged}, reverse=True)
    rank_of = {score: rank for rank, score in enumerate(steps, first)}
    ranks.extend([rank_of[scores.scores[ordinary[token]]] for token in merged])
    for token in merged:
        numbers[token] = len(numbers)
    ends, ids = array("I"), array("I")
    for content in numbers:
        if content in ordinary:
            ids.append(ordinary[content])
        else:
            ids.extend([scores.byte_ids[byte] for byte in content] if scores.byte_ids else [scores.unknown])
        ends.append(len(ids))
    vocabulary = Vocabulary(b"".join(numbers), array("I", map(len, numbers)))
    table, rows = scored_merges(vocabulary, ranks, len(steps) < len(merged))
    return Symbols(
        vocabulary, table, rows, Emission(vocabulary, ends, ids), [ordinary.get(content, -1) for content in numbers]
    )


def _ordinary(tokens: list[bytes], scores: Scores) -> dict[bytes, int]:
    """{bytes: id} of the tokens that text is merged to, checked."""
    if len(scores.scores) != len(tokens):
        raise FormatError(f"there are {len(tokens)} tokens and {len(scores.scores)} scores")
    if not 0 <= scores.unknown < len(tokens) or tokens[scores.unknown]:
        raise FormatError(f"the unknown token has id {scores.unknown}, which is none or another token")
    bytes_at = set(scores.byte_ids)
    if bytes_at and [tokens[token] for token in scores.byte_ids if 0 <= token < len(tokens)] != _BYTES:
        raise FormatError("the ids of the 256 bytes are not those of tokens of one byte")
    ordinary: dict[bytes, int] = {}
    for number, token in enumerate(tokens):
        if not token or number in bytes_at:
            continue
        if len(token) > MAX_TOKEN:
            raise FormatError(f"the token with id {number} has {len(token):,} bytes; {MAX_TOKEN:,} are allowed")
        if not isfinite(scores.scores[number]):
            raise FormatError(f"the token with id {number} has the score {scores.scores[number]}")
        if token in ordinary:
            raise FormatError(f"the tokens with ids {ordinary[token]} and {number} are the same: {token[:40]!r}")
        ordinary[token] = number
    try:
        b"\0".join(ordinary).decode()
    except UnicodeDecodeError:
        raise FormatError("a token is not made of whole characters") from None
    return ordinary
