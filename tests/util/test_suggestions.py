import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe.util.suggestions import did_you_mean, nearest

NAMES = ["cl100k_base", "o200k_base", "NFKC", "NFC"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("o200k_bas", "o200k_base"),
        ("CL100K", "cl100k_base"),
        ("nfkc", "NFKC"),
        ("NFC", "NFC"),
        ("xyz", None),
        ("", None),
    ],
)
def test_the_nearest_name(word, meant):
    assert nearest(word, NAMES) == meant
    assert did_you_mean(word, NAMES) == ("" if meant is None else f"; did you mean '{meant}'?")


@given(st.sampled_from(NAMES), st.data())
def test_one_letter_less_is_understood(name, data):
    place = data.draw(st.integers(0, len(name) - 1))
    word = name[:place] + name[place + 1 :]
    if word not in NAMES:
        assert nearest(word, NAMES) in (name, "NFC")
