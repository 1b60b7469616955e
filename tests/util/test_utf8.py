"""Text as bytes: any str becomes UTF-8, and bytes stay as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe._core.unicode import is_utf8
from pybpe.util.utf8 import repair_surrogates, to_utf8


@given(text=st.text())  # surrogates too
def test_any_text_becomes_utf8(text):
    assert to_utf8(text).decode() == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert is_utf8(to_utf8(text))


@given(content=st.binary())
def test_bytes_stay_as_they_are(content):
    assert to_utf8(content) is content
    assert is_utf8(content) == (content.decode(errors="replace").encode() == content)


def test_surrogates():
    assert repair_surrogates("\ud83d\ude42 \ud800") == "🙂 \ufffd"


def test_other_things_are_no_text():
    with pytest.raises(TypeError, match="text must be str or bytes, not int"):
        to_utf8(1)
