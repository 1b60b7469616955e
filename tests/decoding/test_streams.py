"""Streams give what decoding gives, for every kind of tokenizer, and copies of them are independent."""

from __future__ import annotations

import copy
import functools
import json
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.huggingface_files import PREPROCESSINGS, added, characters, clip, tokenizer_json, write_json

from pybpe import TokenIdError, Tokenizer

SENTENCES = ["low lower lowest newer ab ab  é 中文 ﬁ", "the quick brown fox " * 3] * 9
COPIES = [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))]
KINDS = ["bytes", "clip", "prefix", "sentence", *sorted(PREPROCESSINGS), "llama without bytes", "gemma without bytes"]


@functools.cache
def of_kind(kind: str) -> Tokenizer:
    if kind == "sentence":
        return Tokenizer.train(iter(SENTENCES), 310, convention="sentencepiece", progress=False)
    if kind == "bytes":
        content = tokenizer_json([added(262, "<a>", special=True)])
    elif kind == "clip":
        content = clip()
    elif kind == "prefix":
        content = tokenizer_json([added(262, " <a>", lstrip=True)], {"type": "NFC"})
    else:
        preprocessing = kind.removesuffix(" without bytes")
        size = len(characters(preprocessing, byte_fallback=preprocessing == kind)["model"]["vocab"])
        names = [added(size, "<a>"), added(size + 1, " ▁b", normalized=False), added(size + 2, "</s>", special=True)]
        content = characters(preprocessing, added_tokens=names, byte_fallback=preprocessing == kind)
    with TemporaryDirectory() as folder:
        return Tokenizer.from_huggingface(write_json(Path(folder, "tokenizer.json"), json.loads(json.dumps(content))))


@functools.cache
def ids_of(kind: str) -> list[int]:
    """Every id that has a token, those that begin and end a character more than once."""
    tok = of_kind(kind)
    every = sorted(tok.vocab)
    texts = [b"\xe4", b"\xb8", b"\xad", b" ", b"\xf0", b"\x9f", b"a"]
    torn = [token for token, content in tok.vocab.items() if content in texts]
    return [*every, *torn * (len(every) // (4 * len(torn)) + 1)]


def lists_of_ids(kind: str) -> st.SearchStrategy[list[int]]:
    return st.lists(st.sampled_from(ids_of(kind)), max_size=30)


rows = st.sampled_from(KINDS).flatmap(lambda kind: st.tuples(st.just(kind), lists_of_ids(kind), lists_of_ids(kind)))


@given(row=rows)
def test_what_a_stream_gives_is_what_decoding_gives(row):
    kind, ids, more = row
    tok = of_kind(kind)
    stream = tok.decode_stream()
    for part in (ids, more):  # it begins anew
        assert "".join(map(stream.feed, part)) + stream.finish() == tok.decode(part)


@given(kind=st.sampled_from(KINDS), text=st.text("ab é中🙂\n<>", max_size=20))
def test_what_a_stream_gives_of_a_text_begins_it(kind, text):
    tok = of_kind(kind)
    ids = tok.encode_ordinary(text)
    whole = tok.decode(ids)
    stream, so_far = tok.decode_stream(), ""
    for token in ids:
        so_far += stream.feed(token)
        assert whole.startswith(so_far)
    assert so_far + stream.finish() == whole


@given(row=rows, other=st.data(), way=st.sampled_from(COPIES))
def test_copies_of_a_stream_are_independent(row, other, way):
    kind, before, first = row
    second = other.draw(lists_of_ids(kind))
    tok = of_kind(kind)
    stream = tok.decode_stream()
    begun = "".join(map(stream.feed, before))
    twin = way(stream)
    texts = ["", ""]
    for i in range(max(len(first), len(second))):  # in turn
        for number, (one, ids) in enumerate(((stream, first), (twin, second))):
            texts[number] += "".join(map(one.feed, ids[i : i + 1]))
    assert begun + texts[0] + stream.finish() == tok.decode([*before, *first])
    assert begun + texts[1] + twin.finish() == tok.decode([*before, *second])


@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_changes_nothing(kind):
    tok = of_kind(kind)
    stream = tok.decode_stream()
    ids = tok.encode_ordinary("a中🙂 b")
    parts = []
    for token in ids:
        with pytest.raises(TokenIdError):
            stream.feed(tok.n_vocab)
        parts.append(stream.feed(token))
    assert "".join(parts) + stream.finish() == tok.decode(ids)


def test_a_row_of_bytes_comes_when_it_ends():
    tok = of_kind("gemma")
    ids = tok.encode_ordinary("a🙂b")
    assert len(ids) == 6
    stream = tok.decode_stream()
    assert [stream.feed(token) for token in ids] == ["a", "", "", "", "", "🙂b"]
    torn = ids[:4]
    assert "".join(map(stream.feed, torn)) + stream.finish() == tok.decode(torn) == "a\ufffd\ufffd\ufffd"
