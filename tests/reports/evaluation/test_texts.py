"""The text of an evaluation: what is held out is not trained on, and nothing is lost."""

from __future__ import annotations

import gzip
import json

import pytest

from pybpe._core.split import find_cut
from pybpe.data.readers import blocks
from pybpe.reports.evaluation import texts
from pybpe.reports.evaluation.texts import Passage, Split, first_passages

WORDS = " ".join("abcdefghij"[: i % 10 + 1] for i in range(3000)).encode()


@pytest.fixture
def files(tmp_path):
    """The same text as it is, in lines of JSON and in an archive."""
    (tmp_path / "a.txt").write_bytes(WORDS)
    lines = [json.dumps({"text": "some words here"}) for i in range(1000)]
    (tmp_path / "b.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "c.py.gz").write_bytes(gzip.compress(WORDS))
    return [tmp_path / name for name in ("a.txt", "b.jsonl", "c.py.gz")]


@pytest.mark.parametrize("held_out", [0.5, 0.1, 0.001])
@pytest.mark.parametrize("block", [100, 1 << 22])
def test_the_end_of_each_file_is_held_out(files, monkeypatch, held_out, block):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block)
    for path in files:
        split = Split([path], find_cut, "text", held_out)
        before = list(split.before())
        whole = b"".join(passage.text for passage in first_passages([path], find_cut, "text"))
        behind = b"".join(passage.text for passage in split.held_out)
        assert b"".join(before) + behind == whole
        assert 0 <= len(behind) - len(whole) * held_out < 20
        assert split.n_before == len(whole) - int(len(whole) * held_out)
        assert {passage.code for passage in split.held_out} == {path.name == "c.py.gz"}
    together = Split(files, find_cut, "text", held_out)
    size = sum(map(len, together.before()))
    again = list(together.before())
    assert sum(map(len, again)) == size
    assert {passage.code for passage in together.held_out} == {False, True}


def test_files_without_a_cut_are_cut_at_lines(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one line\n" * 100)
    split = Split([tmp_path / "a.txt"], None, "text", 0.1)
    assert b"".join(split.before()) == b"one line\n" * 90
    assert split.held_out == [Passage(b"one line\n" * 10)]


def test_a_text_without_any_place_to_cut_is_cut_between_characters(tmp_path):
    (tmp_path / "a.txt").write_bytes("１".encode() * 100)
    split = Split([tmp_path / "a.txt"], find_cut, "text", 0.5)
    assert b"".join(split.before()) == "１".encode() * 50
    split = Split([tmp_path / "a.txt"], find_cut, "text", 0.1)
    assert b"".join(split.before()) == "１".encode() * 90
    assert split.held_out == [Passage("１".encode() * 10)]


def test_nothing_held_out_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"some text")
    with pytest.raises(ValueError, match=r"of 9 bytes 0\.01 is nothing to measure on; hold a larger share out"):
        Split([tmp_path / "a.txt"], find_cut, "text", 0.01)


@pytest.mark.parametrize("block", [100, 1 << 22])
def test_passages_are_of_all_files_and_not_too_many(files, monkeypatch, block):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block)
    monkeypatch.setattr(texts, "MOST_BYTES", 3000)
    split = Split(files, find_cut, "text", 0.5)
    list(split.before())
    for passages in (first_passages(files, find_cut, "text"), split.held_out):
        assert all(passage.text for passage in passages)
        assert 980 < sum(len(passage.text) for passage in passages if passage.code) <= 1000
        assert 2950 < sum(len(passage.text) for passage in passages) <= 3000
