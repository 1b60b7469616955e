"""Blocks hold all of a file, and cutting it changes no word."""

from __future__ import annotations

import io

import pytest

from pybpe import FormatError, WordCounts
from pybpe._core.split import find_cut
from pybpe.data.readers import blocks
from pybpe.data.readers.blocks import NO_LIMIT, cut_blocks

TEXT = "The quick brown fox isn't   slow,\n\n中文字符，很多 word 123456 🙂🙂\r\n" * 40


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 50)


def test_blocks_hold_the_whole_file_and_whole_words():
    parts = list(cut_blocks(io.BytesIO(TEXT.encode()), find_cut))
    assert len(parts) > 20
    assert b"".join(parts) == TEXT.encode()
    whole, cut = WordCounts(), WordCounts()
    whole.update(iter([TEXT]))
    cut.update(iter(parts))
    assert sorted(item[:2] for item in cut.items()) == sorted(item[:2] for item in whole.items())


def test_a_text_without_any_cut_is_one_block():
    assert [*map(len, cut_blocks(io.BytesIO(b"1" * 1000), find_cut))] == [1000]


@pytest.mark.parametrize("limit", [NO_LIMIT, 10_000])
def test_without_a_cut_all_is_one_block(limit):
    assert list(cut_blocks(io.BytesIO(TEXT.encode()), None, limit)) == [TEXT.encode()]
    assert list(cut_blocks(io.BytesIO(b""), None, limit)) == []


def test_an_empty_file_has_no_block():
    assert list(cut_blocks(io.BytesIO(b""), find_cut)) == []


@pytest.mark.parametrize("cut", [find_cut, None])
def test_a_limit_to_what_has_no_cut(cut, tmp_path):
    (tmp_path / "digits").write_bytes(b"word " * 20 + b"1" * 10_000)
    with (tmp_path / "digits").open("rb") as file, pytest.raises(FormatError, match="digits holds 5,000"):
        list(cut_blocks(file, cut, 5000))


def test_the_cut_of_a_tokenizer_serves_too(small):
    parts = list(cut_blocks(io.BytesIO(TEXT.encode()), small.cut))
    assert [token for part in parts for token in small.encode(part)] == small.encode(TEXT)
