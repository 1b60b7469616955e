"""Sets of characters, as ranges of code points, and the classes that patterns name, by Unicode 16.0.

A byte that is not UTF-8 is a character too: the lone surrogate that `surrogateescape` makes of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pybpe._core.unicode import ranges

END = 0x110000  # one more than the last code point


@dataclass(frozen=True)
class CharSet:
    """A set of code points, by its edges: code points from edges[0] up to edges[1], from edges[2] to edges[3], ..."""

    edges: tuple[int, ...]

    @staticmethod
    def of_ranges(pairs: Iterable[tuple[int, int]]) -> CharSet:
        """The union of ranges [first, last], both ends in the set."""
        edges: list[int] = []
        for first, last in sorted(pairs):
            if edges and first <= edges[-1]:
                edges[-1] = max(edges[-1], last + 1)
            else:
                edges += [first, last + 1]
        return CharSet(tuple(edges))

    @staticmethod
    def of(chars: str) -> CharSet:
        """The characters of a string."""
        return CharSet.of_ranges((ord(char), ord(char)) for char in chars)

    @staticmethod
    def union(sets: Iterable[CharSet]) -> CharSet:
        """What is in any of these sets."""
        return CharSet.of_ranges(pair for points in sets for pair in points.pairs())

    def pairs(self) -> Iterable[tuple[int, int]]:
        """The ranges, each as its first and last code point."""
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
    """The characters of `\\p{name}`: a general category or its first letter, Any or Han; None for other names."""
    if name == "Any":
        return ~NOTHING
    if name == "Han":
        return _where(lambda _category, _space, han: han)
    found = _where(lambda category, _space, _han: category == name or category[0] == name)
    return found or None


@functools.cache
def white_space() -> CharSet:
    """`\\s`: the property White_Space."""
    return _where(lambda _category, space, _han: space)


@functools.cache
def decimal_digits() -> CharSet:
    """`\\d`: the category Nd."""
    return _where(lambda category, _space, _han: category == "Nd")


@functools.cache
def word_characters() -> CharSet:
    """`\\w`: letters, marks, decimal and letter-like numbers, connectors, letters in circles and squares, joiners."""
    names = ("L", "M", "Nd", "Nl", "Pc")
    named = _where(lambda category, _space, _han: category in names or category[0] in names)
    enclosed = [(0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)]  # Other_Alphabetic
    return named | CharSet.of_ranges([*enclosed, (0x200C, 0x200D)])


def _where(wanted: Callable[[str, bool, bool], bool]) -> CharSet:
    """The characters whose category, white space and Han satisfy a test."""
    table = [*ranges(), (END, "", False, False)]
    return CharSet.of_ranges(
        (first, following[0] - 1)
        for (first, category, space, han), following in zip(table, table[1:], strict=False)
        if wanted(category, space, han)
    )
