"""Which texts hold some bytes: equal to Python's `in`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe._core.search import texts_with

letters = st.text("<|aé", max_size=12)


@given(texts=st.lists(st.one_of(letters, letters.map(str.encode)), max_size=8), needle=letters.map(str.encode))
def test_equals_python(texts, needle):
    as_bytes = [text.encode() if isinstance(text, str) else text for text in texts]
    assert texts_with(texts, needle) == [number for number, text in enumerate(as_bytes) if needle in text]


def test_half_a_character_is_refused():
    with pytest.raises(UnicodeEncodeError):
        texts_with(["a", "\ud800"], b"a")


def test_only_text_is_taken():
    with pytest.raises(TypeError, match="text must be str or bytes, not int"):
        texts_with([1], b"a")
