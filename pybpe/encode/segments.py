"""Text to segments, ids of names and the ordinary text between them, by stages that are each written once.

A stage splits one ordinary segment, either plain or located. Plain text is str or UTF-8. A located segment is str, and
says what of the text it was made from: (start, end) of all of it, and the places of its characters where it is not just
the text from start to end. `split_plain` and `split_located` run the same stages.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pybpe._core.unicode import classes
from pybpe.encode.special_tokens import Text, find_names, find_one_of
from pybpe.normalization.stages import WHITE_SPACE, Places

if TYPE_CHECKING:
    import regex

Names = frozenset[str]
Flags = Mapping[str, tuple[str, ...]]

_WHITE_SPACE = frozenset(WHITE_SPACE)
_JOINERS = ("\u200c", "\u200d")


class Plain(NamedTuple):
    """A segment: ordinary text, or an id. first: True if the text begins with it."""

    content: Text | int
    first: bool


class Located(NamedTuple):
    """A segment with the (start, end) of what it was made from, in characters of the text.

    places: of each of its characters that (start, end); None for text that is that from start to end, and for ids.
    """

    content: str | int
    places: Places | None
    start: int
    end: int
    first: bool = False


class SegmentStage(Protocol):
    """Splits an ordinary segment in others, none of them empty."""

    def plain(self, text: Text, first: bool) -> Iterable[Plain]:
        """Yield the segments of ordinary text."""

    def located(self, text: str, segment: Located) -> Iterable[Located]:
        """Yield the segments of `segment`, whose content is `text`."""


def split_plain(stages: Iterable[SegmentStage], text: Text) -> list[Text | int]:
    """Return the segments of a text."""
    segments = [Plain(text, True)] if text else []
    for stage in stages:
        done, segments = segments, []
        for segment in done:
            content, first = segment
            if isinstance(content, int):
                segments.append(segment)
            else:
                segments += stage.plain(content, first)
    return [content for content, _ in segments]


def split_located(stages: Iterable[SegmentStage], text: str) -> list[Located]:
    """Return the segments of a text with their places."""
    segments = [Located(text, None, 0, len(text), True)] if text else []
    for stage in stages:
        done, segments = segments, []
        for segment in done:
            if isinstance(segment.content, int):
                segments.append(segment)
            else:
                segments += stage.located(segment.content, segment)
    return segments


class FindNames:
    """Finds tokens by their names, from left to right, at each place the longest.

    ids: of all names. flags: what is asked for beside a name, or belongs to it; seen to in str only. meant: {what is
    looked for: the name that it is of}, where they differ.
    """

    def __init__(
        self, names: Names, ids: Mapping[str, int], flags: Flags | None = None, meant: Mapping[str, str] | None = None
    ) -> None:
        self._names = names
        self._ids = ids
        self._flags = flags or {}
        self._meant = meant or {}

    def plain(self, text: Text, first: bool) -> Iterator[Plain]:
        """Yield ids, and the text between."""
        for start, end, token in self.spans(text):
            yield Plain(text[start:end] if token is None else token, first and start == 0)

    def located(self, text: str, segment: Located) -> Iterator[Located]:
        """Yield ids, and the text between, with their places."""
        places = segment.places
        for start, end, token in self.spans(text):
            of_part = places[start:end] if places is not None else None
            where = _around(of_part) if of_part else (segment.start + start, segment.start + end)
            first = segment.first and start == 0
            if token is not None:
                yield Located(token, None, *where, first)
            else:
                yield Located(text[start:end], of_part, *where, first)

    def spans(self, text: Text) -> Iterator[tuple[int, int, int | None]]:
        """Yield (start, end, id) of each name, and with None what stands between; nothing of them is empty.

        A name that takes the white space behind it does not keep another from being found in there, unless that takes
        what is before it.
        """
        done = 0
        if find_one_of(self._names, text) is not None:
            for start, end, name in self._found(text):
                if "lstrip" in self._flags.get(name, ()):
                    start = max(start, done)
                if done < start:
                    yield done, start, None
                if start < end:
                    yield start, end, self._ids[name]
                done = end
        if done < len(text):
            yield done, len(text), None

    def _found(self, text: Text) -> Iterator[tuple[int, int, str]]:
        """Yield (start, end, name) of each name, with the white space that belongs to it."""
        for match in find_names(self._names, text).finditer(text):  # type: ignore[type-var]
            found = match.group()
            name = found if isinstance(found, str) else found.decode()
            name = self._meant.get(name, name)
            start, end = match.span()
            flags = self._flags.get(name)
            if flags and isinstance(text, str):
                if "single_word" in flags and (_is_word(text[start - 1 : start]) or _is_word(text[end : end + 1])):
                    continue
                while "lstrip" in flags and start > 0 and text[start - 1] in _WHITE_SPACE:
                    start -= 1
                while "rstrip" in flags and end < len(text) and text[end] in _WHITE_SPACE:
                    end += 1
            yield start, end, name


class Normalize:
    """Brings each segment to its normal form.

    apply: gives the normal form of plain text. align: gives that of a str and the places of its characters.
    """

    def __init__(self, apply: Callable[[Text], Text], align: Callable[[str], tuple[str, Places]]) -> None:
        self._apply = apply
        self._align = align

    def plain(self, text: Text, first: bool) -> Iterator[Plain]:
        """Yield the normal form."""
        if normal := self._apply(text):
            yield Plain(normal, first)

    def located(self, text: str, segment: Located) -> Iterator[Located]:
        """Yield the normal form and its places."""
        normal, found = self._align(text)
        unmoved = normal == text and all(place == (i, i + 1) for i, place in enumerate(found))
        places = [(segment.start + first, segment.start + last) for first, last in found]
        if normal:
            yield segment._replace(content=normal, places=None if unmoved else places)


class PrefixSpace:
    """Puts a space before each segment that begins with none; `only_first`: only where the text begins."""

    def __init__(self, only_first: bool) -> None:
        self._only_first = only_first

    def needed(self, text: Text, first: bool) -> bool:
        """Return True if a segment gets a space."""
        return (first or not self._only_first) and text[:1] not in (" ", b" ")

    def plain(self, text: Text, first: bool) -> Iterator[Plain]:
        """Yield the segment with its space."""
        if self.needed(text, first):
            text = " " + text if isinstance(text, str) else b" " + text
        yield Plain(text, first)

    def located(self, text: str, segment: Located) -> Iterator[Located]:
        """Yield the segment with its space, whose place is empty."""
        if self.needed(text, segment.first):
            start, end = segment.start, segment.end
            places = segment.places or [(place, place + 1) for place in range(start, end)]
            segment = segment._replace(content=" " + text, places=[(start, start), *places])
        yield segment


def _around(places: Places) -> tuple[int, int]:
    """Return the (start, end) of all of a text that characters were made from."""
    return min(start for start, _ in places), max(end for _, end in places)


def _is_word(char: str) -> bool:
    """Return True if there is a character and it is part of a word: by Unicode 16.0, as Rust's regex crate has it."""
    return char in _JOINERS or bool(char and _word().match(char) and classes(ord(char)))


@functools.cache
def _word() -> regex.Pattern[str]:
    import regex  # takes longer to import than pybpe

    return regex.compile(r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]")
