"""Normal forms: those of Unicode 9.0, on every Python, as tokenizers makes them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybpe.text import normal
from pybpe.text.normal import FORMS, is_boundary, normalize, normalize_aligned, normalize_bytes

POINTS = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
JOINING = [char for char in POINTS if unicodedata.decomposition(char) or not is_boundary(char)]
LETTERS = "aeoAEOKſ<가ᄀ\u09c7\u0cc6\u1100\uac00\u212b \n"
MARKS = "\u0300\u0301\u0327\u0345\u0334\u0323\u1161\u11a8\u09be\u0cc2\u0cd5\u0f71\u0f73\u0338\u0897\U000113c9\U00011930"

joining_text = st.text(st.one_of(st.sampled_from(JOINING), st.sampled_from(LETTERS + MARKS)), max_size=12)


@pytest.fixture(scope="module", params=FORMS)
def pair(request):
    normalizers = pytest.importorskip("tokenizers.normalizers", reason="normal forms are compared with tokenizers")
    return request.param, getattr(normalizers, request.param)()


def test_every_code_point_as_tokenizers(pair):
    form, theirs = pair
    for context in ("{}", "a\u0345{}\u0334", "a\u0301{}\u0327"):
        for start in range(0, len(POINTS), 1024):
            text = "\n".join(map(context.format, POINTS[start : start + 1024]))
            assert normalize(form, text) == theirs.normalize_str(text), (hex(start), context)


@given(text=joining_text)
def test_sequences_as_tokenizers(pair, text):
    form, theirs = pair
    assert normalize(form, text) == theirs.normalize_str(text)


@given(text=joining_text, form=st.sampled_from(FORMS))
def test_all_ways_are_one(text, form):
    made = normalize(form, text)
    assert normalize_bytes(form, text.encode()) == made.encode()
    aligned, places = normalize_aligned(form, text)
    assert aligned == made
    assert len(places) == len(made)
    covered = {place for start, end in places for place in range(start, end)}
    assert covered == set(range(len(text)))
    assert places == sorted(places)


@given(left=joining_text, right=joining_text, form=st.sampled_from(FORMS))
def test_nothing_joins_over_a_boundary(left, right, form):
    if right and is_boundary(right[0]):
        assert normalize(form, left + right) == normalize(form, left) + normalize(form, right)


def test_what_is_in_the_form_is_not_copied():
    for text in ("plain", "é 中文"):
        assert normalize("NFC", text) is text
        encoded = text.encode()
        assert normalize_bytes("NFC", encoded) is encoded
    assert normalize_bytes("NFC", b"e\xcc\x81\xff") == b"\xc3\xa9\xff"


def test_characters_newer_than_the_table(monkeypatch):
    """Of a later Unicode than 16.0, what is new there is left alone too: here one that 16.0 is made to forget."""
    monkeypatch.setattr(normal.unicodedata, "unidata_version", "17.0.0")
    assert unicodedata.category("\u3099") == "Mn"
    known = normal.classes
    monkeypatch.setattr(normal, "classes", lambda point: frozenset() if point == 0x3099 else known(point))
    assert normal._newest() == {0x3099}


long_runs = st.tuples(
    st.sampled_from(["", "a", "é", "\n", "가"]),
    st.lists(st.sampled_from(MARKS + "\u0344\uff9e"), min_size=1, max_size=6).map("".join),
    st.integers(1, 1200),
    st.sampled_from(["", "x", "\n\u0301", "\u0301a"]),
).map(lambda parts: parts[0] + (parts[1] * parts[2])[:1200] + parts[3])


@settings(max_examples=200, deadline=None)
@given(text=st.lists(long_runs, min_size=1, max_size=2).map("".join))
def test_long_runs_as_tokenizers(pair, text):
    form, theirs = pair
    made = normalize(form, text)
    assert made == theirs.normalize_str(text)
    assert normalize(form, made) is made


def test_a_long_run_takes_no_time_that_grows_with_its_square(monkeypatch):
    seen = []
    real = unicodedata.normalize
    monkeypatch.setattr(normal.unicodedata, "normalize", lambda form, text: seen.append(text) or real(form, text))
    normalize("NFC", "a" + "\u0301\u0327" * 5000)
    longest = max(seen, key=len)
    assert len(longest) > 5000
    orders = list(map(unicodedata.combining, longest))
    assert orders == sorted(orders)  # nothing is left to be put in its place
