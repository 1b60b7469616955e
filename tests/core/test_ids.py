"""The buffer of ids: as lists, as arrays, as rows."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe._core.ids import IdBuffer, Rows

INTS = list(range(1000))


def buffer_of(ids: list[int]) -> IdBuffer:
    buffer = IdBuffer()
    for token in ids:
        buffer.append(token)
    return buffer


@given(ids=st.lists(st.integers(0, 1100) | st.just(2**32 - 1), max_size=80), data=st.data())
def test_lists(ids, data):
    buffer = buffer_of(ids)
    made = buffer.to_list(INTS)
    assert made == ids
    assert all(item is INTS[item] for item in made if item < 1000)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(ids)), max_size=6)))
    offsets = array("q", [0, *cuts, len(ids)])
    parts = [ids[a:b] for a, b in zip(offsets, offsets[1:], strict=False)]
    assert buffer.to_lists(INTS, offsets) == parts
    assert buffer.to_lists(INTS, np.array(offsets)) == parts


@pytest.mark.parametrize("offsets", [[0, 4], [-1, 2], [2, 1], [0, 2**40], [-5, -1]])
def test_parts_that_are_not_there(offsets):
    with pytest.raises(ValueError, match="not a part of 3 ids"):
        buffer_of([1, 2, 3]).to_lists(INTS, array("q", offsets))


def test_no_parts():
    assert buffer_of([1]).to_lists(INTS, array("q")) == []
    assert buffer_of([1]).to_lists(INTS, array("q", [0])) == []


@pytest.mark.parametrize("n", [0, 1, 5])
def test_rows(n):
    flat = list(range(3 * n))
    for source in (buffer_of(flat), array("I", flat)):
        rows = memoryview(Rows(source, 3))
        assert rows.shape == (n, 3)
        assert rows.readonly
        assert rows.tolist() == [flat[i : i + 3] for i in range(0, 3 * n, 3)]
        assert np.asarray(rows).dtype == np.uint32
    with pytest.raises(ValueError, match="rows of 3"):
        Rows(array("I", range(4)), 3)
