"""What symbols are written as: one id or more for each, and never more than they have bytes."""

from __future__ import annotations

from array import array

import pytest

from pybpe._core.emission import Emission
from pybpe._core.ids import IdBuffer
from pybpe._core.ranks import scored_merges
from pybpe._core.vocab import Vocabulary
from pybpe.definition import make_vocabulary


def symbols(*tokens: bytes) -> Vocabulary:
    return make_vocabulary([*(bytes([byte]) for byte in range(256)), *tokens])


@pytest.mark.parametrize(
    ("ends", "ids", "reason"),
    [
        ([1] * 257, [0] * 257, "symbol 1 is not written"),
        (list(range(1, 257)), [0] * 256, "there are 257 symbols, and what 256"),
        ([*range(1, 257), 259], [0] * 259, "symbol 256 is not written"),
        ([*range(1, 257), 258], [0] * 257, "symbol 256 is not written"),
    ],
)
def test_what_is_refused(ends, ids, reason):
    with pytest.raises(ValueError, match=reason):
        Emission(symbols(b"ab"), array("I", ends), array("I", ids))


def test_each_token_has_one_row_by_its_ranks():
    ranks = array("I", [0xFFFFFFFF] * 256 + [5, 3, 4])
    _, rows = scored_merges(symbols(b"ab", b"bc", b"abc"), ranks, False)
    assert rows.to_list(list(range(300))) == [97, 98, 256, 98, 99, 257, 97, 257, 258]
    with pytest.raises(ValueError, match="259 tokens and 258 ranks"):
        scored_merges(symbols(b"ab", b"bc", b"abc"), ranks[:-1], False)


def test_runs_become_one():
    ids = IdBuffer()
    for token in (7, 7, 1, 7, 7, 7, 2, 2, 7):
        ids.append(token)
    ids.unite(1, 7)
    assert ids.to_list(list(range(9))) == [7, 7, 1, 7, 2, 2, 7]
    ids.unite(7, 7)
    with pytest.raises(ValueError, match="none from 8 on"):
        ids.unite(8, 7)
    view = memoryview(ids)
    with pytest.raises(BufferError):
        ids.unite(0, 7)
    del view
