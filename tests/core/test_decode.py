"""Decoding: every form of ids, tokens of every size, and the end of the text to the byte."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import TokenIdError, Tokenizer
from pybpe.definition import Definition, make_vocabulary
from pybpe.vocabulary.models import ByteMerges

SIZES = [*range(2, 40), 255, 256, 257, 1000]
TOKENS = [*(bytes([byte]) for byte in range(256)), *(bytes([97 + size % 26]) * size for size in SIZES), b"", b"z" * 16]
HOLE = 256 + len(SIZES)
SPECIAL = {"<|s|>": len(TOKENS) + 3, "<|a special token of more than 15 bytes|>": len(TOKENS) + 5}


@pytest.fixture(scope="module")
def sizes() -> Tokenizer:
    """A vocabulary with tokens of nearly every size, a hole, and special tokens behind a gap."""
    return Tokenizer(Definition(ByteMerges(make_vocabulary(TOKENS), np.empty((0, 3), np.uint32)), "gpt4", SPECIAL))


TEXTS = {i: token for i, token in enumerate(TOKENS) if token} | {i: name.encode() for name, i in SPECIAL.items()}


@given(ids=st.lists(st.sampled_from(sorted(TEXTS)), max_size=60))
def test_all_forms_of_ids_give_the_same(sizes, ids):
    expected = b"".join(TEXTS[i] for i in ids)
    assert sizes.decode_bytes(ids) == expected
    assert sizes.decode_bytes(tuple(ids)) == expected
    assert sizes.decode_bytes(np.array(ids, np.uint32)) == expected
    assert sizes.decode_bytes(np.array(ids, np.int64)) == expected
    assert sizes.decode_bytes(np.repeat(np.array(ids, np.uint32), 2)[::2]) == expected
    assert sizes.decode_bytes(array("I", ids)) == expected
    assert sizes.decode_bytes([np.int32(i) for i in ids]) == expected
    assert sizes.decode(ids) == sizes.decode(np.array(ids, np.uint32)) == expected.decode("utf-8", "replace")
    assert sizes.decode_batch([ids, np.array(ids, np.uint32), ()]) == [expected.decode("utf-8", "replace")] * 2 + [""]


@given(
    ids=st.lists(st.sampled_from(sorted(TEXTS)), max_size=30),
    place=st.integers(0, 30),
    bad=st.sampled_from([HOLE, len(TOKENS), max(TEXTS) + 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**70, -1, -(2**40)]),
)
def test_one_bad_id_among_good_ones(sizes, ids, place, bad):
    ids.insert(place, bad)
    for form in (ids, tuple(ids)):
        for decode in (sizes.decode_bytes, sizes.decode, lambda ids: sizes.decode_batch([[97], ids])):
            with pytest.raises(TokenIdError, match=str(bad)):
                decode(form)
    if 0 <= bad < 2**32:
        with pytest.raises(TokenIdError, match=str(bad)):
            sizes.decode_bytes(np.array(ids, np.uint32))


@pytest.mark.parametrize("ids", [[True], [97, None], [97, "a"], [97, 1.0], [[97]]])
def test_what_is_no_id_among_ids(sizes, ids):
    with pytest.raises(TypeError, match="integers"):
        sizes.decode(ids)
    with pytest.raises(TypeError, match="integers"):
        sizes.decode_batch([[97], ids])


def test_ids_of_a_kind_of_int(sizes):
    class Id(int):
        pass

    assert sizes.decode([Id(97), 98]) == sizes.decode([97, np.uint8(98)]) == "ab"
    assert sizes.decode([True, 98]) == "\x01b"


def test_what_to_do_with_bytes_that_are_no_text(sizes):
    for ids in ([97, 0xFF], np.array([97, 0xFF], np.uint32)):
        assert sizes.decode(ids) == "a\ufffd"
        assert sizes.decode(ids, "ignore") == "a"
        assert sizes.decode_batch([ids], "backslashreplace") == ["a\\xff"]
        with pytest.raises(UnicodeDecodeError):
            sizes.decode(ids, "strict")
        with pytest.raises(LookupError, match="no such handler"):
            sizes.decode(ids, "no such handler")
    with pytest.raises(TypeError):
        sizes.decode([97], None)


def test_single_tokens(sizes):
    assert {i: sizes.token_bytes(i) for i in TEXTS} == TEXTS == sizes.vocab
    for bad in (HOLE, len(TOKENS), max(TEXTS) + 1):
        with pytest.raises(TokenIdError, match=str(bad)):
            sizes.token_bytes(bad)


def test_more_ids_than_fit_a_block(small):
    ids = list(range(400)) * 500
    expected = b"".join(small.token_bytes(i) for i in range(400)) * 500
    assert small.decode_bytes(ids) == small.decode_bytes(np.array(ids, np.uint32)) == expected
