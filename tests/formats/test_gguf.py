"""Vocabularies of GGUF files: read, and refused where they are damaged or say what is not known."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import text, tiny_corpus

from pybpe import FormatError, Tokenizer
from pybpe.cli.main import main
from pybpe.formats.helpers.byte_level import to_chars
from pybpe.formats.tiktoken import from_ranks
from pybpe.pretokenization.patterns import GPT2, GPT2_ORIGINAL, LLAMA3

U32, F32, BOOL, STR, LIST, U64 = 4, 6, 7, 8, 9, 10


def string(text: str | bytes) -> bytes:
    content = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(content)) + content


def strings(items) -> tuple[int, bytes]:
    return LIST, struct.pack("<IQ", STR, len(items)) + b"".join(map(string, items))


def numbers(items) -> tuple[int, bytes]:
    return LIST, struct.pack(f"<IQ{len(items)}i", 5, len(items), *items)


def results() -> dict[str, tuple[int, bytes]]:
    """A small vocabulary: the bytes, two merges, an unused id, one token of each other type."""
    tokens = [to_chars(bytes([i])) for i in range(256)] + ["ab", "Ġab", "[PAD258]", "<|end|>", "<tool call>"]
    return {
        "general.architecture": (STR, string("gpt2")),
        "general.sizes": numbers([1, 2, 3]),
        "general.tags": strings(["a", "b"]),
        "gpt2.scale": (F32, struct.pack("<f", 0.5)),
        "tokenizer.ggml.model": (STR, string("gpt2")),
        "tokenizer.ggml.pre": (STR, string("gpt-2")),
        "tokenizer.ggml.tokens": strings(tokens),
        "tokenizer.ggml.token_type": numbers([1] * 258 + [5, 3, 4]),
        "tokenizer.ggml.merges": strings(["a b", "Ġ ab"]),
        "tokenizer.ggml.add_bos_token": (BOOL, b"\x00"),
        "tokenizer.ggml.eos_token_id": (U32, struct.pack("<I", 259)),
    }


def gguf(entries: dict[str, tuple[int, bytes]], version: int = 3, more: bytes = b"tensors") -> bytes:
    body = b"".join(string(key) + struct.pack("<I", of_type) + value for key, (of_type, value) in entries.items())
    return b"GGUF" + struct.pack("<IQQ", version, 7, len(entries)) + body + more


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "some.gguf"


def test_a_small_one(path):
    for version in (2, 3):
        path.write_bytes(gguf(results(), version))
        tok = Tokenizer.from_gguf(path)
        assert tok.encode("ab ab<tool call>c<|end|>", allowed_special="all") == [256, 257, 260, 99, 259]
        assert tok.decode([256, 257, 259, 260]) == "ab ab<|end|><tool call>"
        assert tok.special_tokens == {"<|end|>": 259}
        assert tok.added_tokens == {"<tool call>": 260}
        assert tok.pattern == GPT2_ORIGINAL
        with pytest.raises(ValueError, match="258"):
            tok.decode([258])


def test_words_that_are_tokens(path):
    entries = results()
    entries["tokenizer.ggml.merges"] = strings(["a b"])
    path.write_bytes(gguf(entries))
    assert Tokenizer.from_gguf(path).encode("ab ab") == [256, 32, 256]
    entries["tokenizer.ggml.pre"] = STR, string("llama-bpe")
    path.write_bytes(gguf(entries))
    tok = Tokenizer.from_gguf(path)
    assert tok.encode("ab ab") == [256, 257]
    assert tok.pattern == LLAMA3


def test_gpt2_of_llama_cpp_equals_gpt2(vocabs):
    file = vocabs / "ggml-vocab-gpt-2.gguf"
    if not file.exists():
        pytest.skip("no ggml-vocab-gpt-2.gguf among the vocabularies")
    pair = Tokenizer.from_gpt2(vocabs / "gpt2" / "vocab.json", vocabs / "gpt2" / "merges.txt")
    tok = Tokenizer.from_gguf(file)
    assert tok.vocab == pair.vocab
    assert tok.merges == pair.merges
    assert tok.special_tokens == pair.special_tokens
    text = "The quick brown fox doesn't mind, 中文字符 12345\n\n  x <|endoftext|>"
    assert tok.encode(text, allowed_special="all") == pair.encode(text, allowed_special="all")


def test_the_commands_take_it(path, capsys, monkeypatch):
    monkeypatch.chdir(path.parent)
    entries = results()
    entries["tokenizer.ggml.token_type"] = numbers([1] * 258 + [5, 3, 3])
    path.write_bytes(gguf(entries))
    assert main(["info", "some.gguf"]) == 0
    assert main(["convert", "some.gguf", "some.json"]) == 0
    assert Tokenizer.from_huggingface("some.json").encode("ab ab") == [256, 257]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model", (STR, string("bert")), "the kind 'bert'"),
        ("model", (STR, string("llama")), "one for each token"),
        ("model", None, "the kind None"),
        ("pre", (STR, string("tekken")), "pattern of the name 'tekken'"),
        ("pre", (U32, b"\x01\x00\x00\x00"), "pattern of the name 1"),
        ("pre", None, "pattern of the name 'default'"),
        ("add_space_prefix", (BOOL, b"\x01"), "has add_space_prefix"),
        ("tokens", None, "no list of tokens"),
        ("tokens", numbers([1, 2]), "no list of tokens"),
        ("tokens", strings([b"\xff"]), "are not UTF-8"),
        ("tokens", strings(["a"] * 261), "occurs twice"),
        ("tokens", strings(["a", "b", "c"]), "one for each token"),
        ("token_type", None, "one for each token"),
        ("token_type", numbers([1] * 260 + [6]), "is of type 6"),
        ("token_type", numbers([1] * 261), "stands for no byte"),
        ("token_type", numbers([5] + [1] * 257 + [5, 3, 3]), "no token for byte 0x00"),
        ("merges", None, "no list of merges"),
        ("merges", strings(["ab"]), "not two tokens"),
        ("merges", strings(["a b c"]), "not two tokens"),
        ("merges", strings(["a c"]), "needs the token 'ac'"),
        ("odd", (13, b""), "no type 13"),
        ("odd", (LIST, struct.pack("<IQ", LIST, 1)), "a list of type 9"),
        ("odd", (LIST, struct.pack("<IQ", STR, 1 << 62)), "truncated|no type"),
        ("odd", (LIST, struct.pack("<IQ", U64, 1 << 62)), "truncated"),
        ("odd", (STR, struct.pack("<Q", 1 << 63)), "truncated"),
    ],
)
def test_what_is_refused(path, key, value, message):
    entries = results()
    entries.pop(f"tokenizer.ggml.{key}", None)
    if value is not None:
        entries[f"tokenizer.ggml.{key}"] = value
    path.write_bytes(gguf(entries, more=b""))
    with pytest.raises(FormatError, match=message):
        Tokenizer.from_gguf(path)


def test_headers_that_are_wrong(path):
    twice = gguf(results(), more=b"")
    doubled = twice.replace(b"tokenizer.ggml.pre", b"tokenizer.ggml.PRE").replace(b"general.sizes", b"general.sizes")
    for content, message in (
        (b"", "not a GGUF"),
        (b"GGUF", "truncated"),
        (gguf(results(), version=1), "version 1"),
        (gguf(results(), version=0x03000000), "little-endian"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 62), "truncated"),
        (doubled, "'default'"),
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=message):
            Tokenizer.from_gguf(path)


def test_damaged_files_are_a_format_error_or_a_tokenizer(path):
    whole, rng, accepted = gguf(results()), random.Random(3), 0
    for _ in range(1500):
        content = bytearray(whole[: rng.randrange(len(whole))] if rng.random() < 0.3 else whole)
        for _ in range(rng.randrange(1, 4)):
            if content:
                content[rng.randrange(len(content))] = rng.choice([0, 1, 8, 9, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        path.write_bytes(content)
        try:
            tok = Tokenizer.from_gguf(path)
        except FormatError:
            continue
        assert tok.decode(tok.encode_ordinary("The quick é")) == "The quick é"
        accepted += 1
    assert 30 < accepted < 1470


@given(corpus=tiny_corpus, content=text, pattern=st.sampled_from([GPT2, "qwen2", "starcoder", "deepseek-v3"]))
@pytest.mark.filterwarnings("ignore:the corpus is too small")
def test_what_is_written_is_read(tmp_path_factory, corpus, content, pattern):
    path = tmp_path_factory.getbasetemp() / "written.gguf"
    tok = Tokenizer.train(iter([*corpus, "ab ab"]), 280, pattern=pattern, progress=False)
    tok.to_gguf(path)
    again = Tokenizer.from_gguf(path)
    assert again.encode_ordinary(content) == tok.encode_ordinary(content)
    assert (again.vocab, again.merges, again.special_tokens) == (tok.vocab, tok.merges, tok.special_tokens)


def test_all_types_are_written_back(path):
    for pre in ("gpt-2", "llama-bpe"):
        entries = results()
        entries["tokenizer.ggml.pre"] = STR, string(pre)
        path.write_bytes(gguf(entries))
        tok = Tokenizer.from_gguf(path)
        tok.to_gguf(path)
        assert Tokenizer.from_gguf(path) == tok


def test_a_rank_file_is_written(path, vocabs):
    tok = Tokenizer.from_tiktoken(vocabs / "r50k_base.tiktoken")
    tok.to_gguf(path)
    pair = Tokenizer.from_gpt2(vocabs / "gpt2" / "vocab.json", vocabs / "gpt2" / "merges.txt")
    again = Tokenizer.from_gguf(path)
    assert (again.vocab, again.merges, again.special_tokens) == (pair.vocab, pair.merges, pair.special_tokens)


def test_what_cannot_be_written(path, small):
    def refused(tok, message):
        with pytest.raises(ValueError, match=message):
            tok.to_gguf(path)

    def ranks(more, pattern="gpt2", special=None):
        tokens = [*(bytes([i]) for i in range(256)), *more]
        made = from_ranks({token: i for i, token in enumerate(tokens)}, pattern, special or {})
        return Tokenizer(made)

    refused(small, "no exact name")
    refused(ranks([]), "without merges")
    refused(ranks([b"ab", b"xyz"]), "no merge makes")
    refused(ranks([b"ab", b"<s>"], special={"<s>": 300}), "is also an ordinary token")
    refused(ranks([b"ab"], special={"<s>": 300, "<t>": 300}), "how this tokenizer reads text")
    refused(ranks([b"ab"], special={"[PAD260]": 300}), "unused id")
    refused(Tokenizer.train(iter(["ab"] * 9), 257, pattern="o200k", progress=False), "no exact name")
    assert not path.exists()
    ranks([b"ab", b"xyz"], "llama3").to_gguf(path)
    assert Tokenizer.from_gguf(path).encode("xyz") == [257]
