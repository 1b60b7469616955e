"""Normal forms: those of Unicode 9.0, on every Python, as tokenizers makes them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybpe._core.normal import newer_points, unsettled
from pybpe.normalization import unicode_forms as normal
from pybpe.normalization.unicode_forms import FORMS, is_boundary, normalize, normalize_aligned, normalize_to_utf8

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
    assert normalize_to_utf8(form, text.encode()) == made.encode()
    assert normalize_to_utf8(form, text) in (made, made.encode())
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
        assert normalize_to_utf8("NFC", encoded) is encoded
        assert normalize_to_utf8("NFC", text) is text
    assert normalize_to_utf8("NFC", b"e\xcc\x81\xff") == b"\xc3\xa9\xff"


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


def of_whole_text(form, text):
    """The normal form by Python's own data of the whole text at once, but for characters newer than Unicode 9.0."""
    parts = normal._split_at_newer().split(text)
    return "".join(part if i % 2 else unicodedata.normalize(form, part) for i, part in enumerate(parts))


# Stretches nearer to each other than 64 bytes are made one, so what lies between them must vary in size.
between = st.builds(
    lambda text, times: text * times, st.sampled_from(["a", "\n", "中", "é", "д ", "क", "x." * 40]), st.integers(0, 30)
)
scattered = st.lists(st.one_of(joining_text, between), max_size=8).map("".join)


@settings(max_examples=1000, deadline=None)
@given(text=scattered, form=st.sampled_from(FORMS))
def test_stretches_as_the_whole(text, form):
    made = of_whole_text(form, text)
    assert normalize(form, text) == made
    stretches = unsettled(text, FORMS.index(form))
    content, rebuilt, done = text.encode(), b"", 0
    for start, end in stretches:
        assert done <= start < end <= len(content)
        assert not done or start >= done + 64
        rebuilt += content[done:start] + of_whole_text(form, content[start:end].decode()).encode()
        done = end
    assert rebuilt + content[done:] == made.encode()


def test_every_code_point_beside_others():
    """What is said to need no change alone, behind and before others needs none."""
    for form in FORMS:
        number = FORMS.index(form)
        for before, behind in (
            ("", ""),
            ("e", ""),
            ("é", ""),
            ("가", ""),
            ("क", ""),
            ("\u0323", ""),
            ("x\u0301", "\u0327"),
            ("", "\u0301"),
        ):
            whole = [before + char + behind for char in POINTS]
            settled = [text for text in whole if not unsettled(text, number)]
            for start in range(0, len(settled), 4096):
                text = "\n".join(settled[start : start + 4096])
                assert unicodedata.normalize(form, text) == text, (form, before, behind, hex(start))


def test_every_pair_that_may_join():
    newer = set(map(chr, newer_points()))
    seconds = [c for c in POINTS if (unicodedata.combining(c) or c in normal._seconds()) and c not in newer]
    # One final consonant and two vowels of Hangul, whose syllables compose by arithmetic.
    plain = [c for c in POINTS if not "가" <= c <= "힣"] + list("가각갸갹힣히")
    apart = {c: made for c in plain if (made := unicodedata.normalize("NFD", c)) != c}
    firsts = list(dict.fromkeys([*apart, *(made[0] for made in apart.values()), *"ᄀᄒxक中"]))
    firsts += {unicodedata.combining(c): c for c in seconds}.values()
    assert len(firsts) > 2000
    assert len(seconds) > 800
    for form in ("NFC", "NFKC"):
        number = FORMS.index(form)
        alone = [c for c in firsts if not unsettled(c, number)]
        kinds = {}  # characters that no table here tells apart, of which one is as good as the others
        for char in seconds:
            key = char if char in normal._seconds() else unicodedata.combining(char)
            kinds.setdefault(key, []).append(char)
        for some in kinds.values():
            for char in (some[0], some[-1]):
                settled = [first + char for first in alone if not unsettled(first + char, number)]
                text = "\n".join(settled)
                assert unicodedata.normalize(form, text) == text, (form, hex(ord(char)))


def test_what_is_common_is_settled():
    """The search is of use: marks in their order, and letters that no mark joins, are no stretches."""
    for text in ("हिन्दी में क़लम और ज़मीन", "مُحَمَّد", "ไทยที่นี่", "한국어 中文 かな が", "Việt Nam", "Ёлка"):
        assert not unsettled(unicodedata.normalize("NFC", text), 0)
    assert list(unsettled("Ё", 0)) == []
    assert list(unsettled("abc е\u0308 d", 0)) == [(4, 8)]


@pytest.mark.parametrize("form", FORMS)
def test_lone_surrogates_and_bytes_that_are_no_characters(form):
    made = unicodedata.normalize(form, "e\u0301 \ud800\udce9\u0301 ｋ")
    assert normalize(form, "e\u0301 \ud800\udce9\u0301 ｋ") == made
    with pytest.raises(UnicodeEncodeError):
        normalize_to_utf8(form, "\ud800")
    assert normalize_to_utf8(form, b"e\xcc\x81\xe4\xb8\xcc\x81") == unicodedata.normalize(
        form, "é\udce4\udcb8\u0301"
    ).encode("utf-8", "surrogateescape")


def test_forms_that_are_none():
    with pytest.raises(ValueError, match="form is 4"):
        unsettled("a", 4)
    with pytest.raises(TypeError, match="str or bytes"):
        unsettled(1, 0)


def test_many_stretches_take_time_by_their_number(monkeypatch):
    seen = []
    real = unicodedata.normalize
    monkeypatch.setattr(normal.unicodedata, "normalize", lambda form, text: seen.append(len(text)) or real(form, text))
    text = ("a" * 100 + "e\u0301" + "b" * 100 + "\u0327" * 20) * 500
    assert normalize("NFC", text) == real("NFC", text)
    assert sum(seen) < len(text) / 4
