import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe.data.chain import chained

PARTS = st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=2, max_size=5)


@given(PARTS, st.data())
def test_a_chain_reads_as_one_array(parts, data):
    arrays = [np.array(part, np.uint16) for part in parts]
    chain, whole = chained(arrays), np.concatenate(arrays)
    assert (len(chain), chain.ndim, chain.dtype) == (len(whole), 1, whole.dtype)
    assert np.array_equal(np.asarray(chain), whole)
    start, stop = (data.draw(st.one_of(st.none(), st.integers(-20, 20))) for _ in range(2))
    assert np.array_equal(np.asarray(chain[start:stop]), whole[start:stop])
    if len(whole):
        places = np.array(data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=9)), np.int64)
        assert np.array_equal(chain[places], whole[places])
        assert np.array_equal(chain[places[:, None]], whole[places[:, None]])
        assert chain[0] == whole[0]
    part = chain[start:stop]
    assert len(part) == len(whole[start:stop])
    if len(part):
        assert part[len(part) - 1] == whole[start:stop][-1]


def test_one_array_is_itself_and_what_is_not_there_is_an_error():
    only = np.arange(3)
    assert chained([only]) is only
    chain = chained([only, only])
    for index in (6, -1, np.array([0, 6])):
        with pytest.raises(IndexError, match="out of range"):
            chain[index]
    with pytest.raises(IndexError, match="without a step"):
        chain[::2]
