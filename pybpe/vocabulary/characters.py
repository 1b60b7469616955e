"""Vocabularies of characters (sentencepiece, Llama 2, Gemma) and their symbols.

In a sentencepiece model, any two neighbours whose joined characters are a token merge, highest score first. Hugging
Face's files of such models list the merges. Here, the first merges build each character of the tokens from its bytes;
the merges of the tokens follow, in the order of their scores or of the list. Parts of characters, and characters
without a token, are symbols too. They become the byte tokens of their bytes, or the unknown token if the vocabulary has
no byte tokens.
"""

from __future__ import annotations

import base64
import sys
from array import array
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from pybpe._core.emission import Emission
from pybpe._core.ids import IdBuffer
from pybpe._core.merge import MergeTable
from pybpe._core.ranks import scored_merges
from pybpe._core.vocab import Vocabulary
from pybpe.errors import FormatError
from pybpe.vocabulary.symbols import Symbols, merges_of_symbols

MAX_TOKEN = 4096  # maximum size of a token, in bytes
BYTE_NAMES = {f"<0x{byte:02X}>": byte for byte in range(256)}  # the names of tokens of one byte in files
Leading = Literal["", "none", "space", "token"]


@dataclass(frozen=True)
class CharacterVocabulary:
    """The data of a vocabulary of characters besides its tokens.

    scores: the score of each token, float32[n]; empty if merges are listed. Only scores of ordinary tokens are used.
    unknown: the id of the unknown token, -1 for none.
    unknown_text: the text that the unknown token decodes to.
    byte_ids: the ids of the 256 byte tokens, which characters without a token become; -1 for a byte that is a character
        with a token. Empty if characters without a token become the unknown token.
    leading: the spaces that decoding leaves out at the beginning of a text. "": as sentencepiece does. "none": none.
        "space": one. "token": all of the first token. The last three are those of Hugging Face's decoders.
    """

    scores: array[float]
    unknown: int
    unknown_text: str = " \u2047 "
    byte_ids: tuple[int, ...] = ()
    leading: Leading = ""

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON data."""
        scores = array("f", self.scores)
        if sys.byteorder == "big":
            scores.byteswap()
        content = {
            "scores": base64.b64encode(scores.tobytes()).decode(),
            "unknown": self.unknown,
            "unknown_text": self.unknown_text,
            "byte_ids": list(self.byte_ids),
        }
        return {**content, "leading": self.leading} if self.leading else content

    @classmethod
    def from_json(cls, content: Any) -> CharacterVocabulary:
        """Return the object from JSON data that `to_json` made. Raises FormatError for other data."""
        scores = array("f")
        try:
            scores.frombytes(base64.b64decode(content["scores"], validate=True))
            unknown, text, byte_ids = content["unknown"], content["unknown_text"], content["byte_ids"]
            leading = content.get("leading", "")
        except (AttributeError, KeyError, TypeError, ValueError):
            raise FormatError("the data of the scores of tokens is incomplete or not valid") from None
        if sys.byteorder == "big":
            scores.byteswap()
        if (
            type(unknown) is not int
            or type(text) is not str
            or any("\ud800" <= char <= "\udfff" for char in text)
            or type(byte_ids) is not list
            or any(type(token) is not int for token in byte_ids)
            or leading not in ("", "none", "space", "token")
        ):
            raise FormatError("the data of the scores of tokens has a field of the wrong type")
        return cls(scores, unknown, text, tuple(byte_ids), leading)


def make_symbols(tokens: list[bytes], scores: CharacterVocabulary, merges: memoryview | None = None) -> Symbols:
    """Return the symbols and merges of a vocabulary of characters.

    tokens: the tokens by id, b"" for those that no text is merged to. merges: uint32[n, 3], rows (left, right, token);
    None if the tokens merge by their scores. Raises FormatError for a vocabulary or a merge that is not valid.
    """
    ordinary = _ordinary(tokens, scores)
    numbers = {bytes([byte]): byte for byte in range(256)}  # {bytes: number of the symbol}, the 256 bytes first
    # Merges that build each character from its bytes, one byte at a time.
    building: list[tuple[int, int, int]] = []
    for char in sorted(char for char in set(b"".join(ordinary).decode()) if char > "\x7f"):
        content = char.encode()
        for size in range(2, len(content) + 1):
            if numbers.setdefault(content[:size], len(numbers)) == 256 + len(building):
                building.append((numbers[content[: size - 1]], content[size - 1], 256 + len(building)))
    # The ids of each symbol so far: its token, or the tokens of its bytes, or the unknown token.
    ends, ids = array("I"), array("I")
    for content in numbers:
        if content in ordinary:
            ids.append(ordinary[content])
        else:
            ids.extend([scores.byte_ids[byte] for byte in content] if scores.byte_ids else [scores.unknown])
        ends.append(len(ids))
    named = [ordinary.get(content, -1) for content in numbers]
    # Tokens of several characters are the symbols that follow.
    merged = [token for token in ordinary if token not in numbers]
    numbers.update(zip(merged, range(len(numbers), len(numbers) + len(merged)), strict=True))
    merged_ids = [ordinary[token] for token in merged]
    ends.extend(range(len(ids) + 1, len(ids) + 1 + len(merged)))
    ids.extend(merged_ids)
    named += merged_ids
    vocabulary = Vocabulary(b"".join(numbers), array("I", map(len, numbers)))
    if merges is None:
        table, rows = _by_score(vocabulary, scores, merged_ids, len(building))
    else:
        symbol_of = {token: number for number, token in enumerate(named) if token >= 0}
        table, rows = merges_of_symbols(vocabulary, building, merges, symbol_of)
    return Symbols(vocabulary, table, rows, Emission(vocabulary, ends, ids), named)


def _by_score(
    vocabulary: Vocabulary, scores: CharacterVocabulary, merged: list[int], n_built: int
) -> tuple[MergeTable, IdBuffer | array[int]]:
    """Return the table and rows of the merges by score, after the `n_built` merges that build characters.

    merged: the ids of the tokens of several characters.
    """
    steps = sorted({scores.scores[token] for token in merged}, reverse=True)
    rank_of = {score: rank for rank, score in enumerate(steps, n_built)}
    ranks = array("I", [0xFFFFFFFF] * 256)
    ranks.extend(range(n_built))
    ranks.extend([rank_of[scores.scores[token]] for token in merged])
    return scored_merges(vocabulary, ranks, len(steps) < len(merged))


def _are_bytes(tokens: list[bytes], byte_ids: tuple[int, ...]) -> bool:
    """Return True if `byte_ids` has a token for every byte; for an ASCII byte this may be its character."""
    known = set(tokens)
    return len(byte_ids) == 256 and all(
        (byte < 0x80 and bytes([byte]) in known)
        if token == -1
        else token >= 0 and tokens[token : token + 1] == [bytes([byte])]
        for byte, token in enumerate(byte_ids)
    )


def _ordinary(tokens: list[bytes], scores: CharacterVocabulary) -> dict[bytes, int]:
    """Return {bytes: id} of the tokens that text is merged to. Raises FormatError if the vocabulary is not valid."""
    if scores.scores and len(scores.scores) != len(tokens):
        raise FormatError(f"there are {len(tokens)} tokens and {len(scores.scores)} scores")
    needed = bool(scores.scores) or not scores.byte_ids
    if (scores.unknown != -1 or needed) and (not 0 <= scores.unknown < len(tokens) or tokens[scores.unknown]):
        raise FormatError(f"the unknown token has id {scores.unknown}, which is not an id or is another token")
    bytes_at = set(scores.byte_ids)
    if bytes_at and not _are_bytes(tokens, scores.byte_ids):
        raise FormatError("the ids of the 256 bytes are not those of tokens of one byte")
    ordinary: dict[bytes, int] = {}
    for number, token in enumerate(tokens):
        if not token or number in bytes_at:
            continue
        if len(token) > MAX_TOKEN:
            raise FormatError(f"the token with id {number} has {len(token):,} bytes; {MAX_TOKEN:,} are allowed")
        if scores.scores and not isfinite(scores.scores[number]):
            raise FormatError(f"the token with id {number} has the score {scores.scores[number]}")
        if token in ordinary:
            raise FormatError(f"the tokens with ids {ordinary[token]} and {number} are the same: {token[:40]!r}")
        ordinary[token] = number
    try:
        b"\0".join(ordinary).decode()
    except UnicodeDecodeError:
        raise FormatError("a token is not made of whole characters") from None
    return ordinary
