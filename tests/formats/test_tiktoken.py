"""Rank files: written, read, and refused with the line where they are wrong."""

from __future__ import annotations

import base64
import pickle

import numpy as np
import pytest
import tiktoken
from hypothesis import example, given
from hypothesis import strategies as st
from support.accepted import Accepted
from tiktoken.load import load_tiktoken_bpe

from pybpe import FormatError, SpecialTokenError, TokenIdError, Tokenizer
from pybpe._core.rank_file import parse_ranks


def rank_lines(tokens):
    return b"".join((base64.b64encode(token) or b"=") + b" %d\n" % rank for rank, token in enumerate(tokens))


BYTES = [bytes([i]) for i in range(256)]


def test_what_is_written_is_read(small, tmp_path):
    small.to_tiktoken(tmp_path / "small.tiktoken")
    read = Tokenizer.from_tiktoken(tmp_path / "small.tiktoken", "gpt4", small.special_tokens)
    assert read.mergeable_ranks == small.mergeable_ranks
    assert read.merges == small.merges
    assert read.special_tokens == small.special_tokens
    text = "The quick brown fox doesn't mind, 中文字符 12345\n\n  x"
    assert read.encode_ordinary(text) == small.encode_ordinary(text)


def test_the_pattern_must_be_given_for_an_unknown_file(small, tmp_path):
    small.to_tiktoken(tmp_path / "small.tiktoken")
    with pytest.raises(ValueError, match=r"does not hold its split pattern: give pattern="):
        Tokenizer.from_tiktoken(tmp_path / "small.tiktoken")


def test_ranks_in_any_order_and_with_holes(tmp_path):
    path = tmp_path / "ranks"
    path.write_bytes(b"YWI= 300\n\n" + rank_lines(BYTES))
    tok = Tokenizer.from_tiktoken(path, "gpt2", {"<s>": 280})
    assert tok.encode("ab<s>", allowed_special="all") == [300, 280]
    assert tok.n_vocab == 301
    with pytest.raises(ValueError, match="id 290 has no token"):
        tok.decode([290])


def test_a_word_that_is_a_token_is_that_token(tmp_path):
    # "abc" cannot be merged: neither "ab" nor "bc" is a token. tiktoken finds the whole word all the same.
    path = tmp_path / "ranks"
    path.write_bytes(rank_lines([*BYTES, b"abc"]))
    tok = Tokenizer.from_tiktoken(path, "gpt2")
    assert tok.encode("abc abc") == [256, 32, 97, 98, 99]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no tokens"),
        (b"YQ==\n", "line 1"),
        (b"YQ== 0\n!!! 1\n", "line 2"),
        (b"YQ== 0\nYQ== x\n", "line 2"),
        (b"YQ== 0\nYQ== 1\n", "line 2.*rank already"),
        (b"YQ== 0\nYg== 0\n", "two tokens share a rank"),
        (b"YQ== 99999999999\n", "line 1"),
        (b"YQ== -1\n", "line 1"),
        (b"YQ== 0\n", "no token for byte 0x00"),
        (b"\x00\xff" * 50, "line 1"),
    ],
)
def test_files_that_are_not_rank_files(tmp_path, content, message):
    path = tmp_path / "ranks"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message):
        Tokenizer.from_tiktoken(path, "gpt2")


@given(tokens=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=20), data=st.data())
def test_lines_in_any_order_and_spacing(tokens, data):
    ranks = data.draw(st.lists(st.integers(0, 500), min_size=len(tokens), max_size=len(tokens), unique=True))
    gap = st.sampled_from([b" ", b"\t", b"  \r"])
    lines = [
        base64.b64encode(token)
        + data.draw(gap)
        + b"%d" % rank
        + data.draw(st.sampled_from([b"", b" ", b"\r", b"\n \n"]))
        for token, rank in zip(tokens, ranks, strict=True)
    ]
    joined, sizes, empty = parse_ranks(b"\n".join(lines), 500)
    assert empty is None
    expected = [b""] * (max(ranks) + 1)
    for token, rank in zip(tokens, ranks, strict=True):
        expected[rank] = token
    assert joined == b"".join(expected)
    assert memoryview(sizes).tolist() == [len(token) for token in expected]


def test_what_is_taken_for_base64_is_base64():
    accepted = Accepted()

    letters = st.text("AZaz09+/=", max_size=9).map(str.encode)

    @given(text=letters | st.binary(max_size=9) | st.binary(max_size=6).map(base64.b64encode))
    @example(b"YQ==")
    @example(b"YWI=")
    @example(b"YWJj")
    def check(text):
        with accepted.or_refused(FormatError):
            joined, _, empty = parse_ranks(text + b" 0", 500)
            if not text.split():
                return
            assert joined == base64.b64decode(text.split()[0], validate=bool(text.split()[0].strip(b"=")))
            assert (empty == 0) == (joined == b"")

    check()
    assert accepted.count > 3


