"""Stages of normalization, which give the changed text and where each of its characters comes from.

A stage yields its edits (start, end, new): text[start:end] becomes `new`. `apply` returns the changed text, by a faster
method than the edits where Python has one. `align` returns the changed text and, for each of its characters, the
(start, end) that it was made from. Text is str decoded with errors="surrogateescape".
"""

from __future__ import annotations

import functools
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

from pybpe.normalization.charsmap import CharsMap
from pybpe.normalization.older_unicode import combining_marks
from pybpe.normalization.unicode_forms import Form, normalize, normalize_aligned
from pybpe.util.utf8 import replace_escaped_bytes

Edit = tuple[int, int, str]
Places = list[tuple[int, int]]

WHITE_SPACE = "".join(map(chr, (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F)))
WHITE_SPACE += "\u205f\u3000"
_OTHER_SPACE = "\x1c\x1d\x1e\x1f"  # white space for Python, but not for Unicode
_NMT_REMOVED = (*range(1, 9), 0xB, *range(0xE, 0x20), 0x7F, 0x8F, 0x9F)
_NMT_SPACES = (0x9, 0xA, 0xC, 0xD, 0x1680, *range(0x200B, 0x2010), 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD)

# Lower case of Unicode 17.0, the version of tokenizers, that Python 3.10 (Unicode 13.0) or a newer one does not know.
_SINCE_14 = {0x2C2F: 0x2C5F, 0xA7CB: 0x264, 0x1C89: 0x1C8A, 0xA7DC: 0x19B}
_SINCE_14 |= {upper: upper + 1 for upper in (0xA7C0, *range(0xA7CC, 0xA7DB, 2))}
_SINCE_14 |= {upper: upper + 0x27 for upper in range(0x10570, 0x10596) if upper not in (0x1057B, 0x1058B, 0x10593)}
_SINCE_14 |= {upper: upper + 0x20 for upper in range(0x10D50, 0x10D66)}
_SINCE_14 |= {upper: upper + 0x1B for upper in range(0x16EA0, 0x16EB9)}
_NEWER_LOWER = {upper: lower for upper, lower in _SINCE_14.items() if ord(chr(upper).lower()) != lower}
_NEWER = "".join(map(chr, _NEWER_LOWER))


class Stage(ABC):
    """A change to a text. Immutable."""

    @abstractmethod
    def edits(self, text: str) -> Iterator[Edit]:
        """Yield the changes (start, end, new), from left to right, without overlap."""

    def apply(self, text: str) -> str:
        """Return the changed text."""
        made: list[str] = []
        done = 0
        for start, end, new in self.edits(text):
            made += (text[done:start], new)
            done = end
        return "".join((*made, text[done:])) if made else text

    def align(self, text: str) -> tuple[str, Places]:
        """Return the changed text, and the (start, end) that each of its characters was made from."""
        made: list[str] = []
        places: Places = []
        done = 0
        for start, end, new in self.edits(text):
            made += (text[done:start], new)
            places += ((place, place + 1) for place in range(done, start))
            places += [(start, end)] * len(new)
            done = end
        places += ((place, place + 1) for place in range(done, len(text)))
        return "".join((*made, text[done:])), places


def apply_stages(stages: Iterable[Stage], text: str) -> str:
    """Return a text after all stages."""
    for stage in stages:
        text = stage.apply(text)
    return text


def align_stages(stages: Iterable[Stage], text: str) -> tuple[str, Places]:
    """Return a text after all stages, and the (start, end) that each of its characters was made from."""
    places = [(place, place + 1) for place in range(len(text))]
    for stage in stages:
        text, of_stage = stage.align(text)
        places = [_joined(places, start, end) for start, end in of_stage]
    return text, places


def _joined(places: Places, start: int, end: int) -> tuple[int, int]:
    """Return the (start, end) that covers places[start:end]; if this is empty, an empty place before places[start]."""
    if start < end:
        return places[start][0], places[end - 1][1]
    at = places[start][0] if start < len(places) else places[-1][1] if places else 0
    return at, at


class UnicodeForm(Stage):
    """Normalization by a normal form, NFC, NFD, NFKC or NFKD."""

    def __init__(self, form: Form) -> None:
        self._form = form

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield one edit for the whole text if it changes, because its characters are composed and decomposed."""
        if (normal := self.apply(text)) != text:
            yield 0, len(text), normal

    def apply(self, text: str) -> str:
        """Return the normal form."""
        return normalize(self._form, text)

    def align(self, text: str) -> tuple[str, Places]:
        """Return the normal form and its places; characters that change together share the places of all of them."""
        return normalize_aligned(self._form, text)


class EachCharacter(Stage):
    """A stage that changes each character by itself."""

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield the characters that change."""
        for place, char in enumerate(text):
            if (new := self.apply(char)) != char:
                yield place, place + 1, new


