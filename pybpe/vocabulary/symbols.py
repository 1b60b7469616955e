"""Symbols: what is merged, where that is not the vocabulary itself.

All merging of pybpe starts from bytes. Where the tokens of a vocabulary are not all made of tokens of one byte, the
parts that they are made of become symbols, with merges of their own that go before all others; in the end each symbol
is written as the ids of one or more tokens.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

from pybpe._core.emission import Emission
from pybpe._core.ids import IdBuffer, Rows
from pybpe._core.merge import MergeTable, listed_merges
from pybpe._core.vocab import Vocabulary
from pybpe.errors import FormatError

NONE = 0xFFFFFFFF
RARE = b"\xf1"  # the first of the bytes that begin characters from U+40000 on, nearly all of them not assigned
NOT_IN_UTF8 = frozenset((0xC0, 0xC1, *range(0xF5, 0x100)))
BYTES = [bytes([byte]) for byte in range(256)]


class Symbols(NamedTuple):
    """What is merged, in what order, and what it is written as; `rows` are the merges, by symbols."""

    vocabulary: Vocabulary
    table: MergeTable
    rows: IdBuffer | array[int]
    emission: Emission
    tokens: list[int]  # of each symbol the ordinary token that it is, -1 for none


def by_list(
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


def make_byte_symbols(tokens: list[bytes], merges: memoryview, any_rare: bool) -> Symbols:
    """The symbols of a vocabulary of bytes that has no tokens for some that are in no UTF-8, or in rare characters.

    merges: uint32[n, 3], rows (left, right, token). Raises FormatError for another byte without a token, or if two
    tokens are the same.
    """
    ordinary = {token: number for number, token in enumerate(tokens) if token}
    missing = [byte for byte in BYTES if byte not in ordinary and byte[0] not in NOT_IN_UTF8]
    if missing and not (any_rare and missing[0] >= RARE):
        raise FormatError(f"the vocabulary has no token for byte 0x{missing[0][0]:02x}, so some text has no ids")
    if len(ordinary) < sum(map(bool, tokens)):
        raise FormatError("two tokens are the same, which goes only with a token for every byte")
    numbers = {byte: number for number, byte in enumerate(BYTES)}
    for content in ordinary:
        numbers.setdefault(content, len(numbers))
    vocabulary = Vocabulary(b"".join(numbers), array("I", map(len, numbers)))
    table, flat = by_list(vocabulary, [], merges, {token: numbers[content] for content, token in ordinary.items()})
    ids = array("I", [ordinary.get(content, ordinary[b" "]) for content in numbers])
    emission = Emission(vocabulary, array("I", range(1, len(ids) + 1)), ids)
    return Symbols(vocabulary, table, flat, emission, list(ids))
