"""Steps of a normalizer, as tokenizers has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import BOUNDARY

from pybpe.text.normalizer import lowercase

tokenizers = pytest.importorskip("tokenizers", reason="steps are compared with those of tokenizers")


def test_lower_case_of_every_code_point():
    theirs = tokenizers.normalizers.Lowercase()
    points = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    for start in range(0, len(points), 1024):
        text = "\n".join(f"a{char} {char}" for char in points[start : start + 1024])
        assert lowercase(text) == theirs.normalize_str(text), hex(start)


@given(st.text(st.sampled_from(BOUNDARY + "\u03a3\u0130\ua7cb\ua7dc\U00010570")))
def test_lower_case_of_texts(text):
    assert lowercase(text) == tokenizers.normalizers.Lowercase().normalize_str(text)
