"""The native file: every id kept, damage noticed, nothing half-written."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import FormatError, SpecialTokenError, Tokenizer
from pybpe.definition import Definition, make_vocabulary
from pybpe.formats import native
from pybpe.vocabulary.models import ByteMerges, ByteRanks


@pytest.fixture(scope="module")
def content(small) -> bytes:
    return native.dumps(small._definition)


def sealed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


def test_what_is_saved_is_loaded(small, tmp_path):
    path = tmp_path / "small.pybpe"
    small.save(path)
    loaded = Tokenizer.load(path)
    assert loaded == small
    assert loaded.vocab == small.vocab
    assert list(loaded.merges.items()) == list(small.merges.items())
    assert loaded.special_tokens == small.special_tokens
    assert loaded.pattern == small.pattern
    text = "The quick brown fox <|pad|> 中文"
    assert loaded.encode(text, allowed_special="all") == small.encode(text, allowed_special="all")


def test_saving_twice_gives_the_same_bytes(small, tmp_path):
    small.save(tmp_path / "a")
    Tokenizer.load(tmp_path / "a").save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@given(data=st.data())
def test_any_damage_is_noticed(content, data):
    place = data.draw(st.integers(0, len(content) - 1))
    value = data.draw(st.integers(1, 255))
    damaged = bytearray(content)
    damaged[place] ^= value
    with pytest.raises(FormatError):
        native.loads(bytes(damaged))


@given(size=st.integers(0, 5000))
def test_any_truncation_is_noticed(content, size):
    with pytest.raises(FormatError):
        native.loads(content[: min(size, len(content) - 1)])


@pytest.mark.parametrize("junk", [b"", b"x", b"\x93PYBPE\r\n", random.Random(7).randbytes(500), b'{"model": {}}'])
def test_other_files_are_refused(tmp_path, junk):
    path = tmp_path / "junk"
    path.write_bytes(junk)
    with pytest.raises(FormatError, match="junk"):
        Tokenizer.load(path)


def test_another_version_says_what_to_do(content):
    body = content[:8] + struct.pack("<I", 99) + content[12:-32]
    with pytest.raises(FormatError, match=r"version 99.*upgrade"):
        native.loads(sealed(body))


def rebuilt(content: bytes, *, version=None, header=None, numbers=None, merges=None) -> bytes:
    """The file with parts replaced and a right checksum, as an attacker would make it."""
    found, header_size, n_tokens, n_bytes, n_merges = struct.unpack_from("<IIQQQ", content, 8)
    fields = json.loads(content[40 : 40 + header_size])
    new_header = json.dumps({**fields, **(header or {})}).encode()
    rest = bytearray(content[40 + header_size : -32])
    if merges is not None:
        struct.pack_into("<III", rest, 4 * n_tokens + n_bytes, *merges)
    sizes = {"n_tokens": n_tokens, "n_bytes": n_bytes, "n_merges": n_merges, **(numbers or {})}
    fixed = struct.pack("<IIQQQ", version or found, len(new_header), *sizes.values())
    return sealed(content[:8] + fixed + new_header + rest)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"numbers": {"n_tokens": 1 << 60}}, "tokens"),
        ({"numbers": {"n_bytes": 1 << 62}}, "truncated"),
        ({"numbers": {"n_merges": 1 << 62}}, "truncated"),
        ({"numbers": {"n_merges": 0}}, "after its end"),
        ({"numbers": {"n_tokens": 300}}, "add up"),
        ({"header": {"rule": "magic"}}, "lacks a field"),
        ({"header": {"pattern": 5}}, "lacks a field"),
        ({"header": {"special_tokens": [1]}}, "lacks a field"),
        ({"header": {"special_tokens": {"a": 5}}}, "is the token"),
        ({"header": {"special_tokens": {"a": -1}}}, "go from 0"),
        ({"header": {"special_tokens": {"a": 1 << 40}}}, "go from 0"),
        ({"header": {"special_tokens": {"a": 500, "b": 500}}}, "share id 500"),
        ({"header": {"special_tokens": {"": 500}}}, "must not be empty"),
        ({"header": {"pattern": "(("}}, "regular expression"),
        ({"header": {"pattern": ""}}, "pattern is empty"),
        ({"header": {"special_tokens": {"\ud800": 500}}}, "surrogate"),
        ({"header": {"special_tokens": {"a": True}}}, "not an int"),
        ({"version": 1, "header": {"rule": "ranks"}}, "no list of merges"),
        ({"merges": (9999, 1, 256)}, "names id 9999"),
        ({"merges": (97, 98, 5)}, "bytes differ"),
    ],
)
def test_impossible_content_is_refused(content, change, message):
    with pytest.raises((FormatError, SpecialTokenError), match=message):
        Tokenizer(native.loads(rebuilt(content, **change)))


def version_1(tok: Tokenizer) -> bytes:
    """A file as the first version had it: no merges where the rule is "ranks"."""
    definition = tok._definition
    tokens = definition.vocabulary.to_list()
    merges = [] if definition.model.rule == "ranks" else list(tok.merges.items())
    header = json.dumps(
        {
            "rule": definition.model.rule,
            "pattern": definition.pattern,
            "special_tokens": definition.special_tokens,
            "unicode": "16.0.0",
        },
        separators=(",", ":"),
    ).encode()
    fixed = struct.pack("<IIQQQ", 1, len(header), len(tokens), sum(map(len, tokens)), len(merges))
    sizes = struct.pack(f"<{len(tokens)}I", *map(len, tokens))
    rows = b"".join(struct.pack("<III", left, right, token) for (left, right), token in merges)
    return sealed(native.MAGIC + fixed + header + sizes + b"".join(tokens) + rows)


def as_ranks(tok: Tokenizer) -> Tokenizer:
    """The same tokens, to be merged by their ids."""
    definition = tok._definition
    rows = np.empty((0, 3), np.uint32)
    return Tokenizer(Definition(ByteRanks(definition.vocabulary, rows), definition.pattern, definition.special_tokens))


@pytest.mark.parametrize("form", [lambda tok: tok, as_ranks])
def test_version_1_is_read_and_its_checksum_is_the_fingerprint(small, form):
    tok = form(small)
    content = version_1(tok)
    loaded = Tokenizer(native.loads(content))
    assert loaded == tok
    assert loaded.merges == tok.merges == small.merges
    assert (
        loaded.fingerprint == content[-32:].hex() == Tokenizer(native.loads(native.dumps(tok._definition))).fingerprint
    )
    assert native.dumps(loaded._definition) == native.dumps(tok._definition)
    text = "The quick brown fox, 中文字符"
    assert loaded.encode(text) == tok.encode(text)


@given(data=st.data())
def test_wrong_merges_of_ranks_change_no_id(small, data):
    tok = as_ranks(small)
    content = native.dumps(tok._definition)
    rows = np.array(tok._definition.merges)
    place = data.draw(st.tuples(st.integers(0, len(rows) - 1), st.integers(0, 2)))
    rows[place] = data.draw(st.integers(0, 500))
    loaded = Tokenizer(native.loads(sealed(content[: -32 - rows.nbytes] + rows.astype("<u4").tobytes())))
    assert loaded.merges == tok.merges
    assert loaded == tok


def test_a_vocabulary_without_a_byte_is_refused(small):
    tokens = small._definition.vocabulary.to_list()
    tokens[65] = b""
    with pytest.raises(FormatError, match="byte 0x41"):
        Definition(ByteMerges(make_vocabulary(tokens), np.empty((0, 3), np.uint32)), "x", {})


def test_a_full_disk_leaves_what_was_there(small, tmp_path, monkeypatch):
    path = tmp_path / "t.pybpe"
    path.write_bytes(b"before")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        small.save(path)
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.pybpe"]


def test_a_folder_that_is_not_there(small, tmp_path):
    with pytest.raises(FileNotFoundError):
        small.save(tmp_path / "none" / "t.pybpe")
