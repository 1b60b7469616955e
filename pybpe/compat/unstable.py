"""The rules of tiktoken's `encode_with_unstable`: possible ids of the end of a text that goes on.

The ids of all words but the last are stable. Words of white space at the end are unstable, because several of them may
become one. For the unstable bytes, every continuation by one more token is tried.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Protocol

BLANKS = b" \n\t"
MAX_CHAR = 4  # bytes of a character in UTF-8


class Words(Protocol):
    """The methods of `Encoding` that are used here."""

    def encode_ordinary(self, text: str) -> list[int]:
        """Return the ids of ordinary text."""

    def encode_single_token(self, text_or_bytes: str | bytes) -> int:
        """Return the id of one token."""

    def decode_single_token_bytes(self, token: int) -> bytes:
        """Return the bytes of one id."""

    def _merge(self, content: bytes) -> list[int]: ...


def cut_unstable(ids: list[int], n_last: int, tokens: Sequence[bytes]) -> tuple[list[int], bytes]:
    """Return (the stable ids, the bytes of the unstable ids).

    n_last: the number of ids of the last word. tokens: the bytes of each id, b"" for a special token.
    """
    first = len(ids) - n_last
    if n_last and _is_blank(tokens[ids[first]]):
        while first and _is_blank(tokens[ids[first - 1]]):
            first -= 1
    return ids[:first], b"".join(tokens[token] for token in ids[first:])


def _is_blank(token: bytes) -> bool:
    return bool(token) and not token.strip(BLANKS)


def completions(rest: bytes, sorted_tokens: Sequence[bytes], words: Words) -> list[list[int]]:
    """Return the distinct ids of all continuations of `rest` by one token, up to the id that reaches its end."""
    found: dict[tuple[int, ...], None] = {
        (words.encode_single_token(token),): None for token in _beginning_with(rest, sorted_tokens)
    }
    for place in range(1, len(rest)):
        for token in _beginning_with(rest[place:], sorted_tokens):
            found[_reaching(len(rest), _encode(rest[:place] + token, words), words)] = None
    # The character that follows may separate a last white space from the white space before it.
    last = _last_char(rest)
    if last and len(last.encode()) < len(rest) and _is_white_space(last):
        place = len(rest) - len(last.encode())
        found[tuple(words._merge(rest[:place]) + words._merge(rest[place:]))] = None
    return list(map(list, found))


def _beginning_with(start: bytes, sorted_tokens: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the tokens that begin with `start`; none if it is empty."""
    place = bisect_left(sorted_tokens, start) if start else len(sorted_tokens)
    while place < len(sorted_tokens) and sorted_tokens[place].startswith(start):
        yield sorted_tokens[place]
        place += 1


def _encode(content: bytes, words: Words) -> list[int]:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return words._merge(content)
    return words.encode_ordinary(text)


def _reaching(size: int, ids: list[int], words: Words) -> tuple[int, ...]:
    """Return the first ids that together have at least `size` bytes."""
    reached = 0
    for count, token in enumerate(ids, 1):
        reached += len(words.decode_single_token_bytes(token))
        if reached >= size:
            return tuple(ids[:count])
    return tuple(ids)


def _last_char(content: bytes) -> str:
    """Return the last character of UTF-8 bytes; "" if they do not end with a whole one."""
    for size in range(1, MAX_CHAR + 1):
        try:
            char = content[-size:].decode()
        except UnicodeDecodeError:
            continue
        return char if len(char) == 1 else ""
    return ""


def _is_white_space(char: str) -> bool:
    """Return True for white space of Unicode; str.isspace() is also true for four control characters."""
    return char.isspace() and not "\x1c" <= char <= "\x1f"
