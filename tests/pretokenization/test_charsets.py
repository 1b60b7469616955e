"""Sets of characters against sets of Python."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pybpe.pretokenization.charsets import END, CharSet, decimal_digits, property_set, white_space, word_characters

points = st.frozensets(st.one_of(st.integers(0, 8), st.integers(END - 8, END - 1)), max_size=12)
WINDOW = [*range(10), *range(END - 10, END)]


def charset(members: frozenset[int]) -> CharSet:
    return CharSet.of_ranges((point, point) for point in members)


@given(first=points, second=points)
def test_algebra(first, second):
    one, two = charset(first), charset(second)
    for point in WINDOW:
        assert (point in one | two) == (point in first | second)
        assert (point in one & two) == (point in first & second)
        assert (point in ~one) == (point not in first)
    assert (one == two) == (first == second)
    assert ~~one == one
    assert bool(one) == bool(first)


def test_ranges_that_touch_are_one():
    assert CharSet.of_ranges([(5, 7), (1, 2), (3, 4), (6, 9)]) == CharSet((1, 10))


def test_properties():
    assert property_set("L") == CharSet.union(property_set(f"L{kind}") for kind in "ultmo")
    assert property_set("Any") == CharSet((0, END))
    assert ord("漢") in property_set("Han")
    assert ord("あ") not in property_set("Han")
    assert sum(last - first + 1 for first, last in property_set("Han").pairs()) == 99_030
    assert property_set("Nd") == decimal_digits()
    assert 0x85 in white_space()
    assert all(ord(char) in word_characters() for char in "aZ_9é中\u0301\u200dⓐ")
    assert property_set("Greek") is None
