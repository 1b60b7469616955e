"""Packing of items into rows, against first fit and best fit written out plainly."""

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe.gpt.finetune.packing import pack


@st.composite
def items(draw, least=lambda capacity: 1):
    capacity = draw(st.integers(1, 40))
    return draw(st.lists(st.integers(least(capacity), capacity), max_size=60)), capacity


def first_fit(lengths, capacity):
    """The number of rows of first fit decreasing."""
    totals = []
    for length in sorted(lengths, reverse=True):
        row = next((row for row, total in enumerate(totals) if total + length <= capacity), len(totals))
        totals[row : row + 1] = [length + (totals[row] if row < len(totals) else 0)]
    return len(totals)


def best_fit(lengths, capacity):
    """The totals of the rows of best fit decreasing."""
    totals = []
    for length in sorted(lengths, reverse=True):
        fitting = [row for row, total in enumerate(totals) if total + length <= capacity]
        row = max(fitting, key=lambda row: totals[row], default=len(totals))
        totals[row : row + 1] = [length + (totals[row] if row < len(totals) else 0)]
    return totals


@given(items())
def test_every_item_is_in_one_row(given_):
    lengths, capacity = given_
    rows = pack(lengths, capacity)
    assert sorted(item for row in rows for item in row) == list(range(len(lengths)))
    assert all(row and sum(lengths[item] for item in row) <= capacity for row in rows)


@given(items())
def test_rows_are_those_of_best_fit_decreasing(given_):
    lengths, capacity = given_
    totals = sorted(sum(lengths[item] for item in row) for row in pack(lengths, capacity))
    assert totals == sorted(best_fit(lengths, capacity))
    assert all(a + b > capacity for a, b in zip(totals, totals[1:], strict=False))  # no two rows fit into one


@given(items(least=lambda capacity: -(-capacity // 6)))
def test_no_more_rows_than_first_fit_decreasing(given_):
    """Johnson's theorem for items of at least a sixth of a row; below, either of the two may need fewer rows."""
    lengths, capacity = given_
    assert len(pack(lengths, capacity)) <= first_fit(lengths, capacity)


@given(items())
def test_rows_stay_within_the_bound_of_best_fit_decreasing(given_):
    """11/9 of the fewest rows possible, and 4 (Johnson 1974); first fit needs at least as many as possible."""
    lengths, capacity = given_
    assert len(pack(lengths, capacity)) <= Fraction(11, 9) * first_fit(lengths, capacity) + 4


@pytest.mark.parametrize("seed", range(5))
def test_lengths_like_those_of_conversations(seed):
    rng = random.Random(seed)
    lengths = [min(1025, 8 + int(rng.lognormvariate(4, 1))) for _ in range(1500)]
    rows = pack(lengths, 1025)
    assert len(rows) <= first_fit(lengths, 1025)
    assert sum(lengths) / (1025 * len(rows)) > 0.99


@given(items(), st.randoms())
def test_the_order_of_equal_items_is_theirs(given_, rng):
    lengths, capacity = given_
    assert pack(lengths, capacity) == pack(list(lengths), capacity)
    shuffled = rng.sample(lengths, len(lengths))
    totals = [
        sorted(sum(order[item] for item in row) for row in pack(order, capacity)) for order in (lengths, shuffled)
    ]
    assert totals[0] == totals[1]


@pytest.mark.parametrize("length", [0, -1, 6])
def test_a_length_that_fits_no_row(length):
    with pytest.raises(ValueError, match=rf"length {length}; it must lie in 1\.\.5"):
        pack([3, length], 5)
