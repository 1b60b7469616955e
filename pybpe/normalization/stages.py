"""Stages of normalization, each written once: what it changes in a text, from which the places of characters follow.

A stage lists its edits, (start, end, new): text[start:end] becomes `new`. `apply` gives the new text, quicker than by
the edits where Python has a way to; `align` gives the new text and of each of its characters the (start, end) of what
it was made from. Text is str; bytes that are not UTF-8 are surrogates, as decoding with "surrogateescape" makes them.
"""

from __future__ import annotations

import functools
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

from pybpe.normalization.charsmap import CharsMap
from pybpe.normalization.older_unicode import combining_marks
from pybpe.normalization.unicode_forms import Form, normalize, normalize_aligned
from pybpe.util.utf8 import repair_torn

Edit = tuple[int, int, str]
Places = list[tuple[int, int]]

WHITE_SPACE = "".join(map(chr, (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F)))
WHITE_SPACE += "\u205f\u3000"
_OTHER_SPACE = "\x1c\x1d\x1e\x1f"  # which Python takes for white space too
_NMT_REMOVED = (*range(1, 9), 0xB, *range(0xE, 0x20), 0x7F, 0x8F, 0x9F)
_NMT_SPACES = (0x9, 0xA, 0xC, 0xD, 0x1680, *range(0x200B, 0x2010), 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD)

# Lower case as of Unicode 17.0, which tokenizers has, where Python 3.10 (Unicode 13.0) or a newer one does not know it.
_SINCE_14 = {0x2C2F: 0x2C5F, 0xA7CB: 0x264, 0x1C89: 0x1C8A, 0xA7DC: 0x19B}
_SINCE_14 |= {upper: upper + 1 for upper in (0xA7C0, *range(0xA7CC, 0xA7DB, 2))}
_SINCE_14 |= {upper: upper + 0x27 for upper in range(0x10570, 0x10596) if upper not in (0x1057B, 0x1058B, 0x10593)}
_SINCE_14 |= {upper: upper + 0x20 for upper in range(0x10D50, 0x10D66)}
_SINCE_14 |= {upper: upper + 0x1B for upper in range(0x16EA0, 0x16EB9)}
_NEWER_LOWER = {upper: lower for upper, lower in _SINCE_14.items() if ord(chr(upper).lower()) != lower}
_NEWER = "".join(map(chr, _NEWER_LOWER))


class Stage(ABC):
    """One change to a text. Immutable."""

    @abstractmethod
    def edits(self, text: str) -> Iterator[Edit]:
        """Yield what changes, from left to right, without overlap."""

    def apply(self, text: str) -> str:
        """Return the new text."""
        made: list[str] = []
        done = 0
        for start, end, new in self.edits(text):
            made += (text[done:start], new)
            done = end
        return "".join((*made, text[done:])) if made else text

    def align(self, text: str) -> tuple[str, Places]:
        """Return the new text, and of each character the (start, end) of what it was made from."""
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
    """Return a text after all stages, and of each character the (start, end) of what it was made from."""
    places = [(place, place + 1) for place in range(len(text))]
    for stage in stages:
        text, of_stage = stage.align(text)
        places = [_joined(places, start, end) for start, end in of_stage]
    return text, places


def _joined(places: Places, start: int, end: int) -> tuple[int, int]:
    """Return where characters from start to end come from; an empty place before the first of them for none."""
    if start < end:
        return places[start][0], places[end - 1][1]
    at = places[start][0] if start < len(places) else places[-1][1] if places else 0
    return at, at


class UnicodeForm(Stage):
    """NFC, NFD, NFKC or NFKD."""

    def __init__(self, form: Form) -> None:
        self._form = form

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield the whole text, if that changes: its characters join and come apart."""
        if (normal := self.apply(text)) != text:
            yield 0, len(text), normal

    def apply(self, text: str) -> str:
        """Return the normal form."""
        return normalize(self._form, text)

    def align(self, text: str) -> tuple[str, Places]:
        """Return the normal form and its places: of characters that change together, those of all."""
        return normalize_aligned(self._form, text)


class EachCharacter(Stage):
    """A stage that changes each character on its own."""

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield the characters that change."""
        for place, char in enumerate(text):
            if (new := self.apply(char)) != char:
                yield place, place + 1, new


