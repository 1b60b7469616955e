"""Merging of words, short and long, and the caches, against the reference."""

from __future__ import annotations

import random
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import Tokenizer, reference
from pybpe._core.ids import IdBuffer, Rows
from pybpe._core.merge import MergeTable, listed_merges
from pybpe.definition import make_vocabulary

WHOLE = r"[\s\S]+"  # one word a text


@pytest.fixture(scope="module")
def tie_rich() -> Tokenizer:
    """Merges over two letters: almost every pair of tokens merges, and in several orders."""
    rng = random.Random(5)
    texts = ["".join(rng.choices("ab", k=40)) for _ in range(20)]
    return Tokenizer.train(iter(texts), 330, pattern=WHOLE, progress=False)


@given(word=st.text("ab", min_size=1, max_size=31))
def test_short_words(tie_rich, word):
    assert tie_rich.encode_ordinary(word) == reference.encode_word(word.encode(), tie_rich.merges)


@given(word=st.text("ab", min_size=30, max_size=200))
def test_long_words(tie_rich, word):
    assert tie_rich.encode_ordinary(word) == reference.encode_word(word.encode(), tie_rich.merges)


@pytest.mark.parametrize("size", [1, 2, 14, 15, 16, 17, 31, 32, 33, 1023, 1024, 1025, 4096])
def test_sizes_at_which_something_changes(tie_rich, size):
    word = ("abb" * size)[:size]
    expected = reference.encode_word(word.encode(), tie_rich.merges)
    assert tie_rich.encode_ordinary(word) == expected
    assert tie_rich.encode_ordinary(word) == expected  # from the cache


def test_more_words_than_the_caches_hold(small):
    rng = np.random.default_rng(7)
    words = [
        f" {value:x}".ljust(size, "z")
        for value, size in zip(rng.integers(0, 1 << 40, 150_000).tolist(), [5, 14, 15, 16, 40] * 30_000, strict=True)
    ]
    text = "".join(words)
    first = small.encode_to_numpy(text)
    assert np.array_equal(small.encode_to_numpy(text), first)
    assert small.decode(first) == text
    sample = "".join(words[::500])
    assert small.encode_ordinary(sample) == reference.encode_ordinary(sample, small.merges)


def test_a_million_letters_in_one_word(small):
    for letter in ("a", " ", "é", "\n"):
        text = letter * 1_000_000
        assert small.decode(small.encode_to_numpy(text)) == text


def test_a_vocabulary_must_have_every_byte():
    with pytest.raises(ValueError, match="no token for byte 0x01"):
        MergeTable(make_vocabulary([b"\0"]), 0)


def test_of_one_pair_the_first_merge_counts():
    bytes_ = [bytes([byte]) for byte in range(256)]
    rows = memoryview(Rows(array("I", [97, 98, 256, 97, 98, 257]), 3))
    assert len(listed_merges(make_vocabulary([*bytes_, b"ab", b"ab"]), rows)) == 1


def test_ids_cannot_grow_under_an_array():
    ids = IdBuffer()
    ids.append(1)
    view = ids.to_numpy()
    with pytest.raises(BufferError, match="can no longer grow"):
        ids.append(2)
    assert view.tolist() == [1]
    del view
    ids.append(2)
    assert ids.to_list(list(range(3))) == [1, 2]
