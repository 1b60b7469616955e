"""Pieces of a text: the same from str, from bytes, and with their places."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import messy_bytes

from pybpe.encode.segmenter import Segmenter
from pybpe.normalization.preprocessing import Preprocessing

CLIP = (("NFC",), ("ReplaceAll", r"\s+", " "), ("Lowercase",))
PREPROCESSINGS = {
    "names": Preprocessing(added_tokens={"<a>": 1, "<a><b>": 2}),
    "form": Preprocessing("NFC", added_tokens={"<a>": 1}),
    "form and names in it": Preprocessing("NFKC", {"<a>": 1, "fi": 2}, {"fi": ("normalized",)}),
    "steps": Preprocessing(CLIP, {"<a>": 1, "b>": 2}, {"b>": ("normalized",)}, add_prefix_space=True),
    "steps with a sign": Preprocessing(CLIP, {"<|x|>": 1}, {"<|x|>": ("normalized",)}),
    "space before": Preprocessing(added_tokens={"<a>": 1}, add_prefix_space="first"),
    "flags": Preprocessing("NFC", {"<a>": 1, "<b>": 2}, {"<a>": ("lstrip", "normalized"), "<b>": ("rstrip",)}),
    "llama": Preprocessing((("Prepend", " "), ("Replace", "▁", " ")), {"<a>": 1}),
}
texts = st.lists(
    st.sampled_from(
        ["<a>", "<b>", "<A>", "<|X|>", "<|x|>", "ﬁ", "e\u0301", "b>\u0338", " ", "\n", "▁", "中", "x", "\ud800"]
    )
).map("".join)


def in_bytes(pieces):
    """Pieces as bytes and ids, with what stands side by side as one."""
    made = []
    for piece in pieces:
        piece = piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else piece
        if made and isinstance(made[-1], bytes) and isinstance(piece, bytes):
            made[-1] += piece
        else:
            made.append(piece)
    return made


@pytest.mark.parametrize("name", PREPROCESSINGS)
@settings(max_examples=200, deadline=None)
@given(text=texts, allowed=st.sampled_from([frozenset(), frozenset({"<s>"})]))
def test_all_ways_are_one(name, text, allowed):
    pieces = Segmenter(PREPROCESSINGS[name], {"<s>": 0})
    text = text.replace("<A>", "<s>") if allowed else text
    made = in_bytes(pieces.split(text, allowed))
    assert in_bytes(piece.content for piece in pieces.split_with_offsets(text, allowed)) == made
    if "\ud800" not in text:
        assert in_bytes(pieces.split(text.encode(), allowed)) == made


@pytest.mark.parametrize("name", PREPROCESSINGS)
@settings(max_examples=200, deadline=None)
@given(parts=st.lists(st.sampled_from(["<a>", "<b>", "<|x|>", "<s>", "ﬁ", "e\u0301", "b>", " ", "  ", "\n", "▁"])))
def test_offsets_are_where_the_characters_are(name, parts):
    """Each part stands between characters that occur once and do not change, so their places are known."""
    marks = [chr(0x4E00 + number) for number in range(len(parts) + 1)]
    text = marks[0] + "".join(part + mark for part, mark in zip(parts, marks[1:], strict=True))
    where, seen, before = {mark: text.index(mark) for mark in marks}, [], 0
    for segment in Segmenter(PREPROCESSINGS[name], {"<s>": 0}).split_with_offsets(text, frozenset({"<s>"})):
        assert before <= segment.start <= segment.end <= len(text)
        before = segment.end
        if isinstance(segment.content, int):
            assert segment.start < segment.end
            assert not where.keys() & set(text[segment.start : segment.end])
            continue
        places = segment.places
        if places is None:
            assert segment.content == text[segment.start : segment.end]
            places = [(place, place + 1) for place in range(segment.start, segment.end)]
        assert len(places) == len(segment.content)
        for character, place in zip(segment.content, places, strict=True):
            if character in where:
                assert place == (where[character], where[character] + 1)
                seen.append(character)
            else:
                assert not where.keys() & set(text[slice(*place)])
            assert segment.start <= place[0] <= place[1] <= segment.end
    assert seen == marks
    assert before == len(text)


@pytest.mark.parametrize("name", PREPROCESSINGS)
@given(content=messy_bytes)
def test_any_bytes(name, content):
    pieces = Segmenter(PREPROCESSINGS[name], {})
    text = content.decode("utf-8", "surrogateescape")
    split_with_offsets = [piece.content for piece in pieces.split_with_offsets(text, frozenset())]
    found = pieces.split(content, frozenset())
    assert b"".join(piece for piece in found if not isinstance(piece, int)) == b"".join(
        piece.encode("utf-8", "surrogateescape") for piece in split_with_offsets if isinstance(piece, str)
    )
    assert [piece for piece in found if isinstance(piece, int)] == [
        piece for piece in split_with_offsets if isinstance(piece, int)
    ]


@pytest.mark.parametrize("name", PREPROCESSINGS)
@given(text=texts)
def test_names_are_looked_for_where_they_can_be(name, text):
    """`normal` may give the text itself only where no name is in the normal form."""
    pieces = Segmenter(PREPROCESSINGS[name], {})
    found = pieces.normal(text)
    if found is text and PREPROCESSINGS[name].normalizer is not None:
        normal = pieces._apply(text)
        assert normal == text or not any(spelled in normal for spelled in pieces._meant)


def test_a_text_with_nothing_to_do_is_the_piece():
    for preprocessing in PREPROCESSINGS.values():
        if not preprocessing.add_prefix_space and preprocessing is not PREPROCESSINGS["llama"]:
            for text in ("plain", b"plain", "中文"):
                assert Segmenter(preprocessing, {}).split(text, frozenset())[0] is text
