"""vocab.json and merges.txt: read, written, and refused where ids could be others."""

from __future__ import annotations

import json

import pytest
from support.huggingface_files import MERGES, tokenizer_json, write_json

from pybpe import FormatError, Tokenizer
from pybpe.formats.helpers.byte_level import to_bytes, to_chars


@pytest.fixture
def read(tmp_path):
    def read_pair(vocab=None, merges=MERGES, first="#version: 0.2\n") -> Tokenizer:
        vocab = vocab or tokenizer_json()["model"]["vocab"] | {"<|endoftext|>": 262, "odd": 263}
        lines = merges if isinstance(merges, bytes) else (first + "\n".join(merges) + "\n").encode()
        (tmp_path / "merges.txt").write_bytes(lines)
        return Tokenizer.from_gpt2(write_json(tmp_path / "vocab.json", vocab), tmp_path / "merges.txt")

    return read_pair


def test_bytes_and_characters():
    chars = [to_chars(bytes([byte])) for byte in range(256)]
    assert len(set(chars)) == 256
    assert chars[ord("a")] == "a"
    assert chars[ord(" ")] == "Ġ"
    assert chars[ord("\n")] == "Ċ"
    assert all(char.isprintable() and not char.isspace() for char in chars)
    assert to_bytes("".join(chars)) == bytes(range(256))
    assert to_bytes("中") is to_bytes(" ") is to_bytes("\x7f") is to_bytes("\ud800") is None


def test_what_is_read(read):
    tok = read()
    assert tok.encode("a low") == [97, 259]
    assert tok.special_tokens == {"<|endoftext|>": 262}
    assert tok.eot_token == 262
    assert tok.decode([263, 262]) == "odd<|endoftext|>"  # no merge makes "odd", but it is there
    assert tok.info["pattern_name"] == "gpt2"
    assert read(first="") == tok
    assert read(merges=("\r\n".join(MERGES) + "\r\n\r\n").encode()) == tok


def test_what_is_written_is_read(read, small, tmp_path):
    tok = read()
    tok.to_gpt2(tmp_path / "out")
    again = Tokenizer.from_gpt2(tmp_path / "out" / "vocab.json", tmp_path / "out" / "merges.txt")
    assert again == tok
    assert (tmp_path / "out" / "merges.txt").read_text(encoding="utf-8").splitlines() == ["#version: 0.2", *MERGES]
    with pytest.raises(ValueError, match="pattern gpt2"):
        small.to_gpt2(tmp_path / "other")


def test_what_these_files_cannot_say(tmp_path):
    def trained(**settings) -> Tokenizer:
        return Tokenizer.train(iter(["a b"]), 256, pattern="gpt2", progress=False, **settings)

    with pytest.raises(ValueError, match="read back as an ordinary"):
        trained(special_tokens=["[PAD]"]).to_gpt2(tmp_path / "out")
    content = tokenizer_json(normalizer={"type": "NFC"})
    with pytest.raises(ValueError, match="how this tokenizer reads text"):
        Tokenizer.from_huggingface(write_json(tmp_path / "t.json", content)).to_gpt2(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"merges": [*MERGES, "a b c"]}, "line 8: not two tokens"),
        ({"merges": [*MERGES, "q u"]}, "needs the token 'qu'"),
        ({"merges": b"\xff\xff"}, "not UTF-8"),
        ({"merges": ["t he</w>"], "vocab": {"t": 0}}, "'he</w>', which is no byte"),
        ({"vocab": {"a": 0}, "merges": []}, "byte 0x00"),
        ({"vocab": [1], "merges": []}, "no vocabulary"),
    ],
)
def test_what_is_refused(read, settings, message):
    with pytest.raises(FormatError, match=message):
        read(**settings)


def test_the_real_files(vocabs, texts, tmp_path):
    tok = Tokenizer.from_gpt2(vocabs / "gpt2" / "vocab.json", vocabs / "gpt2" / "merges.txt")
    ranks = Tokenizer.from_tiktoken(vocabs / "r50k_base.tiktoken")
    for text in texts.values():
        assert (tok.encode_to_numpy(text) == ranks.encode_to_numpy(text)).all()
    tok.to_gpt2(tmp_path / "out")
    assert json.loads((tmp_path / "out/vocab.json").read_text(encoding="utf-8")) == json.loads(
        (vocabs / "gpt2/vocab.json").read_text(encoding="utf-8")
    )
    assert (tmp_path / "out/merges.txt").read_bytes() == (vocabs / "gpt2/merges.txt").read_bytes()
