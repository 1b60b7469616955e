"""The list of formats: each is recognised, read and written, and a file of any other kind is none of them."""

from __future__ import annotations

import pytest
from support.huggingface_files import tokenizer_json, write_json

from pybpe import Tokenizer
from pybpe.formats import native, registry
from pybpe.formats.registry import FORMATS, recognise


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory) -> dict[str, Tokenizer]:
    """A tokenizer that each format can say."""
    lines = ["low lower lowest newer wider"] * 9
    gpt2 = Tokenizer.train(iter(lines), 266, pattern="gpt2", progress=False)
    path = write_json(tmp_path_factory.mktemp("hf") / "a.json", tokenizer_json())
    whole = Tokenizer.from_huggingface(path)
    sentencepiece = Tokenizer.train(iter(lines), 286, convention="sentencepiece", progress=False)
    minbpe = Tokenizer.train(
        iter(lines), 266, pattern=r"\w+|\W+", special_tokens=[], convention="minbpe", progress=False
    )
    special = dict.fromkeys(("huggingface", "tokenizer.json"), whole)
    return dict.fromkeys(FORMATS, gpt2) | special | {"sentencepiece": sentencepiece, "minbpe": minbpe}


@pytest.mark.parametrize("name", FORMATS)
def test_each_is_recognised_and_read_back(name, tokenizers, tmp_path):
    tok, format_ = tokenizers[name], FORMATS[name]
    suffix = (*format_.suffixes, ".model")[0] if not format_.parts else ""
    path = tmp_path / f"some{suffix}"
    format_.write(tok.definition, path)
    assert recognise(path) is format_
    said = (tok.pattern, tok.special_tokens) if format_.cannot_say else ()
    text = "low lower newer  widest 12"
    assert Tokenizer(format_.read(path, *said)).encode_ordinary(text) == tok.encode_ordinary(text)
    if not format_.cannot_say:
        with pytest.raises(ValueError, match="its own split pattern"):
            format_.read(path, "gpt4")
    for part in format_.parts:
        assert (path / part).exists()
    assert not format_.beside or path.with_suffix(format_.beside).exists()


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"some text\n", b"PK\x03\x04", b"aGVsbG8= x\n"])
def test_other_files_are_none(content, tmp_path):
    (tmp_path / "some").write_bytes(content)
    assert recognise(tmp_path / "some") is None


def test_a_folder_without_files_of_a_tokenizer(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"neither a tokenizer.json nor a vocab.json"):
        recognise(tmp_path)


def test_names_and_suffixes_are_one_formats_own():
    suffixes = [suffix for each in FORMATS.values() for suffix in each.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert native.MAGIC == registry.MAGIC
