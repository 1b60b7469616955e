"""How work is shared among threads."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pybpe.parallel import MAX_PARTS, bounds_of_parts


@given(sizes=st.lists(st.integers(0, 50), max_size=60), part_size=st.integers(1, 100))
def test_parts_follow_each_other_and_are_small(sizes, part_size):
    bounds = bounds_of_parts(sizes, part_size)
    assert [number for first, last in bounds for number in range(first, last)] == list(range(len(sizes)))
    for first, last in bounds:
        assert last - first <= 1 or sum(sizes[first:last]) <= part_size


def test_there_are_not_too_many_parts():
    assert len(bounds_of_parts([1] * 100_000, 1)) <= 2 * MAX_PARTS