class Lowercase(EachCharacter):
    """Lower case of each character, whatever is beside it."""

    def apply(self, text: str) -> str:
        """Return the text in lower case."""
        return lowercase(text)


class Translate(EachCharacter):
    """Replacement or removal of characters. table: {code point: string}, None to remove."""

    def __init__(self, table: dict[int, str | None]) -> None:
        self._table = table

    def apply(self, text: str) -> str:
        """Return the text after the replacements of the table."""
        return text.translate(self._table)


class StripAccents(Translate):
    """Removal of combining marks."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(combining_marks()))

    def apply(self, text: str) -> str:
        """Return the text without combining marks."""
        return text if text.isascii() else super().apply(text)


class Nmt(Translate):
    """Removal of control characters, or their replacement by spaces: the normalizer Nmt of sentencepiece."""

    def __init__(self) -> None:
        super().__init__({**dict.fromkeys(_NMT_REMOVED), **dict.fromkeys(_NMT_SPACES, " ")})


class ReplaceEscapedBytes(EachCharacter):
    """Replacement of each byte that is not UTF-8 by U+FFFD."""

    def apply(self, text: str) -> str:
        """Return the text with U+FFFD for such bytes."""
        return text if text.isascii() else replace_escaped_bytes(text)


class Replace(Stage):
    """Replacement of one string by another."""

    def __init__(self, old: str, new: str) -> None:
        self._old = old
        self._new = new

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield an edit for each occurrence of the old string."""
        start = text.find(self._old)
        while start >= 0:
            end = start + len(self._old)
            yield start, end, self._new
            start = text.find(self._old, end)

    def apply(self, text: str) -> str:
        """Return the text with the new string."""
        return text.replace(self._old, self._new)


class ReplaceAll(Stage):
    """Replacement of each match of a pattern by a string; \\s in the pattern is the white space of Unicode."""

    def __init__(self, pattern: str, by: str) -> None:
        self._pattern = _compiled(pattern)
        self._by = by
        self._of_spaces = pattern == r"\s+"

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield an edit for each match."""
        for match in self._pattern.finditer(text):
            yield *match.span(), self._by

    def apply(self, text: str) -> str:
        """Return the text after the replacement, for runs of white space by a method that is several times as fast."""
        if not self._of_spaces or any(map(text.__contains__, _OTHER_SPACE)):
            return self._pattern.sub(self._by.replace("\\", r"\\"), text)
        words = text.split()
        if not words:
            return self._by if text else text
        before, behind = text[0].isspace(), text[-1].isspace()
        return (self._by if before else "") + self._by.join(words) + (self._by if behind else "")


class SingleSpaces(Stage):
    """Removal of all but the first space of each run of spaces."""

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield an edit for the spaces after the first of each run."""
        for match in _SPACES.finditer(text):
            yield match.start() + 1, match.end(), ""

    def apply(self, text: str) -> str:
        """Return the text with single spaces."""
        return _SPACES.sub(" ", text) if "  " in text else text


class Prepend(Stage):
    """Insertion of a string before a text. even_empty: True to do so for an empty text too."""

    def __init__(self, before: str, even_empty: bool = False) -> None:
        self._before = before
        self._even_empty = even_empty

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield the string at the beginning."""
        if text or self._even_empty:
            yield 0, 0, self._before


class Strip(Stage):
    """Removal of characters at the left end, the right end or both ends of a text."""

    def __init__(self, left: bool, right: bool, characters: str = WHITE_SPACE) -> None:
        self._left = left
        self._right = right
        self._characters = characters

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield an edit for each end that changes."""
        start = len(text) - len(text.lstrip(self._characters)) if self._left else 0
        if start:
            yield 0, start, ""
        end = max(start, len(text.rstrip(self._characters))) if self._right else len(text)
        if end < len(text):
            yield end, len(text), ""

    def apply(self, text: str) -> str:
        """Return the text without its ends."""
        text = text.lstrip(self._characters) if self._left else text
        return text.rstrip(self._characters) if self._right else text


class MapCharacters(Stage):
    """Replacements by sentencepiece's map of characters."""

    def __init__(self, charsmap: CharsMap) -> None:
        self._charsmap = charsmap

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield the replacements of the map."""
        for part, start, end in self._charsmap.parts(text):
            if part != text[start:end]:
                yield start, end, part

    def apply(self, text: str) -> str:
        """Return the mapped text."""
        return "".join(part for part, _, _ in self._charsmap.parts(text))


def lowercase(text: str) -> str:
    """Return each character in lower case whatever is beside it, also a sigma at the end of a word."""
    if text.isascii():
        return text.lower()
    if any(map(text.__contains__, _NEWER)):  # because `translate` is slow
        text = text.translate(_NEWER_LOWER)
    return text.replace("Σ", "σ").lower()


_SPACES = re.compile(" {2,}")


@functools.lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return the compiled pattern, which `normalizer.replaceable` accepts."""
    return re.compile(pattern.replace("\\s", f"[{WHITE_SPACE}]"))
