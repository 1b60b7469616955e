"""The compiled search for names, against Python's regular expressions, in every form that this processor has."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe._core.names import Names
from pybpe.encode.special_tokens import find_names


def forms() -> list[int]:
    found = []
    for form in range(2):
        try:
            Names({"a": 0}, form)
        except ValueError:
            continue
        found.append(form)
    return found


def expected(names: dict[str, int], text: bytes, start: int) -> tuple[int, int, int] | None:
    match = find_names(frozenset(names), text).search(text, start)
    return match and (match.start(), match.end(), names[match.group().decode()])


# Few letters, so that names overlap and hold each other; none, one and two bytes more than a character has.
name_texts = st.text("ab<é中\U0001f600", min_size=1, max_size=6)


@pytest.mark.parametrize("form", forms())
@given(names=st.lists(name_texts, min_size=1, max_size=30, unique=True), data=st.data())
def test_the_first_and_longest_name_is_found(form, names, data):
    tokens = {name: 7 * number for number, name in enumerate(names)}
    search = Names(tokens, form)
    parts = st.sampled_from([*names, *[name[:-1] for name in names], "a", "<", "é", "x" * 31, "a" * 33])
    text = "".join(data.draw(st.lists(parts, max_size=12)))
    content = text.encode()
    for start in {0, len(content) // 2, len(content)}:
        if not content[start:] or content[start] & 0xC0 != 0x80:  # names begin where characters do
            assert search.first_in(content, start) == expected(tokens, content, start)
    assert search.first_in(text) == search.first_in(content)


@pytest.mark.parametrize("form", forms())
def test_places_around_the_borders_of_vectors(form):
    search = Names({"<|a|>": 1, "|": 2, "\n\n": 3}, form)
    for size in range(140):
        for place in range(size):
            for name, token in (("<|a|>", 1), ("|", 2), ("\n\n", 3)):
                text = "." * place + name + "<" * (size - place)
                assert search.first_in(text) == (place, place + len(name), token)
        assert search.first_in("<" * size) is None
        assert search.first_in("\n".join(["<"] * size)) is None


@pytest.mark.parametrize("form", forms())
def test_many_names_that_begin_with_many_bytes(form):
    rng = random.Random(1)
    letters = [chr(code) for code in range(33, 127)]
    names = {"".join(rng.choices(letters, k=rng.randint(1, 3))): number for number in range(3000)}
    search = Names(names, form)
    for _ in range(2000):
        text = "".join(rng.choices([*letters, " "], k=rng.randint(0, 40)))
        assert search.first_in(text) == expected(names, text.encode(), 0)


def test_bytes_that_are_not_utf8():
    assert Names({"<é>": 5}).first_in(b"\xff\xc3<\xc3\xa9>\xc3") == (2, 6, 5)
    assert Names({"é": 5}).first_in(b"\xc3") is None


def test_nul_characters():
    assert Names({"a\0": 5}).first_in("a") is None
    assert Names({"a\0": 5}).first_in("ba\0") == (1, 3, 5)


@pytest.mark.parametrize("tokens", [{}, {"": 1}, {"": 1, "a": 2}])
def test_no_names_and_empty_names_are_refused(tokens):
    with pytest.raises(ValueError, match="one name or more, none of them empty"):
        Names(tokens)


def test_what_cannot_be_searched():
    with pytest.raises(UnicodeEncodeError):
        Names({"\ud800": 1})
    with pytest.raises(UnicodeEncodeError):
        Names({"a": 1}).first_in("\ud800")
    with pytest.raises(TypeError, match="must be str or bytes"):
        Names({"a": 1}).first_in(1)
    with pytest.raises(ValueError, match="start is 3"):
        Names({"a": 1}).first_in("ab", 3)
    with pytest.raises(ValueError, match="does not run"):
        Names({"a": 1}, 5)
