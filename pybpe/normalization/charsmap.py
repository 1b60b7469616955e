"""sentencepiece's compiled maps of characters: the longest key at each position becomes its value.

A compiled map holds a double-array trie of the keys, in the format of Darts-clone, and the values, each followed by a
NUL. It is read once, into a dict. Applying it takes time only at positions where a key may begin.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from pybpe.errors import FormatError

MAX_KEYS = 1 << 19  # nmt_nfkc_cf has 227,000; a small file can have many keys that share units of the trie
MAX_NESTED = 32  # maximum number of keys that are prefixes of one key, as in sentencepiece
Part = tuple[str, int, int]  # text, and its (start, end) in the text before mapping


def read_charsmap(blob: bytes) -> dict[str, str]:
    """Return {key: value} of a compiled map. Raises FormatError if it is damaged or holds bytes that are not UTF-8."""
    if len(blob) < 4:
        raise FormatError("the normalizer's map of characters is truncated")
    (size,) = struct.unpack("<I", blob[:4])
    if size % 4 or size < 4 or 4 + size > len(blob):
        raise FormatError("the normalizer's map of characters is damaged: its trie does not fit in it")
    units = struct.unpack(f"<{size // 4}I", blob[4 : 4 + size])
    values = blob[4 + size :]
    found: dict[str, str] = {}
    for key, place in _keys(units):
        end = values.find(b"\0", place) if 0 <= place < len(values) else -1
        if end < 0:
            raise FormatError("the normalizer's map of characters is damaged: a value is not in it")
        try:
            name, value = key.decode(), values[place:end].decode()
        except UnicodeDecodeError:
            raise FormatError("the normalizer's map of characters holds bytes that are no characters") from None
        if "\0" in name or "  " in value:
            raise FormatError("the normalizer's map of characters holds a NUL or two spaces in a row")
        found[name] = value
    return found


def _keys(units: tuple[int, ...]) -> Iterator[tuple[bytes, int]]:
    """Yield every key of the trie, and where its value begins, in bytes."""
    children: dict[int, list[int]] = {}
    for index, unit in enumerate(units):
        if not unit >> 31:
            children.setdefault(index ^ (unit & 0xFF), []).append(index)
    waiting = [(_offset(units[0]), b"", 0)]
    visited = 0
    while waiting:
        base, key, nested = waiting.pop()
        for index in children.get(base, ()):
            visited += 1
            unit = units[index]
            after, name = base ^ (unit & 0xFF) ^ _offset(unit), key + bytes([unit & 0xFF])
            is_key = unit >> 8 & 1
            if visited > 2 * MAX_KEYS or nested + is_key > MAX_NESTED or len(name) > 4 * MAX_NESTED:
                raise FormatError("the normalizer's map of characters has too many or too long keys")
            if is_key:
                if after >= len(units):
                    raise FormatError("the normalizer's map of characters is damaged: a value is not in it")
                yield name, units[after] & 0x7FFFFFFF
            waiting.append((after, name, nested + is_key))


def _offset(unit: int) -> int:
    return unit >> 10 << ((unit & 0x200) >> 6)


class CharsMap:
    """A map of characters, ready to be applied to text. Immutable.

    keys: {key: value}. names: strings that are found before keys, the longest first, and left unchanged. reach: the
    characters of the longest key or name.
    """

    def __init__(self, keys: dict[str, str], names: frozenset[str]) -> None:
        self._keys = keys
        self._longest: dict[str, int] = {}
        for key in keys:
            self._longest[key[0]] = max(len(key), self._longest.get(key[0], 0))
        self.reach = max(map(len, (*keys, *names)), default=1)
        # Signs of a key: the key itself if it has one character, else its second character, rarer than the first.
        signs = {key if len(key) == 1 else key[1] for key in keys}
        alternatives = [re.escape(name) for name in sorted(names, key=len, reverse=True)]
        places = [f"(?P<name>{'|'.join(alternatives)})"] if alternatives else []
        self._places = re.compile("|".join([*places, _class(signs)] if signs else places or ["(?!)"]))
        self._has_names = bool(alternatives)

    def parts(self, text: str) -> Iterator[Part]:
        """Yield the mapped text in parts (text, start, end): each replaced key, each name, and the text between."""
        done = place = 0
        while (match := self._places.search(text, place)) is not None:
            start, name = match.start(), match["name"] if self._has_names else None
            size = self._size_of_key(text, start - 1) if start > place else 0
            if size > 1:
                start, name = start - 1, None
            else:
                size = len(name) if name is not None else self._size_of_key(text, start)
            place = start + max(size, 1)
            if size:
                if done < start:
                    yield text[done:start], done, start
                yield name or self._keys[text[start:place]], start, place
                done = place
        if done < len(text):
            yield text[done:], done, len(text)

    def _size_of_key(self, text: str, start: int) -> int:
        """Return the size of the longest key that begins at `start`, in characters; 0 if there is none."""
        for end in range(min(start + self._longest.get(text[start], 0), len(text)), start, -1):
            if text[start:end] in self._keys:
                return end - start
        return 0


def _class(chars: set[str]) -> str:
    """Return a pattern that matches one of these characters."""
    spans: list[list[int]] = []
    for point in sorted(map(ord, chars)):
        if spans and spans[-1][1] == point - 1:
            spans[-1][1] = point
        else:
            spans.append([point, point])
    ranges = [f"\\U{first:08x}-\\U{last:08x}" for first, last in spans]
    ascii_ranges = [text for text, (first, _) in zip(ranges, spans, strict=True) if first < 0x80]
    # The pattern has two steps because re searches for a set of few ranges many times faster than for one of many.
    return f"[{''.join(ascii_ranges)}\\x80-\\U0010ffff](?<=[{''.join(ranges)}])"
