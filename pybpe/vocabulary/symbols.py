"""Vocabularies whose first symbols are not bytes, made ready for merging bytes.

In sentencepiece's models, and in Hugging Face's files made of them, the first symbols of a text are its characters.
There any two neighbours whose characters joined are a token merge, those with the highest score first; here merges are
listed. All merging of pybpe starts from bytes. So each character that some token holds is built from its bytes first,
by merges that go before all others; tokens follow in the order of their scores, or of the list. Parts of characters,
and characters that are no token, are symbols of their own, and are written as bytes in the end, or as the unknown token
where the vocabulary has no tokens for bytes.

In some vocabularies of bytes those that are in no UTF-8 have no tokens, as text needs none. In CLIP's the last symbol
of a word is another than the same byte elsewhere, and in others the first. Every word gets a byte behind or before it
that is in no text, MARK, and each byte merges with that before anything else.
"""

from __future__ import annotations

import base64
import sys
from array import array
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, NamedTuple

from pybpe._core.emission import Emission
from pybpe._core.ids import IdBuffer, Rows
from pybpe._core.marks import MARK
from pybpe._core.merge import MergeTable, listed_merges
from pybpe._core.ranks import scored_merges
from pybpe._core.vocab import Vocabulary
from pybpe.errors import FormatError

MAX_TOKEN = 4096  # bytes
NONE = 0xFFFFFFFF
RARE = b"\xf1"  # the first of the bytes that begin characters from U+40000 on, nearly all of them not assigned
NOT_IN_UTF8 = frozenset((0xC0, 0xC1, *range(0xF5, 0x100)))
BYTE_NAMES = {f"<0x{byte:02X}>": byte for byte in range(256)}  # what files call tokens of one byte
Leading = Literal["", "none", "space", "token"]
_BYTES = [bytes([byte]) for byte in range(256)]


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


class Symbols(NamedTuple):
    """What is merged, in what order, and what it is written as; `rows` are the merges, by symbols."""

    vocabulary: Vocabulary
    table: MergeTable
    rows: IdBuffer | array[int]
    emission: Emission
    tokens: list[int]  # of each symbol the ordinary token that it is, -1 for none


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
        table, rows = _by_list(vocabulary, building, merges, symbol_of)
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


def _by_list(
    vocabulary: Vocabulary, first: list[tuple[int, int, int]], merges: memoryview, symbol_of: dict[int, int]
) -> tuple[MergeTable, array[int]]:
    """The merges of tokens, given by id, behind some of symbols. Raises FormatError for one that is not of tokens."""
    import numpy as np  # here, because most vocabularies need none of it

    given = np.asarray(merges)
    known = np.full(int(given.max(initial=0)) + 1, NONE, dtype=np.uint32)
    for token, symbol in symbol_of.items():
        if token < len(known):
            known[token] = symbol
    rows = array("I", np.concatenate((np.array(first, dtype=np.uint32).reshape(-1, 3), known[given])).tobytes())
    wrong = vocabulary.wrong_merge(memoryview(Rows(rows, 3)))
    if wrong is not None:
        left, right, token = given[wrong - len(first)].tolist()
        raise FormatError(
            f"merge {wrong - len(first)} joins {left} and {right} to {token}, which are no tokens for that"
        )
    return listed_merges(vocabulary, memoryview(Rows(rows, 3))), rows


def _are_bytes(tokens: list[bytes], byte_ids: tuple[int, ...]) -> bool:
    """Whether there is a token for every byte, if only as a character."""
    known = set(tokens)
    return len(byte_ids) == 256 and all(
        (byte < 0x80 and bytes([byte]) in known)
        if token == -1
        else token >= 0 and tokens[token : token + 1] == [bytes([byte])]
        for byte, token in enumerate(byte_ids)
    )


