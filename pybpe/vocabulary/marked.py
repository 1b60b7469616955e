"""Vocabularies whose tokens have marks for their place in a word: CLIP's "</w>" at the end, "##" inside.

The last byte of a word, or the first, is another symbol than the same byte elsewhere. To build these symbols, a byte
that UTF-8 never has, MARK, is added after or before each word, and the first merges join the byte beside it with MARK.
"""

from __future__ import annotations

from array import array

from pybpe._core.emission import Emission
from pybpe._core.marks import MARK
from pybpe._core.vocab import Vocabulary
from pybpe.errors import FormatError
from pybpe.vocabulary.symbols import BYTES, NOT_IN_UTF8, Symbols, merges_of_symbols


def make_marked_symbols(
    tokens: list[bytes], merges: memoryview, continuing_subword_prefix: bytes, end_of_word_suffix: bytes
) -> Symbols:
    """Return the symbols and merges of a vocabulary of bytes whose tokens have marks.

    tokens: the tokens by id. merges: uint32[n, 3], rows (left, right, token).
    continuing_subword_prefix: the prefix of tokens that are not at the beginning of a word; b"" for none.
    end_of_word_suffix: the suffix of tokens that are at the end of a word; b"" for none.

    Raises FormatError if a byte of UTF-8 has no token for a place in a word where it can be, and for a merge that puts
    a token for the beginning or the end of a word in another place.
    """
    ordinary: dict[bytes, int] = {}
    for number, token in enumerate(tokens):
        before, bare, behind = _marked(token, continuing_subword_prefix, end_of_word_suffix)
        if not bare or bare == MARK:
            continue  # UTF-8 never has this byte
        content = before + bare + behind
        if content in ordinary or MARK in bare:
            raise FormatError(f"the token {token[:40]!r} with id {number} is one that a word with marks cannot have")
        ordinary[content] = number
    numbers = {content: number for number, content in enumerate(BYTES)}
    building: list[tuple[int, int, int]] = []
    for before, behind in _PLACES:
        if before in (b"", MARK[: len(continuing_subword_prefix)]) and behind in (b"", MARK[: len(end_of_word_suffix)]):
            for byte in BYTES[:0xFF]:
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
        table, flat = merges_of_symbols(
            vocabulary, building, merges, {token: numbers[name] for name, token in ordinary.items()}
        )
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
    """Return a token as (MARK if it begins a word, its bytes without prefix and suffix, MARK if it ends a word)."""
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
    """Return True if a word of whole characters can have a byte there. before, behind: as in `_marked`."""
    if byte in NOT_IN_UTF8 or (before and 0x80 <= byte < 0xC0):
        return False
    return not behind or byte < (0x80 if before else 0xC0)
