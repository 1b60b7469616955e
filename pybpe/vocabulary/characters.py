"""Vocabularies of characters, whose first symbols are characters, made ready for merging bytes.

Of this kind are sentencepiece's models, where any two neighbours whose characters joined are a token merge, those with
the highest score first, and Hugging Face's files made of them, where merges are listed. Each character that some token
holds is built from its bytes first; tokens follow in the order of their scores, or of the list. Parts of characters,
and characters without a token, are symbols of their own, written as the tokens of their bytes, or as the unknown token
where the vocabulary has no tokens for bytes.
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
from pybpe.vocabulary.symbols import Symbols, by_list

MAX_TOKEN = 4096  # bytes
BYTE_NAMES = {f"<0x{byte:02X}>": byte for byte in range(256)}  # the names of tokens of one byte in files
Leading = Literal["", "none", "space", "token"]


@dataclass(frozen=True)
class CharacterVocabulary:
    """What a vocabulary of characters has beside its tokens.

    scores: float32, one for each id, of which only those of ordinary tokens bear on anything; none where merges are
        listed.
    unknown: the id of what no other token is for, -1 for none.
    unknown_text: what that is decoded to.
    byte_ids: the ids of the 256 bytes, which characters without a token are written as; none for the unknown token. -1
        for a byte that is a character with a token.
    leading: which spaces decoding leaves out at the beginning of a text: "" as sentencepiece does, "none", "space" for
        one, "token" for all of the first id. All but the first are Hugging Face's decoders.
    """

    scores: array[float]
    unknown: int
    unknown_text: str = " \u2047 "
    byte_ids: tuple[int, ...] = ()
    leading: Leading = ""

    def to_json(self) -> dict[str, Any]:
        """As data for JSON."""
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
        """What `to_json` made. Raises FormatError for anything else."""
        scores = array("f")
        try:
            scores.frombytes(base64.b64decode(content["scores"], validate=True))
            unknown, text, byte_ids = content["unknown"], content["unknown_text"], content["byte_ids"]
            leading = content.get("leading", "")
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
            or leading not in ("", "none", "space", "token")
        ):
            raise FormatError("what is said of the scores of tokens has a field of the wrong type")
        return cls(scores, unknown, text, tuple(byte_ids), leading)


def make_symbols(tokens: list[bytes], scores: CharacterVocabulary, merges: memoryview | None = None) -> Symbols:
    """The symbols of a vocabulary of characters, given by id; empty for what no text is merged to.

    merges: uint32[n, 3], rows (left, right, token), where there are no scores. Raises FormatError for what cannot be a
    vocabulary of characters, or no merge of it.
    """
    ordinary = _ordinary(tokens, scores)
    numbers = {bytes([byte]): byte for byte in range(256)}
    building: list[tuple[int, int, int]] = []
    for char in sorted(char for char in set(b"".join(ordinary).decode()) if char > "\x7f"):
        content = char.encode()
        for size in range(2, len(content) + 1):
            if numbers.setdefault(content[:size], len(numbers)) == 256 + len(building):
                building.append((numbers[content[: size - 1]], content[size - 1], 256 + len(building)))
    ends, ids = array("I"), array("I")
    for content in numbers:
        if content in ordinary:
            ids.append(ordinary[content])
        else:
            ids.extend([scores.byte_ids[byte] for byte in content] if scores.byte_ids else [scores.unknown])
        ends.append(len(ids))
    named = [ordinary.get(content, -1) for content in numbers]
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
        table, rows = by_list(vocabulary, building, merges, symbol_of)
    return Symbols(vocabulary, table, rows, Emission(vocabulary, ends, ids), named)


def _by_score(
    vocabulary: Vocabulary, scores: CharacterVocabulary, merged: list[int], n_built: int
) -> tuple[MergeTable, IdBuffer | array[int]]:
    """The merges of tokens, given by id, behind those that build characters."""
    steps = sorted({scores.scores[token] for token in merged}, reverse=True)
    rank_of = {score: rank for rank, score in enumerate(steps, n_built)}
    ranks = array("I", [0xFFFFFFFF] * 256)
    ranks.extend(range(n_built))
    ranks.extend([rank_of[scores.scores[token]] for token in merged])
    return scored_merges(vocabulary, ranks, len(steps) < len(merged))


def _are_bytes(tokens: list[bytes], byte_ids: tuple[int, ...]) -> bool:
    """Whether there is a token for every byte, if only as a character."""
    known = set(tokens)
    return len(byte_ids) == 256 and all(
        (byte < 0x80 and bytes([byte]) in known)
        if token == -1
        else token >= 0 and tokens[token : token + 1] == [bytes([byte])]
        for byte, token in enumerate(byte_ids)
    )


def _ordinary(tokens: list[bytes], scores: CharacterVocabulary) -> dict[bytes, int]:
    """{bytes: id} of the tokens that text is merged to, checked."""
    if scores.scores and len(scores.scores) != len(tokens):
        raise FormatError(f"there are {len(tokens)} tokens and {len(scores.scores)} scores")
    needed = bool(scores.scores) or not scores.byte_ids
    if (scores.unknown != -1 or needed) and (not 0 <= scores.unknown < len(tokens) or tokens[scores.unknown]):
        raise FormatError(f"the unknown token has id {scores.unknown}, which is none or another token")
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
