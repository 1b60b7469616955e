"""The normal forms NFC, NFD, NFKC and NFKD by Unicode 9.0, as Hugging Face's tokenizers makes them.

Unicode never changes the normal form of an assigned character, so versions differ only in characters assigned later.
Later characters that a newer version composes, decomposes or reorders are left unchanged here, and separate the text
around them: they are unassigned in Unicode 9.0.

Compiled code finds the parts of a text that may change, by tables of Unicode; `unicodedata` normalizes these parts.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Literal, get_args

from pybpe._core.normal import newer_points, unsettled
from pybpe._core.unicode import classes

Text = str | bytes
Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = get_args(Form)

_TABLE_VERSION = (16, 0, 0)
_APART: dict[Form, Form] = {"NFC": "NFD", "NFD": "NFD", "NFKC": "NFKD", "NFKD": "NFKD"}
_NUMBERS: dict[Form, int] = {form: number for number, form in enumerate(FORMS)}
_LONG_RUN = 256  # characters: minimum size of a run of combining marks that is sorted before `unicodedata`
_SHORT = 24  # bytes: maximum size of a part whose normal form is cached
# The vowels and final consonants of Hangul, which compose by arithmetic and are in no table of decompositions.
_JAMO = frozenset(map(chr, (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))))


def normalize(form: Form, text: str) -> str:
    """Return the normal form of a text, or `text` itself if it is in this form."""
    if text.isascii():
        return text
    try:
        normal = _rewrite(form, text)
        return normal if isinstance(normal, str) else normal.decode()
    except UnicodeEncodeError:  # a lone surrogate, which no form changes
        content = text.encode("utf-8", "surrogatepass")
        normal = _rewrite(form, content)
        return text if normal is content else str(normal, "utf-8", "surrogatepass")  # type: ignore[arg-type]


def normalize_to_utf8(form: Form, text: Text) -> Text:
    """Return the normal form of a text as UTF-8, or `text` itself if it is in this form.

    Bytes that are not UTF-8 are left unchanged. Raises UnicodeEncodeError for a str with a lone surrogate.
    """
    return text if text.isascii() else _rewrite(form, text)


def _rewrite(form: Form, text: Text) -> Text:
    """Return the text with each part that may change replaced by its normal form, or `text` itself if none changes."""
    stretches = unsettled(text, _NUMBERS[form])
    if not stretches:
        return text
    content = text.encode() if isinstance(text, str) else text
    parts: list[bytes | memoryview] = []
    whole, done, changed = memoryview(content), 0, False
    for start, end in stretches:
        stretch = content[start:end]
        normal = _short(form, stretch) if end - start <= _SHORT else _normalize_stretch(form, stretch)
        if normal != stretch:
            parts += (whole[done:start], normal)
            done, changed = end, True
    return b"".join([*parts, whole[done:]]) if changed else text


def _normalize_stretch(form: Form, stretch: bytes) -> bytes:
    text = stretch.decode("utf-8", "surrogateescape")
    ordered = _with_ordered_runs(form, text) if len(text) >= _LONG_RUN else text
    return _normalize_lines(form, ordered).encode("utf-8", "surrogateescape")


_short = functools.lru_cache(maxsize=4096)(_normalize_stretch)  # most short stretches of a text are repeated


def _normalize_lines(form: Form, text: str) -> str:
    # No character composes with a line end, and most lines are in normal form already.
    return "\n".join(
        line if unicodedata.is_normalized(form, line) else _normalize_line(form, line) for line in text.split("\n")
    )


def _normalize_line(form: Form, text: str) -> str:
    if _newer().isdisjoint(text):
        return unicodedata.normalize(form, text)
    parts = _split_at_newer().split(text)
    return "".join(part if number % 2 else unicodedata.normalize(form, part) for number, part in enumerate(parts))


def _with_ordered_runs(form: Form, text: str) -> str:
    """Return a text of the same normal form in which long runs of combining characters are sorted.

    `unicodedata` sorts by exchanging neighbours, in time quadratic in the length of the run.
    """
    samples = bytes(unicodedata.combining(_first(form, char)) > 0 for char in text[:: _LONG_RUN // 4])
    if bytes((1, 1, 1, 1)) not in samples:  # a long run has at least four consecutive samples
        return text
    return _long_runs(form).sub(lambda run: _ordered(form, run.group()), text)


def _ordered(form: Form, run: str) -> str:
    """Return combining characters decomposed and in the order of Unicode's canonical ordering algorithm."""
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


def normalize_aligned(form: Form, text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the normal form, and the (start, end) in `text` that each of its characters was made from.

    Characters that change together share one (start, end), which covers all of them: "e" and an accent, composed, give
    one character with the (start, end) of both.
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
    """Return True if a character never composes or changes places with the text before it, in any of the forms."""
    if char.isascii() or char in _newer():
        return True
    first = unicodedata.normalize("NFKD", char)[0]
    return not unicodedata.combining(first) and first not in _seconds()


@functools.cache
def _seconds() -> frozenset[str]:
    """Return the characters that can be the second one of a composition."""
    points = map(chr, range(0xC0, 0x30000))
    pairs = (unicodedata.decomposition(char).split() for char in points)
    return _JAMO | {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and pair[0][0] != "<"}


@functools.cache
def _newer() -> frozenset[str]:
    """Return the later characters of the table, and those that this Python knows and the table does not."""
    return frozenset(map(chr, _newest().union(newer_points())))


@functools.cache
def _split_at_newer() -> re.Pattern[str]:
    return re.compile("([" + "".join(sorted(_newer())) + "])")  # none of them has a meaning in a class


def _newest() -> set[int]:
    """Return the code points that belong in the table but are assigned after Unicode 16.0, as far as Python knows."""
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
