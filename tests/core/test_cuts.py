"""Places that no token spans: a word is what its parts are."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import Tokenizer, reference
from pybpe._core.cuts import Cuts
from pybpe.definition import make_vocabulary

CHARS = "中文字日本語カナกาあéж🙂a"


@pytest.fixture(scope="module")
def runs() -> Tokenizer:
    """Merges within and across characters of two, three and four bytes, torn characters among them."""
    rng = random.Random(9)
    texts = ["".join(rng.choices(CHARS[:10], k=3)) * 2 + "".join(rng.choices(CHARS, k=5)) for _ in range(60)]
    return Tokenizer.train(iter(texts), 400, pattern=r"[\s\S]+", progress=False)


part = st.one_of(st.text(CHARS, max_size=12).map(str.encode), st.binary(max_size=3))
broken = st.lists(part, max_size=12).map(b"".join)


@given(word=broken)
def test_parts_merge_as_the_whole(runs, word):
    pieces = Cuts(runs._definition.vocabulary).parts(word)
    assert b"".join(pieces) == word
    merged = [token for piece in pieces for token in reference.encode_word(piece, runs.merges)]
    assert merged == reference.encode_word(word, runs.merges)


def test_cuts_are_found():
    vocabulary = make_vocabulary([bytes([byte]) for byte in range(256)] + ["中文".encode(), "文".encode() + b"\xe5"])
    cuts = Cuts(vocabulary)
    assert cuts.parts("中文中中".encode()) == ["中文".encode(), "中".encode(), "中".encode()]
    assert cuts.parts("文字文中".encode()) == ["文字".encode(), "文".encode(), "中".encode()]  # 字 begins with E5


@given(text=st.text(CHARS, min_size=6, max_size=400))
def test_long_words_of_long_characters(runs, text):
    assert runs.encode_ordinary(text) == reference.encode_word(text.encode(), runs.merges)
