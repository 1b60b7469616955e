"""The writing systems of a text, stretch by stretch."""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

import numpy as np
import numpy.typing as npt

SCRIPTS = ("Latin", "Cyrillic", "Greek", "Arabic", "Devanagari", "Han", "Kana", "Hangul", "other letters", "no letters")

_OTHER, _NONE = SCRIPTS.index("other letters"), SCRIPTS.index("no letters")
_WHITE = 255
# {word of a letter's Unicode name, the first or the second: script}.
_NAMES = {
    **{name.upper(): name for name in SCRIPTS[:_OTHER]},
    **dict.fromkeys(("CJK", "IDEOGRAPHIC"), "Han"),
    **dict.fromkeys(("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HENTAIGANA"), "Kana"),
}
_NAMED = 0x20000  # from this code point on, all letters are Han
_TABLE_SIZE = 0x32400  # from this code point on, there are no letters

Array = npt.NDArray[Any]


def stretches(text: bytes) -> tuple[Array, Array]:
    """Return (the start of each stretch of a text in bytes, the index in SCRIPTS of most of its letters).

    A stretch is white space and the characters up to the next white space. If two scripts have equally many letters,
    the one that is first in SCRIPTS counts.
    """
    decoded = text.decode("utf-8", "surrogateescape")
    points = np.frombuffer(decoded.encode("utf-32-le", "surrogatepass"), "<u4")
    kinds = _table()[np.minimum(points, _TABLE_SIZE - 1)]
    white = kinds == _WHITE
    begins = white.copy()
    begins[1:] &= ~white[:-1]
    begins[:1] = True
    letters = (kinds < _NONE).nonzero()[0]
    numbers = np.cumsum(begins) - 1
    counts = np.bincount(numbers[letters] * _NONE + kinds[letters], minlength=int(begins.sum()) * _NONE)
    counts = counts.reshape(-1, _NONE)
    labels = np.where(counts.any(axis=1), counts.argmax(axis=1), _NONE)
    return _byte_places(points)[begins], labels


def _byte_places(points: Array) -> Array:
    """Return the start of each character in UTF-8, in bytes; a lone surrogate stands for one byte that is not UTF-8."""
    sizes: Array = 1 + (points >= 0x80) + (points >= 0x800) + (points >= 0x10000)
    sizes[(points >= 0xDC80) & (points < 0xDD00)] = 1
    places: Array = np.cumsum(sizes) - sizes
    return places


@functools.cache
def _table() -> Array:
    """Return uint8[_TABLE_SIZE]: the index of each code point's script, _NONE, or _WHITE."""
    table: Array = np.full(_TABLE_SIZE, _NONE, np.uint8)
    for point in range(_NAMED):
        char = chr(point)
        kind = unicodedata.category(char)[0]
        if char.isspace():
            table[point] = _WHITE
        elif kind in "LM":
            words = unicodedata.name(char, "").split()[:2]
            scripts = [_NAMES[word] for word in words if word in _NAMES]
            if scripts or kind == "L":
                table[point] = SCRIPTS.index(scripts[0]) if scripts else _OTHER
    table[_NAMED:-1] = SCRIPTS.index("Han")
    return table
