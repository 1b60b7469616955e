"""BPE-dropout: always the same text, by the probabilities that the paper gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import messy_bytes, text

from pybpe import Tokenizer


@given(data=messy_bytes, p=st.floats(0, 1), seed=st.integers(0, 2**64 - 1))
def test_the_text_is_the_same_whatever_is_left_out(small, data, p, seed):
    ids = small.encode_with_dropout(data, p, seed)
    assert small.decode_bytes(ids) == data
    assert small.encode_with_dropout(data, p, seed) == ids


@given(text=text, seed=st.integers(0, 100))
def test_the_ends_of_the_scale(small, text, seed):
    assert small.encode_with_dropout(text, 0, seed) == small.encode_ordinary(text)
    assert small.encode_with_dropout(text, 1e-300, seed) == small.encode_ordinary(text)
    assert small.encode_with_dropout(text, 1, seed) == list(text.encode())


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_a_single_merge_is_left_out_with_probability_p(p):
    tok = Tokenizer.train(iter(["ab"]), 257, progress=False)
    n = 20_000
    left_out = sum(tok.encode_with_dropout("ab", p, seed) == [97, 98] for seed in range(n))
    assert abs(left_out / n - p) < 4.5 * np.sqrt(p * (1 - p) / n)


def test_two_merges_that_compete():
    # ab is learned before bc. At each step of "abc": neither left (p * p) ends; ab taken 1 - p; bc taken p * (1 - p).
    tok = Tokenizer.train(iter(["ab ab ab", "bc bc"]), 258, pattern=r"\w+|\s", progress=False)
    assert tok.merges == {(97, 98): 256, (98, 99): 257}
    n, p = 20_000, 0.4
    outcomes = [tuple(tok.encode_with_dropout("abc", p, seed)) for seed in range(n)]
    for ids, probability in (((256, 99), 1 - p), ((97, 257), p * (1 - p)), ((97, 98, 99), p * p)):
        share = outcomes.count(ids) / n
        assert abs(share - probability) < 4.5 * np.sqrt(probability * (1 - probability) / n)


def test_other_seeds_give_other_ids(small):
    text = "The quick brown fox jumps over the lazy dog"
    assert len({tuple(small.encode_with_dropout(text, 0.3, seed)) for seed in range(50)}) > 10


@pytest.mark.parametrize(
    ("p", "seed", "error"), [(-0.1, 0, ValueError), (1.1, 0, ValueError), (0.5, -1, OverflowError)]
)
def test_what_cannot_be(small, p, seed, error):
    with pytest.raises(error):
        small.encode_with_dropout("text", p, seed)
    with pytest.raises(ValueError, match="p is nan"):
        small.encode_with_dropout("text", float("nan"), 0)
