"""The compiled scanner against the patterns it stands for, as the `regex` module runs them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import BOUNDARY, messy_bytes, text

from pybpe._core.split import SchemeSplitter, count_letters, find_cut
from pybpe.pretokenization.patterns import _SCHEMES, GPT2, GPT2_ORIGINAL, PATTERNS, prepare
from pybpe.pretokenization.regex_splitter import RegexSplitter

FAMILIES = {name: pattern for name, pattern in PATTERNS.items() if prepare(name).kind == "scanner"}
FAMILIES["gpt2 as published"] = GPT2_ORIGINAL
ORACLES = {name: RegexSplitter(pattern) for name, pattern in FAMILIES.items()}


def forms_of(family: str) -> list[SchemeSplitter]:
    """The scanner with every form of the block classes that this processor runs."""
    forms = []
    for form in range(5):
        with contextlib.suppress(ValueError):  # not on this processor
            forms.append(SchemeSplitter(form=form, **_SCHEMES[FAMILIES[family]]))
    assert len(forms) >= 2  # the portable one, and this processor's own
    return forms


# Long enough for several windows of 64 bytes, with what is decided across their ends.
PARTS = (
    *" '\n\r\t\xa0\u3000ſ9²,/-aBéЖжǅ日ー한\u0301ा🙂",
    *("word", " the", "don't", "I'VE", "'s", "'LL", "'ſ", "12345", " 678", "  \n \n", "!\n/", "日A", "日Ab", "中文，"),
    " x" * 40,
)
parts = st.one_of(st.sampled_from(PARTS).map(str.encode), messy_bytes)
long_bytes = st.lists(parts, min_size=30, max_size=120).map(b"".join)


@pytest.mark.parametrize("family", FAMILIES)
@given(data=long_bytes)
def test_words_of_long_texts_in_every_form(family, data):
    expected = ORACLES[family].split(data)
    for scanner in forms_of(family):
        assert scanner.split(data) == expected


def test_a_form_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="form 9"):
        SchemeSplitter(form=9, **_SCHEMES[GPT2])


@pytest.mark.parametrize("family", FAMILIES)
@given(text=text)
def test_words_of_text(family, text):
    data = text.encode()
    assert prepare(FAMILIES[family]).scanner.split(data) == ORACLES[family].split(data)


@pytest.mark.parametrize("family", FAMILIES)
@given(data=messy_bytes)
def test_words_of_bytes(family, data):
    assert prepare(FAMILIES[family]).scanner.split(data) == ORACLES[family].split(data)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_pair_and_triple_of_boundary_characters(family):
    scanner, oracle = prepare(FAMILIES[family]).scanner, ORACLES[family]
    for first in BOUNDARY:
        # One text a first character: words of a text depend on what is around them, and so more is covered.
        data = "".join(f"{first}{second}{first}{first}{second}{second}x" for second in BOUNDARY).encode()
        assert scanner.split(data) == oracle.split(data)


@pytest.mark.parametrize("family", FAMILIES)
@given(data=messy_bytes, more=messy_bytes)
def test_a_cut_splits_both_parts_as_the_whole(family, data, more):
    scanner = prepare(FAMILIES[family]).scanner
    cut = find_cut(data)
    assert 0 <= cut < max(1, len(data))
    if cut:
        whole = data + more
        assert scanner.split(whole[:cut]) + scanner.split(whole[cut:]) == scanner.split(whole)


def test_a_cut_is_found_in_ordinary_text():
    data = b"Well, it is.\nAnd so\n"
    assert data[: find_cut(data)] == b"Well, it is.\nAnd so"
    assert find_cut("中文，字".encode()) == len("中文".encode())


def test_parameters_out_of_range_are_refused():
    flags = ("cased_letters", "any_letter_prefix", "newline_tail", "slash_tail", "newline_runs", "whole_trailing_space")
    scheme = dict.fromkeys(flags, True)
    with pytest.raises(ValueError, match="contractions is 3"):
        SchemeSplitter(contractions=3, digit_group=3, **scheme)
    with pytest.raises(ValueError, match="digit_group is -1"):
        SchemeSplitter(contractions=1, digit_group=-1, **scheme)


@pytest.mark.parametrize("portable", [True, False])
def test_letters_are_counted_byte_by_byte(portable):
    letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for byte in range(256):
        for place in range(16):
            text = bytearray(letters[place : place + 16])
            text[place] = byte
            expected = 16 if byte in letters else place
            assert count_letters(bytes(text), portable) == expected
            text[(place + 5) % 16] = 0xC3  # a second end, before or behind
            expected = min(expected, (place + 5) % 16)
            assert count_letters(bytes(text), portable) == expected


def test_counting_letters_needs_sixteen_bytes():
    with pytest.raises(ValueError, match="15 bytes"):
        count_letters(b"a" * 15, False)


@pytest.mark.parametrize("family", FAMILIES)
def test_words_of_every_length_at_every_distance_from_the_end(family):
    scanner, oracle = prepare(FAMILIES[family]).scanner, ORACLES[family]
    for length in range(40):
        for behind in range(20):
            data = b" " + b"aB" * 20
            data = data[: 1 + length] + "é.".encode()[: behind % 4] + b" x1,"[: behind // 4]
            assert scanner.split(data) == oracle.split(data)
