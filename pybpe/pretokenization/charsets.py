"""Sets of characters as ranges of code points, and the classes of regular expressions by Unicode 16.0.

A byte that is not UTF-8 is a character too: the lone surrogate that errors="surrogateescape" makes of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pybpe._core.unicode import ranges

END = 0x110000  # one more than the last code point


@dataclass(frozen=True)
class CharSet:
    """A set of code points as sorted ranges: edges[0] to edges[1] - 1, edges[2] to edges[3] - 1, and so on."""

    edges: tuple[int, ...]

    @staticmethod
    def of_ranges(pairs: Iterable[tuple[int, int]]) -> CharSet:
        """Return the union of ranges (first, last), of which both ends are in the set."""
        edges: list[int] = []
        for first, last in sorted(pairs):
            if edges and first <= edges[-1]:
                edges[-1] = max(edges[-1], last + 1)
            else:
                edges += [first, last + 1]
        return CharSet(tuple(edges))

    @staticmethod
    def of(chars: str) -> CharSet:
        """Return the set of the characters of a string."""
        return CharSet.of_ranges((ord(char), ord(char)) for char in chars)

    @staticmethod
    def union(sets: Iterable[CharSet]) -> CharSet:
        """Return the union of sets."""
        return CharSet.of_ranges(pair for points in sets for pair in points.pairs())

    def pairs(self) -> Iterable[tuple[int, int]]:
        """Return the ranges as (first, last), of which both ends are in the set."""
        return zip(self.edges[::2], (end - 1 for end in self.edges[1::2]), strict=True)

    def __contains__(self, point: int) -> bool:
        return any(first <= point <= last for first, last in self.pairs())

    def __bool__(self) -> bool:
        return bool(self.edges)

    def __invert__(self) -> CharSet:
        edges = self.edges[1:] if self.edges[:1] == (0,) else (0, *self.edges)
        return CharSet(edges[:-1] if edges[-1:] == (END,) else (*edges, END))

    def __or__(self, other: CharSet) -> CharSet:
        return CharSet.union((self, other))

    def __and__(self, other: CharSet) -> CharSet:
        return ~(~self | ~other)


NOTHING = CharSet(())


@functools.cache
def property_set(name: str) -> CharSet | None:
    """Return the set of `\\p{name}`, for a general category, its first letter, Any or Han; None for other names."""
    if name == "Any":
        return ~NOTHING
    if name == "Han":
        return _where(lambda _category, _space, han: han)
    found = _where(lambda category, _space, _han: category == name or category[0] == name)
    return found or None


@functools.cache
def white_space() -> CharSet:
    """Return the set of `\\s`: the property White_Space."""
    return _where(lambda _category, space, _han: space)


@functools.cache
def decimal_digits() -> CharSet:
    """Return the set of `\\d`: the category Nd."""
    return _where(lambda category, _space, _han: category == "Nd")


@functools.cache
def word_characters() -> CharSet:
    """Return the set of `\\w`: letters, marks, decimal and letter numbers, connectors, enclosed letters, joiners."""
    names = ("L", "M", "Nd", "Nl", "Pc")
    named = _where(lambda category, _space, _han: category in names or category[0] in names)
    enclosed = [(0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)]  # Other_Alphabetic
    return named | CharSet.of_ranges([*enclosed, (0x200C, 0x200D)])


def _where(wanted: Callable[[str, bool, bool], bool]) -> CharSet:
    """Return the set of characters for which wanted(category, is white space, is Han) is true."""
    table = [*ranges(), (END, "", False, False)]
    return CharSet.of_ranges(
        (first, following[0] - 1)
        for (first, category, space, han), following in zip(table, table[1:], strict=False)
        if wanted(category, space, han)
    )
