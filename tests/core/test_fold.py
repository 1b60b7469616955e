"""Lower case, white space and replacements over UTF-8."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.strategies import messy_bytes

from pybpe._core.fold import Folding, replace
from pybpe.normalization.normalizer import WHITE_SPACE, _folding, lowercase

letters = st.text(
    st.sampled_from("abzAZ@[`{ ~.\x00\x1f\t\n\r\x7f \x85\xa0\u2003\u3000\x1céÉßİıȺſΣσК中가🙂\U00010400\ua7dc")
)
runs = st.lists(st.one_of(letters, st.builds(str.__mul__, st.sampled_from(" aB\n"), st.integers(0, 20)))).map("".join)
options = st.tuples(st.booleans(), st.sampled_from([None, b" ", b"", b"_", "é中".encode()[:2], b"\\1xy"]))


def expected(content, lower, by):
    text = content.decode("utf-8", "surrogateescape")
    if lower:
        text = lowercase(text)
    if by is not None:
        text = re.sub(f"[{WHITE_SPACE}]+", lambda _: by.decode(), text)
    return text.encode("utf-8", "surrogateescape")


@given(text=st.one_of(runs, st.text()), option=options)
def test_texts(text, option):
    if any("\ud800" <= char < "\ue000" for char in text):
        with pytest.raises(UnicodeEncodeError):
            _folding(*option).apply(text)
        return
    made = expected(text.encode(), *option)
    for given_text in (text, text.encode()):
        found = _folding(*option).apply(given_text)
        assert found == made if isinstance(found, bytes) else (found is text and text.encode() == made)


@given(content=messy_bytes, option=options)
@example(content=b"\xe4\xb8A\xc3 \xe3\x80\x80 \xed\xa0\x80B", option=(True, b" "))
def test_bytes_that_are_no_utf8(content, option):
    assert _folding(*option).apply(content) == expected(content, *option)


def test_every_code_point():
    points = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    for start in range(0, len(points), 4096):
        text = "".join(f"A{char} {char}{char}" for char in points[start : start + 4096])
        for lower in (True, False):
            for by in (None, b" "):
                made = _folding(lower, by).apply(text)
                assert (made if isinstance(made, bytes) else made.encode()) == expected(text.encode(), lower, by)


def test_a_text_that_grows():
    """U+023A has two bytes and its lower case three, so the room that the text itself needs is not enough."""
    for size in (1, 100, 100_000):
        assert _folding(True, b"").apply("\u023a" * size + " ") == "\u2c65".encode() * size
        assert _folding(False, b"wxyz").apply("a " * size) == b"awxyz" * size


def test_what_is_the_same_is_not_copied():
    for text in ("plain text", "中文 é", b"\xff a", ""):
        assert _folding(True, b" ").apply(text) is text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("A", ""), "1 characters and 0 lower"),
        (("A", "a", b"12345"), "at most 4"),
        (("\U0001f000", "a"), "can have a lower case"),
        (("".join(map(chr, range(0, 0x3000, 128))), "x" * 96), "too many"),
    ],
)
def test_foldings_that_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Folding(*arguments)


parts = st.lists(st.sampled_from([b"a", b"ab", b"\xe2\x96\x81", b"\xe2\x96", b" ", b"x" * 20])).map(b"".join)


@given(content=parts, old=st.sampled_from([b"a", b"ab", b"aa", "\u2581".encode(), b"\xff"]), new=parts, before=parts)
def test_replacements(content, old, new, before):
    made = content.replace(old, new)
    assert replace(content, old, new, before) == (before + made if made else made)
    text = content.decode("latin-1")
    assert replace(text, old.decode("latin-1").encode(), new, before) in (
        (before if made else b"") + text.encode().replace(old.decode("latin-1").encode(), new),
        text,
    )


def test_long_texts_are_replaced_without_the_gil():
    text = "\u2581ab" * 50_000
    assert replace(text, "\u2581".encode(), b" ", b"-") == b"-" + b" ab" * 50_000
    assert replace(text, b"c", b"d") is text


def test_replacements_that_are_refused():
    with pytest.raises(ValueError, match="empty"):
        replace("a", b"", b"x")
    with pytest.raises(UnicodeEncodeError):
        replace("\ud800", b"a", b"x")
