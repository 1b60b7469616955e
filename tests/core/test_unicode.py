"""The class tables hold Unicode 16.0."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import messy_bytes

from pybpe._core.unicode import UNICODE_VERSION, classes, is_utf8

SIZES = {"L": 141_028, "N": 1_911, "s": 25, "M": 2_501}  # as counted in the published data


@pytest.fixture(scope="module")
def table() -> list[frozenset[str]]:
    return [classes(point) for point in range(0x110000)]


def test_version():
    assert UNICODE_VERSION == "16.0.0"


@pytest.mark.parametrize("name", SIZES)
def test_size_of_class(table, name):
    assert sum(name in found for found in table) == SIZES[name]


def test_white_space_is_the_property_and_not_isspace(table):
    assert [point for point, found in enumerate(table) if "s" in found] == [
        *range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000,
    ]  # fmt: skip


def test_categories_agree_with_python_where_both_know_the_character(table):
    # Python's own data is of another version: characters new to either are left out, and U+0295 has moved.
    for point, found in enumerate(table):
        category = unicodedata.category(chr(point))
        if category == "Cn" or point == 0x295 or not found:
            continue
        major = found & {"L", "N", "M", "P", "S"}
        assert major == ({category[0]} & {"L", "N", "M", "P", "S"}), hex(point)
        assert ("Lu" in found) == (category in ("Lu", "Lt")), hex(point)
        assert ("Ll" in found) == (category == "Ll"), hex(point)


def test_outside_unicode_is_refused():
    with pytest.raises(ValueError, match="1114112"):
        classes(0x110000)


def decodes(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(text=st.one_of(messy_bytes, st.binary(max_size=40), st.text(max_size=30).map(str.encode)), cut=st.integers(0, 9))
def test_is_utf8_is_what_python_decodes(text, cut):
    assert is_utf8(text[cut:]) == decodes(text[cut:])


@pytest.mark.parametrize("text", ["\ud800", "\ud83d\ude00"])
def test_surrogates_are_not_utf8(text):
    assert not is_utf8(text.encode("utf-8", "surrogatepass"))


def test_every_character_is_utf8():
    assert all(is_utf8(chr(point).encode()) for point in range(0x110000) if not 0xD800 <= point < 0xE000)
