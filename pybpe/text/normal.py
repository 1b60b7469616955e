"""Normal forms of text, as Hugging Face's tokenizers makes them: by Unicode 9.0, whatever Python knows.

Unicode never changes the normal forms of a character once it has one, so versions differ only in characters that are
newer. Those that a newer version would compose, decompose or reorder are left alone here, and so is what stands around
them: for Unicode 9.0 they were unassigned.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Literal, get_args

from pybpe._core.unicode import classes, is_surely_nfc

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = get_args(Form)

# Assigned after Unicode 9.0 and until 16.0, and changed by some normal form or part of a composition.
_NEWER = (
    "7fd 897-89f 8ca-8d3 9fe c3c d3b-d3c eba 1715 1abf-1ace 1df6-1dfa 32ff a7f2-a7f4 a82c ab69 105c9 105e4 10781-10785 "
    "10787-107b0 107b2-107ba 10d24-10d27 10d69-10d6d 10eab-10eac 10efd-10eff 10f46-10f50 10f82-10f85 11070 1133b 11383 "
    "11385 1138e 11391 113b8 113bb 113c2 113c5 113c7-113c9 113ce-113d0 1145e 11839-1183a 11930 11938 1193d-1193e 11943 "
    "119e0 11a34 11a47 11a99 11d42 11d44-11d45 11d97 11f41-11f42 1611e-16129 1612f 16d67-16d6a 16ff0-16ff1 1ccd6-1ccf9 "
    "1e030-1e06d 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef 1e5ee-1e5ef 1f16c 1fbf0-1fbf9"
)
_TABLE_VERSION = (16, 0, 0)
_APART: dict[Form, Form] = {"NFC": "NFD", "NFD": "NFD", "NFKC": "NFKD", "NFKD": "NFKD"}
_LONG_RUN = 256  # characters
# The vowels and final consonants of Hangul, which compose by arithmetic and stand in no table.
_JAMO = frozenset(map(chr, (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))))


def normalize(form: Form, text: str) -> str:
    """The normal form of a text; the text itself if it is in that form."""
    if text.isascii() or (form == "NFC" and is_surely_nfc(text)):
        return text
    ordered = _with_ordered_runs(form, text)
    if ordered is not text:
        normal = _normalize_lines(form, ordered)
        return text if normal == text else normal
    return text if unicodedata.is_normalized(form, text) else _normalize_lines(form, text)


def _normalize_lines(form: Form, text: str) -> str:
    # No character joins with a line end, and most lines are in the form already.
    return "\n".join(
        line if unicodedata.is_normalized(form, line) else _normalize_line(form, line) for line in text.split("\n")
    )


def _normalize_line(form: Form, text: str) -> str:
    if _newer().isdisjoint(text):
        return unicodedata.normalize(form, text)
    parts = _split_at_newer().split(text)
    return "".join(part if number % 2 else unicodedata.normalize(form, part) for number, part in enumerate(parts))


def _with_ordered_runs(form: Form, text: str) -> str:
    """The text with its long runs of combining characters in their order, which has the same normal form.

    Python puts a character in its place by exchanging neighbours, so the time that a run takes grows with its square.
    """
    samples = bytes(unicodedata.combining(_first(form, char)) > 0 for char in text[:: _LONG_RUN // 4])
    if bytes((1, 1, 1, 1)) not in samples:  # which a long run would hold
        return text
    return _long_runs(form).sub(lambda run: _ordered(form, run.group()), text)


def _ordered(form: Form, run: str) -> str:
    """Combining characters in pieces and in order, as the canonical ordering algorithm of Unicode has it."""
    return "".join(
        sorted("".join(unicodedata.normalize(_APART[form], char) for char in run), key=unicodedata.combining)
    )


@functools.lru_cache(maxsize=4096)
def _first(form: Form, char: str) -> str:
    return unicodedata.normalize(_APART[form], char)[0]


@functools.cache
def _long_runs(form: Form) -> re.Pattern[str]:
    points = [chr(point) for point in (*range(0x300, 0xD800), *range(0xF900, 0x20000))]
    marks = [char for char in points if unicodedata.combining(_first.__wrapped__(form, char)) and char not in _newer()]
    return re.compile(f"[{''.join(marks)}]{{{_LONG_RUN},}}")


def normalize_bytes(form: Form, text: bytes) -> bytes:
    """As `normalize`, for UTF-8; bytes that are none stay as they are."""
    if text.isascii():
        return text
    decoded = text.decode("utf-8", "surrogateescape")
    normal = normalize(form, decoded)
    return text if normal is decoded else normal.encode("utf-8", "surrogateescape")


def normalize_aligned(form: Form, text: str) -> tuple[str, list[tuple[int, int]]]:
    """The normal form, and for each of its characters the (start, end) of the characters that it was made from.

    Characters that change together share all of their places: of "e" and an accent, composed, both are the place.
    """
    normal = normalize(form, text)
    if normal is text:
        return text, [(place, place + 1) for place in range(len(text))]
    made, places = [], []
    starts = [place for place, char in enumerate(text) if place == 0 or is_boundary(char)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        part = normalize(form, text[start:end])
        made.append(part)
        if part == text[start:end]:
            places += [(place, place + 1) for place in range(start, end)]
        else:
            places += [(start, end)] * len(part)
    return "".join(made), places


@functools.lru_cache(maxsize=4096)
def is_boundary(char: str) -> bool:
    """Whether a character never joins or changes places with what stands before it, in any of the forms."""
    if char.isascii() or char in _newer():
        return True
    first = unicodedata.normalize("NFKD", char)[0]
    return not unicodedata.combining(first) and first not in _seconds()


@functools.cache
def _seconds() -> frozenset[str]:
    """Characters that can be the second of a composition."""
    points = map(chr, range(0xC0, 0x30000))
    pairs = (unicodedata.decomposition(char).split() for char in points)
    return _JAMO | {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and pair[0][0] != "<"}


@functools.cache
def _newer() -> frozenset[str]:
    """The characters of the table, and those that this Python knows and the table does not yet."""
    ranges = [tuple(int(end, 16) for end in span.split("-")) for span in _NEWER.split()]
    points = {point for span in ranges for point in range(span[0], span[-1] + 1)} | _newest()
    return frozenset(map(chr, points))


@functools.cache
def _split_at_newer() -> re.Pattern[str]:
    return re.compile("([" + "".join(sorted(_newer())) + "])")  # none of them means anything in a class


def _newest() -> set[int]:
    """As the table, for what came after it: assigned in this Python's Unicode, and not in 16.0."""
    if tuple(map(int, unicodedata.unidata_version.split("."))) <= _TABLE_VERSION:
        return set()
    new = {point for point in range(0x370, 0x110000) if unicodedata.category(chr(point))[0] != "C"}
    new = {point for point in new if not classes(point)}
    seconds = set(map(ord, _seconds()))
    return {
        point
        for point in new
        if unicodedata.combining(chr(point)) or unicodedata.decomposition(chr(point)) or point in seconds
    }
