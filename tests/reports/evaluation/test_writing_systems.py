"""Writing systems: stretches begin where they should, and letters are what Unicode says."""

from __future__ import annotations

import unicodedata

import pytest
import regex
from hypothesis import given
from support.strategies import messy_bytes

from pybpe.reports.evaluation.writing_systems import SCRIPTS, stretches

NAMES = {"Kana": r"[\p{Hiragana}\p{Katakana}]"}


def parts(text: bytes) -> list[tuple[str, bytes]]:
    starts, labels = stretches(text)
    ends = [*starts.tolist(), len(text)][1:]
    return [(SCRIPTS[label], text[start:end]) for start, end, label in zip(starts, ends, labels.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("naïve", "Latin"),
        ("ﬁn", "Latin"),
        ("Größe", "Latin"),
        ("русский", "Cyrillic"),
        ("Ελληνικά", "Greek"),
        ("العربية", "Arabic"),
        ("हिन्दी", "Devanagari"),
        ("中文字符", "Han"),
        ("ひらがな", "Kana"),
        ("カタカナー", "Kana"),
        ("漢字とかなまじり", "Kana"),
        ("漢字の", "Han"),
        ("한국어", "Hangul"),
        ("ไทย", "other letters"),
        ("עברית", "other letters"),
        ("𠀀𠀁", "Han"),
        ("12,345.6", "no letters"),
        ("🙂🙃", "no letters"),
        ("abв", "Latin"),
        ("aбв", "Cyrillic"),
        ("aб", "Latin"),
        ("don't.", "Latin"),
    ],
)
def test_the_script_of_a_stretch(text, script):
    assert parts(text.encode()) == [(script, text.encode())]


def test_stretches_take_the_white_space_before_them():
    assert parts("one  два\n\n3 ".encode()) == [
        ("Latin", b"one"),
        ("Cyrillic", "  два".encode()),
        ("no letters", b"\n\n3"),
        ("no letters", b" "),
    ]
    assert parts(b"") == []
    assert parts(b"  ") == [("no letters", b"  ")]


def test_bytes_that_are_no_characters():
    assert parts(b"caf\xe9 \xff\xfe\xf0\x9f") == [("Latin", b"caf\xe9"), ("no letters", b" \xff\xfe\xf0\x9f")]


@given(text=messy_bytes)
def test_stretches_are_the_whole_text_and_whole_words(text):
    found = [part for _, part in parts(text)]
    assert b"".join(found) == text
    decoded = [part.decode("utf-8", "surrogateescape") for part in found]
    assert all(len(part.split()) <= 1 for part in decoded)
    assert all(part[:1].isspace() for part in decoded[1:])


@pytest.mark.parametrize("script", SCRIPTS[:-2])
def test_letters_are_those_of_the_script(script):
    """By the `regex` module: nearly all of them, and none of another script."""
    of_script = NAMES.get(script, rf"\p{{{script}}}")
    letter = regex.compile(rf"(?=[\p{{Lu}}\p{{Ll}}\p{{Lo}}]){of_script}")
    possible = regex.compile(rf"{of_script}|\p{{Common}}|\p{{Inherited}}|\p{{Cn}}")
    chars = [chr(point) for point in range(0x32400) if not 0xD800 <= point < 0xE000 and not chr(point).isspace()]
    _, labels = stretches(" ".join(chars).encode())
    found = {char for char, label in zip(chars, labels.tolist(), strict=True) if SCRIPTS[label] == script}
    expected = {char for char in chars if letter.match(char) and unicodedata.name(char, "")}
    assert len(expected - found) <= 0.02 * len(expected)
    assert all(possible.match(char) for char in found)