@pytest.mark.parametrize("rank", [0, 100, 258])
def test_an_empty_token_is_there_and_never_matches(tmp_path, rank):
    """Whisper's multilingual.tiktoken holds the line "= 50256"."""
    tokens = [*BYTES, b"ab", b"abc"]
    tokens.insert(rank, b"")
    path = tmp_path / "multilingual.tiktoken"
    path.write_bytes(rank_lines(tokens))
    special = {"<s>": 259}
    read = Tokenizer.from_tiktoken(path, "gpt2", special)
    read.to_tiktoken(tmp_path / "again.tiktoken")
    read.save(tmp_path / "saved.pybpe")
    extended = read.extend(iter(["xyz xyz"]), 261, progress=False)
    theirs = tiktoken.Encoding(
        "theirs", pat_str=read.pattern, mergeable_ranks=load_tiktoken_bpe(str(path)), special_tokens=special
    )
    for tok in (
        read,
        Tokenizer.load(tmp_path / "saved.pybpe"),
        pickle.loads(pickle.dumps(read)),
        Tokenizer.from_tiktoken(tmp_path / "again.tiktoken", "gpt2", special),
    ):
        assert tok == read
        assert tok.n_vocab == theirs.n_vocab == 260
        assert tok.mergeable_ranks == tok.as_tiktoken()._mergeable_ranks == theirs._mergeable_ranks
        assert tok.vocab[rank] == tok.token_bytes(rank) == theirs.decode_single_token_bytes(rank) == b""
    for tok in (read, extended):
        a, b = tok.token_id(b"a"), tok.token_id(b"b")
        for ids in ([rank], [a, rank, b], [rank, 259, rank], [a, rank]):
            assert tok.decode(ids) == theirs.decode(ids) == tok.as_tiktoken().decode(ids)
            assert tok.decode(np.array(ids, np.uint32)) == theirs.decode(ids)
            stream = tok.decode_stream()
            assert "".join(map(stream.feed, ids)) + stream.finish() == theirs.decode(ids)
    for text in ("", "abcabé ab<s>", "  a\n"):
        assert read.encode(text, allowed_special="all") == theirs.encode(text, allowed_special="all")
    with pytest.raises(TokenIdError, match="outside"):
        read.decode([2**32 - 1])


def test_its_sibling_has_no_empty_token_and_a_gap_stays_one(tmp_path):
    path = tmp_path / "gpt2.tiktoken"
    path.write_bytes(rank_lines(BYTES) + b"YWI= 257\n")
    tok = Tokenizer.from_tiktoken(path, "gpt2")
    assert b"" not in tok.mergeable_ranks
    for ids in ([256], np.array([256])):
        with pytest.raises(TokenIdError, match="id 256 has no token"):
            tok.decode(ids)
    with pytest.raises(TokenIdError, match="not one token"):
        tok.token_id(b"")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (b"= 256\n= 257\n", "the empty token has two ranks, 256 and 257"),
        (b"= 97\n", "two tokens share a rank, 97"),
        (b"=\n", "line 257"),
        (b"= x\n", "line 257"),
        (b"=a 256\n", "line 257"),
    ],
)
def test_empty_tokens_that_are_wrong(tmp_path, more, message):
    path = tmp_path / "ranks.tiktoken"
    path.write_bytes(rank_lines(BYTES) + more)
    with pytest.raises(FormatError, match=message):
        Tokenizer.from_tiktoken(path, "gpt2")


def test_special_tokens_must_not_be_ordinary_ones(tmp_path):
    path = tmp_path / "ranks"
    path.write_bytes(rank_lines(BYTES))
    with pytest.raises(ValueError, match="which is the token"):
        Tokenizer.from_tiktoken(path, "gpt2", {"<s>": 5})


def test_a_token_of_absurd_size_is_refused_at_once(tmp_path):
    path = tmp_path / "ranks"
    path.write_bytes(rank_lines([*BYTES, b"a" * 5_000_000]))
    with pytest.raises(FormatError, match="5,000,000 bytes"):
        Tokenizer.from_tiktoken(path, "gpt2")


def test_kinds_of_ids_of_special_tokens(tmp_path):
    path = tmp_path / "ranks"
    path.write_bytes(rank_lines(BYTES))
    tok = Tokenizer.from_tiktoken(path, "gpt2", {"<s>": np.int64(300)})
    tok.save(tmp_path / "saved")
    assert Tokenizer.load(tmp_path / "saved").special_tokens == {"<s>": 300}
    for bad in ({"<s>": 300.0}, {b"<s>": 300}, ["<s>"], {"<s>": 1 << 30}):
        with pytest.raises(SpecialTokenError):
            Tokenizer.from_tiktoken(path, "gpt2", bad)


def test_several_special_tokens_may_share_an_id(tmp_path):
    path = tmp_path / "ranks"
    path.write_bytes(rank_lines(BYTES))
    tok = Tokenizer.from_tiktoken(path, "gpt2", {"<long name>": 300, "<s>": 300})
    assert tok.encode("a<s><long name>é", allowed_special="all") == [97, 300, 300, 195, 169]
    assert tok.decode([300]) == "<long name>"
    spans = tok.encode_with_offsets("é<s><long name>a", allowed_special="all")[1]
    assert spans == [(0, 1), (0, 1), (1, 4), (4, 15), (15, 16)]
    spans = tok.encode_with_offsets("é<s><long name>a", allowed_special="all", unit="byte")[1]
    assert spans == [(0, 1), (1, 2), (2, 5), (5, 16), (16, 17)]
    tok.save(tmp_path / "saved")
    assert Tokenizer.load(tmp_path / "saved").decode([300]) == "<long name>"
    for write in (tok.to_huggingface, tok.to_gpt2):
        with pytest.raises(ValueError, match="share the id 300"):
            write(tmp_path / "out")