def make_byte_symbols(tokens: list[bytes], merges: memoryview, any_rare: bool) -> Symbols:
    """The symbols of a vocabulary of bytes that has no tokens for some that are in no UTF-8, or in rare characters.

    merges: uint32[n, 3], rows (left, right, token). Raises FormatError for another byte without a token, or if two
    tokens are the same.
    """
    ordinary = {token: number for number, token in enumerate(tokens) if token}
    missing = [byte for byte in _BYTES if byte not in ordinary and byte[0] not in NOT_IN_UTF8]
    if missing and not (any_rare and missing[0] >= RARE):
        raise FormatError(f"the vocabulary has no token for byte 0x{missing[0][0]:02x}, so some text has no ids")
    if len(ordinary) < sum(map(bool, tokens)):
        raise FormatError("two tokens are the same, which goes only with a token for every byte")
    numbers = {byte: number for number, byte in enumerate(_BYTES)}
    for content in ordinary:
        numbers.setdefault(content, len(numbers))
    vocabulary = Vocabulary(b"".join(numbers), array("I", map(len, numbers)))
    table, flat = _by_list(vocabulary, [], merges, {token: numbers[content] for content, token in ordinary.items()})
    ids = array("I", [ordinary.get(content, ordinary[b" "]) for content in numbers])
    emission = Emission(vocabulary, array("I", range(1, len(ids) + 1)), ids)
    return Symbols(vocabulary, table, flat, emission, list(ids))


def make_marked_symbols(
    tokens: list[bytes], merges: memoryview, continuing_subword_prefix: bytes, end_of_word_suffix: bytes
) -> Symbols:
    """The symbols of a vocabulary of bytes whose tokens say where in a word they stand.

    continuing_subword_prefix: what those begin with that are not at the beginning of a word; empty for none.
    end_of_word_suffix: what those end with that are at its end; empty for none.
    merges: uint32[n, 3], rows (left, right, token). Raises FormatError
    for a byte of text without a token for each place where it can stand, and for a merge that would make the beginning
    or the end of a word in another place.
    """
    ordinary: dict[bytes, int] = {}
    for number, token in enumerate(tokens):
        before, bare, behind = _marked(token, continuing_subword_prefix, end_of_word_suffix)
        if not bare or bare == MARK:
            continue  # that byte is in no text, as the others that are in no UTF-8
        content = before + bare + behind
        if content in ordinary or MARK in bare:
            raise FormatError(f"the token {token[:40]!r} with id {number} is one that a word with marks cannot have")
        ordinary[content] = number
    numbers = {content: number for number, content in enumerate(_BYTES)}
    building: list[tuple[int, int, int]] = []
    for before, behind in _PLACES:
        if before in (b"", MARK[: len(continuing_subword_prefix)]) and behind in (b"", MARK[: len(end_of_word_suffix)]):
            for byte in _BYTES[:0xFF]:
                content = before + byte + behind
                if content not in ordinary and _is_possible(before, byte[0], behind):
                    place = _PLACES[before, behind]
                    raise FormatError(f"the vocabulary has no token for byte 0x{byte[0]:02x} {place} a word")
                if numbers.setdefault(content, len(numbers)) > 0xFF:
                    left, right = (before + byte, MARK) if behind else (MARK, byte)
                    building.append((numbers[left], numbers[right], numbers[content]))
    for content in ordinary:
        numbers.setdefault(content, len(numbers))
    vocabulary = Vocabulary(b"".join(numbers), array("I", map(len, numbers)))
    try:
        table, flat = _by_list(vocabulary, building, merges, {token: numbers[name] for name, token in ordinary.items()})
    except FormatError as error:
        raise FormatError(f"{error}: by their names some are for other places in a word") from None
    ids = array("I", [ordinary.get(content, ordinary[b" "]) for content in numbers])
    emission = Emission(vocabulary, array("I", range(1, len(ids) + 1)), ids)
    return Symbols(vocabulary, table, flat, emission, list(ids))


_PLACES = {
    (b"", b""): "within",
    (MARK, b""): "at the beginning of",
    (b"", MARK): "at the end of",
    (MARK, MARK): "as the whole of",
}


def _marked(token: bytes, continuing_subword_prefix: bytes, end_of_word_suffix: bytes) -> tuple[bytes, bytes, bytes]:
    """A token as a symbol, in parts: the mark if it begins a word, its bytes, the mark if it ends one."""
    before, behind = MARK[: len(continuing_subword_prefix)], b""
    if (
        continuing_subword_prefix
        and len(token) > len(continuing_subword_prefix)
        and token.startswith(continuing_subword_prefix)
    ):
        before, token = b"", token.removeprefix(continuing_subword_prefix)
    if end_of_word_suffix and len(token) > len(end_of_word_suffix) and token.endswith(end_of_word_suffix):
        token, behind = token.removesuffix(end_of_word_suffix), MARK
    return before, token, behind


def _is_possible(before: bytes, byte: int, behind: bytes) -> bool:
    """Whether words, which are made of whole characters, can have a byte there."""
    if byte in NOT_IN_UTF8 or (before and 0x80 <= byte < 0xC0):
        return False
    return not behind or byte < (0x80 if before else 0xC0)


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
