"""Segments of text, and the stages that make them: find names, normalize, add the prefix space.

A stage splits one ordinary segment, in a plain or in a located form. A plain segment is str or UTF-8. A located segment
is a str with its (start, end) in the text, and with the (start, end) of each of its characters if it is not simply
text[start:end]. `split_plain` and `split_located` run the same stages.
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
    """A segment: ordinary text, or an id. first: True if it is at the beginning of the text."""

    content: Text | int
    first: bool


class Located(NamedTuple):
    """A segment with the (start, end) in the text, in characters, that it was made from.

    places: the (start, end) of each character of the segment; None if it is text[start:end], and for ids. first: True
    if it is at the beginning of the text.
    """

    content: str | int
    places: Places | None
    start: int
    end: int
    first: bool = False


class SegmentStage(Protocol):
    """A function that splits an ordinary segment into segments, none of them empty, in two forms."""

    def plain(self, text: Text, first: bool) -> Iterable[Plain]:
        """Yield the segments of ordinary text."""

    def located(self, text: str, segment: Located) -> Iterable[Located]:
        """Yield the segments of `segment`, whose content is `text`."""


def split_plain(stages: Iterable[SegmentStage], text: Text) -> list[Text | int]:
    """Return the segments of a text after all stages."""
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
    """Return the segments of a text after all stages, with their offsets."""
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
    """The stage that finds tokens by name, from left to right; of several names at one position, the longest.

    names: the strings to search for. ids: {name: id}. flags: {name: flags}, see Preprocessing; applied in str only.
    meant: {string searched for: name} if they differ.
    """

    def __init__(
        self, names: Names, ids: Mapping[str, int], flags: Flags | None = None, meant: Mapping[str, str] | None = None
    ) -> None:
        self._names = names
        self._ids = ids
        self._flags = flags or {}
        self._meant = meant or {}

    def plain(self, text: Text, first: bool) -> Iterator[Plain]:
        """Yield the ids found, and the text between them."""
        for start, end, token in self.spans(text):
            yield Plain(text[start:end] if token is None else token, first and start == 0)

    def located(self, text: str, segment: Located) -> Iterator[Located]:
        """Yield the ids found, and the text between them, with their offsets."""
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
        """Yield (start, end, id) for each name, and (start, end, None) for the text between names; none is empty.

        If the white space that a name takes ("rstrip") holds another name, both are found, and the second name begins
        after the first one ends.
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
        """Yield (start, end, name) for each name, including the white space that belongs to it."""
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
    """The stage that normalizes each segment.

    apply: a function that returns the normal form of a text. align: a function that returns the normal form of a str,
    and the (start, end) in the str of each character of it.
    """

    def __init__(self, apply: Callable[[Text], Text], align: Callable[[str], tuple[str, Places]]) -> None:
        self._apply = apply
        self._align = align

    def plain(self, text: Text, first: bool) -> Iterator[Plain]:
        """Yield the normal form, if it is not empty."""
        if normal := self._apply(text):
            yield Plain(normal, first)

    def located(self, text: str, segment: Located) -> Iterator[Located]:
        """Yield the normal form with its offsets, if it is not empty."""
        normal, found = self._align(text)
        unmoved = normal == text and all(place == (i, i + 1) for i, place in enumerate(found))
        places = [(segment.start + first, segment.start + last) for first, last in found]
        if normal:
            yield segment._replace(content=normal, places=None if unmoved else places)


class PrefixSpace:
    """The stage that puts a space before each segment that does not begin with one.

    only_first: True to do so only at the beginning of the text.
    """

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
        """Yield the segment with its space, whose offsets have start equal to end."""
        if self.needed(text, segment.first):
            start, end = segment.start, segment.end
            places = segment.places or [(place, place + 1) for place in range(start, end)]
            segment = segment._replace(content=" " + text, places=[(start, start), *places])
        yield segment


def _around(places: Places) -> tuple[int, int]:
    """Return the (start, end) that covers the places of all characters."""
    return min(start for start, _ in places), max(end for _, end in places)


def _is_word(char: str) -> bool:
    """Return True for a character that the class \\w of Rust's regex crate matches, by Unicode 16.0; False for ""."""
    return char in _JOINERS or bool(char and _word().match(char) and classes(ord(char)))


@functools.cache
def _word() -> regex.Pattern[str]:
    import regex  # takes longer to import than pybpe

    return regex.compile(r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]")
