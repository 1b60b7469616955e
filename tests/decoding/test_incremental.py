"""Streams and appenders equal the whole at every moment; offsets and truncation agree with plain encoding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import messy_bytes, text

from pybpe import TokenIdError, Tokenizer


@pytest.fixture(scope="module")
def by_regex() -> Tokenizer:
    """A tokenizer whose pattern no scanner serves: nothing says where its text can be cut."""
    return Tokenizer.train(iter(["The quick brown fox, the dog"] * 3), 270, pattern=r"\w+|\W", progress=False)


@given(ids=st.lists(st.integers(0, 401), max_size=40))
def test_a_stream_gives_what_decoding_gives(small, ids):
    stream = small.decode_stream()
    parts = [stream.feed(token) for token in ids]
    assert "".join(parts) + stream.finish() == small.decode(ids)


@given(text=text)
def test_a_stream_never_gives_half_a_character(small, text):
    stream = small.decode_stream()
    so_far = ""
    for token in small.encode_ordinary(text):
        so_far += stream.feed(token)
        assert text.startswith(so_far)
    assert stream.finish() == ""
    assert so_far == text


def test_a_stream_begins_anew_and_refuses_strangers(small):
    stream = small.decode_stream()
    assert stream.feed(0xE4) == ""
    assert stream.finish() == "\ufffd"
    assert stream.feed(97) == "a"
    with pytest.raises(TokenIdError, match="402"):
        stream.feed(402)


@given(pieces=st.lists(st.text(max_size=9), max_size=12))
def test_an_appender_equals_the_whole_at_every_moment(small, pieces):
    appender, so_far = small.encode_appender(), ""
    for piece in pieces:
        appender.append(piece)
        so_far += piece
        expected = small.encode_ordinary(so_far)
        assert appender.ids == expected
        assert appender.count == len(expected)


@given(pieces=st.lists(st.one_of(messy_bytes, text.map(str.encode)), max_size=8))
def test_an_appender_of_bytes(small, pieces):
    appender = small.encode_appender()
    for piece in pieces:
        appender.append(piece)
    assert appender.ids == small.encode_ordinary(b"".join(pieces))


@given(pieces=st.lists(text, max_size=6))
def test_an_appender_without_cuts(by_regex, pieces):
    appender = by_regex.encode_appender()
    for piece in pieces:
        appender.append(piece)
    assert appender.ids == by_regex.encode_ordinary("".join(pieces))


def test_an_appender_joins_surrogates(small):
    appender = small.encode_appender()
    appender.append("a\ud83d")
    assert appender.ids == small.encode_ordinary("a\ufffd")
    appender.append("\ude42b")
    assert appender.ids == small.encode_ordinary("a🙂b")
    appender.append("\ud83d")
    appender.append(b"x")
    assert appender.ids == small.encode_ordinary("a🙂b\ufffdx")


def test_an_appender_keeps_little_open(small):
    appender = small.encode_appender()
    for _ in range(200):
        appender.append("The quick brown fox ")
    assert len(appender._ids._core.open_text) < 20


@given(data=messy_bytes)
def test_offsets_in_bytes_cut_the_text_into_its_tokens(small, data):
    ids, spans = small.encode_with_offsets(data, unit="byte")
    assert ids == small.encode_ordinary(data)
    assert [data[start:end] for start, end in spans] == [small.token_bytes(token) for token in ids]


@given(text=text)
def test_offsets_in_characters_hold_the_bytes_of_the_token(small, text):
    ids, spans = small.encode_with_offsets(text)
    assert ids == small.encode_ordinary(text)
    assert spans == sorted(spans)
    for token, (start, end) in zip(ids, spans, strict=True):
        covered, content = text[start:end].encode(), small.token_bytes(token)
        assert content in covered
        # Not one character too many: without its first or its last, the span would miss part of the token.
        assert len(text[start:end]) == 1 or (
            content not in text[start + 1 : end].encode() and content not in text[start : end - 1].encode()
        )


def test_offsets_of_a_worked_example(small):
    ids, spans = small.encode_with_offsets("中a<|pad|>", allowed_special="all")
    assert ids[-1] == 401
    assert spans[-2:] == [(1, 2), (2, 9)]
    assert {span for span, token in zip(spans, ids, strict=True) if token not in (97, 401)} == {(0, 1)}
    with pytest.raises(ValueError, match="unit is 'word'"):
        small.encode_with_offsets("a", unit="word")


@given(text=text, max_tokens=st.integers(0, 30))
def test_truncation(small, text, max_tokens):
    kept = small.truncate(text, max_tokens)
    assert text.startswith(kept)
    assert small.count(kept) <= max_tokens
    if small.count(text) <= max_tokens:
        assert kept == text
    elif max_tokens > 4:  # no token of `small` and no character has more bytes than a few tokens
        assert kept


@pytest.mark.parametrize("max_tokens", [0, 1, 10, 1000, 10_000])
def test_truncation_of_a_long_text(small, by_regex, max_tokens):
    for tok in (small, by_regex):
        text = "The quick brown fox, 中文字符 and 12345 more.\n" * 2000
        kept = tok.truncate(text, max_tokens)
        assert text.startswith(kept)
        assert max_tokens - 4 <= tok.count(kept) <= max_tokens


def test_truncation_to_less_than_nothing(small):
    with pytest.raises(ValueError, match="max_tokens is -1"):
        small.truncate("text", -1)


@given(texts=st.lists(st.text(max_size=20), max_size=9))
def test_counts_of_a_batch(small, texts):
    counts = small.count_batch(texts)
    assert counts.dtype == np.int64
    assert counts.tolist() == [small.count(text) for text in texts]
