"""Paths are told from texts, and both become batches of texts."""

from __future__ import annotations

import gzip
import random

import pytest

from pybpe import FormatError, WordCounts
from pybpe.data.readers import blocks
from pybpe.training.counts.corpus import open_source


def counted(source, **options):
    counts = WordCounts()
    counts.update(source, **options)
    return sorted(item[:2] for item in counts.items())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.txt").write_text("one two three", encoding="utf-8")
    (tmp_path / "b.txt").write_text("vier fünf sechs", encoding="utf-8")
    return tmp_path


def test_a_path_a_list_and_a_glob(folder):
    both = counted(iter(["one two three", "vier fünf sechs"]))
    assert counted([folder / "a.txt", folder / "b.txt"]) == both
    assert counted([str(folder / "a.txt"), str(folder / "b.txt")]) == both
    assert counted([str(folder / "*.txt")]) == both
    assert counted(str(folder / "*.txt")) == both
    assert counted(iter([folder / "a.txt", folder / "b.txt"])) == both


def test_texts_are_not_taken_for_paths(folder):
    assert counted(["one two three"]) == counted(iter(["one two three"]))
    assert counted(iter([str(folder / "a.txt")])) != counted(folder / "a.txt")
    assert counted(["a\0b"]) == [(b"\0b", 1), (b"a", 1)]


@pytest.mark.parametrize(
    "missing", ["no/such/file.txt", ["nosuch.txt"], ["*.nosuch.txt"], ["nosuch.parquet"], ["nosuch.jsonl.zst"]]
)
def test_missing_files(missing):
    with pytest.raises(FileNotFoundError, match="no such file"):
        counted(missing)


def test_one_missing_of_several(folder):
    with pytest.raises(FileNotFoundError, match=r"c\.txt"):
        counted([str(folder / "a.txt"), str(folder / "c.txt")])


def test_a_folder_is_not_a_file(folder):
    with pytest.raises(IsADirectoryError, match="is a folder; name its files"):
        counted(folder)


def test_empty_files_among_others(folder):
    (folder / "empty.txt").touch()
    assert counted([str(folder / "*.txt")]) == counted([folder / "a.txt", folder / "b.txt"])


def test_text_itself_is_not_a_source():
    with pytest.raises(TypeError, match="pass a list of it"):
        counted(b"text")
    with pytest.raises(TypeError, match="must be str or bytes, not int"):
        counted(iter([1]))


def test_files_of_every_kind_give_the_counts_of_their_documents(folder):
    (folder / "c.jsonl").write_text('{"id": 1, "body": "one two"}\n\n{"body": "three"}\n', encoding="utf-8")
    (folder / "d.jsonl.gz").write_bytes(gzip.compress(b'{"body": "two four"}'))
    counts = WordCounts()
    counts.update([folder / name for name in ("c.jsonl", "a.txt", "d.jsonl.gz")], text_field="body")
    expected = WordCounts()
    expected.update(iter(["one two", "three", "one two three", "two four"]))
    assert sorted(item[:2] for item in counts.items()) == sorted(item[:2] for item in expected.items())
    with pytest.raises(FormatError, match=r"line 1: no field 'text'; there are 'id', 'body'"):
        counts.update(folder / "c.jsonl")


def test_a_damaged_file_counts_nothing(folder):
    (folder / "c.txt.gz").write_bytes(gzip.compress(random.Random(1).randbytes(99999))[:-9])
    counts = WordCounts()
    with pytest.raises(FormatError, match="truncated"):
        counts.update([folder / "a.txt", folder / "c.txt.gz"])
    assert not counts.items()


def test_the_total_is_known_where_files_are_read_as_they_are(folder):
    (folder / "c.txt.gz").write_bytes(gzip.compress(b"five six"))
    seen = []
    counts = WordCounts()
    counts.update([folder / "a.txt", folder / "b.txt"], progress=lambda *event: seen.append(event))
    counts.update(str(folder / "*"), progress=lambda *event: seen.append(event))
    size = (folder / "a.txt").stat().st_size + (folder / "b.txt").stat().st_size
    assert seen[-1] == ("counting", size + 8, None)
    assert ("counting", size, size) in seen


def test_batches_are_of_no_more_than_a_block(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 200)
    texts = [b"a" * 10, b"b" * 10, b"c" * 10, b"d" * 500, b"e"]
    batches, total, _ = open_source(iter(texts), None)
    assert list(batches) == [texts[:2], texts[2:3], texts[3:4], texts[4:]]
    assert total is None