class Lowercase(EachCharacter):
    """Each character in lower case, whatever stands beside it."""

    def apply(self, text: str) -> str:
        """Return the text in lower case."""
        return lowercase(text)


class Translate(EachCharacter):
    """Characters left out, or made others: {code point: what it becomes}."""

    def __init__(self, table: dict[int, str | None]) -> None:
        self._table = table

    def apply(self, text: str) -> str:
        """Return the text with what the table says."""
        return text.translate(self._table)


class StripAccents(Translate):
    """Combining marks left out."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(combining_marks()))

    def apply(self, text: str) -> str:
        """Return the text without combining marks."""
        return text if text.isascii() else super().apply(text)


class Nmt(Translate):
    """Control characters left out, or made spaces, as the rules of neural machine translation have it."""

    def __init__(self) -> None:
        super().__init__({**dict.fromkeys(_NMT_REMOVED), **dict.fromkeys(_NMT_SPACES, " ")})


class RepairTorn(EachCharacter):
    """U+FFFD for each byte that is not UTF-8."""

    def apply(self, text: str) -> str:
        """Return the text with U+FFFD for such bytes."""
        return text if text.isascii() else repair_torn(text)


class Replace(Stage):
    """One string for another."""

    def __init__(self, old: str, new: str) -> None:
        self._old = old
        self._new = new

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield each place of the old string."""
        start = text.find(self._old)
        while start >= 0:
            end = start + len(self._old)
            yield start, end, self._new
            start = text.find(self._old, end)

    def apply(self, text: str) -> str:
        """Return the text with the new string."""
        return text.replace(self._old, self._new)


class ReplaceAll(Stage):
    """A string for whatever a pattern matches; white space in the pattern is Unicode's, and not Python's."""

    def __init__(self, pattern: str, by: str) -> None:
        self._pattern = _compiled(pattern)
        self._by = by
        self._of_spaces = pattern == r"\s+"

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield each match."""
        for match in self._pattern.finditer(text):
            yield *match.span(), self._by

    def apply(self, text: str) -> str:
        """Return the text with the string for each match; for runs of white space several times as fast."""
        if not self._of_spaces or any(map(text.__contains__, _OTHER_SPACE)):
            return self._pattern.sub(self._by.replace("\\", r"\\"), text)
        words = text.split()
        if not words:
            return self._by if text else text
        before, behind = text[0].isspace(), text[-1].isspace()
        return (self._by if before else "") + self._by.join(words) + (self._by if behind else "")


class SingleSpaces(Stage):
    """Of several spaces in a row, the first."""

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield the spaces behind another."""
        for match in _SPACES.finditer(text):
            yield match.start() + 1, match.end(), ""

    def apply(self, text: str) -> str:
        """Return the text with single spaces."""
        return _SPACES.sub(" ", text) if "  " in text else text


class Prepend(Stage):
    """A string before a text; an empty text stays so, unless it is to come before that too."""

    def __init__(self, before: str, even_empty: bool = False) -> None:
        self._before = before
        self._even_empty = even_empty

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield the string at the beginning."""
        if text or self._even_empty:
            yield 0, 0, self._before


class Strip(Stage):
    """Characters left out at the ends of a text."""

    def __init__(self, left: bool, right: bool, characters: str = WHITE_SPACE) -> None:
        self._left = left
        self._right = right
        self._characters = characters

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield the two ends."""
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
    """sentencepiece's map of characters."""

    def __init__(self, charsmap: CharsMap) -> None:
        self._charsmap = charsmap

    def edits(self, text: str) -> Iterator[Edit]:
        """Yield what the map changes."""
        for part, start, end in self._charsmap.parts(text):
            if part != text[start:end]:
                yield start, end, part

    def apply(self, text: str) -> str:
        """Return the text as the map has it."""
        return "".join(part for part, _, _ in self._charsmap.parts(text))


def lowercase(text: str) -> str:
    """Return each character in lower case, whatever stands beside it: a sigma at the end of a word too."""
    if text.isascii():
        return text.lower()
    if any(map(text.__contains__, _NEWER)):  # takes little where `translate` takes long
        text = text.translate(_NEWER_LOWER)
    return text.replace("Σ", "σ").lower()


_SPACES = re.compile(" {2,}")


@functools.lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern that `normalizer.replaceable` takes, made ready."""
    return re.compile(pattern.replace("\\s", f"[{WHITE_SPACE}]"))
