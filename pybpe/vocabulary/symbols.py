"""Symbols: the units that are merged, for vocabularies in which these are not simply the tokens.

Merging in pybpe starts from bytes. If some tokens of a vocabulary are not made of tokens of one byte, their parts are
symbols with merges of their own, which go before all others. After merging, each symbol becomes one or more ids.
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
RARE = b"\xf1"  # the smallest first byte of characters from U+40000 on, which are nearly all unassigned
NOT_IN_UTF8 = frozenset((0xC0, 0xC1, *range(0xF5, 0x100)))
BYTES = [bytes([byte]) for byte in range(256)]


class Symbols(NamedTuple):
    """The symbols of a vocabulary, their merges and their ids.

    vocabulary: the bytes of each symbol. table: the merges of symbols as a hash table. rows: these merges, rows (left,
    right, symbol), uint32[3 * n]. emission: the ids of each symbol. tokens: for each symbol the ordinary token that it
    is, -1 for none.
    """

    vocabulary: Vocabulary
    table: MergeTable
    rows: IdBuffer | array[int]
    emission: Emission
    tokens: list[int]


def merges_of_symbols(
    vocabulary: Vocabulary, first: list[tuple[int, int, int]], merges: memoryview, symbol_of: dict[int, int]
) -> tuple[MergeTable, array[int]]:
    """Return the table and the rows of merges of symbols: those of `first`, then `merges` of tokens.

    vocabulary: the symbols. first: rows (left, right, symbol). merges: uint32[n, 3], rows (left, right, token).
    symbol_of: {token: symbol}. Raises FormatError for a merge that does not join two tokens.
    """
    import numpy as np  # here, because most vocabularies do not need it

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
            f"merge {wrong - len(first)} joins {left} and {right} to {token}, which are not tokens that can merge so"
        )
    return listed_merges(vocabulary, memoryview(Rows(rows, 3))), rows


def make_byte_symbols(tokens: list[bytes], merges: memoryview, any_rare: bool) -> Symbols:
    """Return the symbols and merges of a vocabulary of bytes in which some bytes have no token.

    tokens: the tokens by id. merges: uint32[n, 3], rows (left, right, token). any_rare: True if the first bytes of rare
    characters may have no token too, and not only bytes that UTF-8 never has. Raises FormatError if another byte has no
    token, or if two tokens are the same.
    """
    ordinary = {token: number for number, token in enumerate(tokens) if token}
    missing = [byte for byte in BYTES if byte not in ordinary and byte[0] not in NOT_IN_UTF8]
    if missing and not (any_rare and missing[0] >= RARE):
        raise FormatError(f"the vocabulary has no token for byte 0x{missing[0][0]:02x}, so some text has no ids")
    if len(ordinary) < sum(map(bool, tokens)):
        raise FormatError("two tokens are the same, which is possible only with a token for every byte")
    numbers = {byte: number for number, byte in enumerate(BYTES)}
    for content in ordinary:
        numbers.setdefault(content, len(numbers))
    vocabulary = Vocabulary(b"".join(numbers), array("I", map(len, numbers)))
    table, flat = merges_of_symbols(
        vocabulary, [], merges, {token: numbers[content] for content, token in ordinary.items()}
    )
    ids = array("I", [ordinary.get(content, ordinary[b" "]) for content in numbers])
    emission = Emission(vocabulary, array("I", range(1, len(ids) + 1)), ids)
    return Symbols(vocabulary, table, flat, emission, list(ids))
