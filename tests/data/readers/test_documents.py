"""Files of every kind as documents, told apart by their names."""

from __future__ import annotations

import gzip
import json
import os
import sys
import warnings
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pybpe import FormatError, MissingPackageError, Tokenizer
from pybpe._core.split import find_cut
from pybpe.data.readers import archives, blocks, documents
from pybpe.data.readers.documents import has_fields, read_files, text_size

TEXTS = ["one two three", "vier fünf", "六七"]


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    """The same three documents in every form but as one text."""
    lines = "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(TEXTS)).encode()
    found = {}
    for name, content in {
        "a.jsonl": lines,
        "a.NDJSON": lines,
        "a.jsonl.gz": gzip.compress(lines),
        "a.ndjson.zst": zstandard.compress(lines),
    }.items():
        found[name] = tmp_path / name
        found[name].write_bytes(content)
    found["a.parquet"] = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": TEXTS}), found["a.parquet"])
    return found


def joined(pieces) -> list[bytes]:
    """Whole documents from pieces."""
    texts, open_ = [], b""
    for piece, ends in pieces:
        assert piece
        open_ += piece
        if ends:
            texts.append(open_)
            open_ = b""
    assert not open_
    return texts


def test_documents_one_by_one(files):
    for path in files.values():
        assert list(read_files([path], find_cut)) == [(text.encode(), True) for text in TEXTS]


def test_files_come_in_their_order(files, tmp_path):
    (tmp_path / "b.txt").write_text("whole\n\nfile", encoding="utf-8")
    pieces = read_files([files["a.parquet"], tmp_path / "b.txt", files["a.jsonl.gz"]], find_cut)
    assert joined(pieces) == [*map(str.encode, TEXTS), b"whole\n\nfile", *map(str.encode, TEXTS)]


@pytest.mark.parametrize("cut", [find_cut, None])
@pytest.mark.parametrize("name", ["a.txt", "a", "a.txt.gz", "a.zst"])
def test_a_text_is_one_document_in_pieces(tmp_path, monkeypatch, cut, name):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 50)
    pack = {".gz": gzip.compress, ".zst": zstandard.compress}.get(Path(name).suffix, bytes)
    (tmp_path / name).write_bytes(pack(b"some words of text, " * 50))
    pieces = list(read_files([tmp_path / name], cut))
    assert joined(pieces) == [b"some words of text, " * 50]
    assert len(pieces) > 10 or cut is None


def test_empty_documents_are_none(tmp_path):
    (tmp_path / "a.txt").touch()
    (tmp_path / "a.gz").write_bytes(gzip.compress(b""))
    (tmp_path / "a.jsonl").write_text('{"text": ""}\n{"text": "x"}\n', encoding="utf-8")
    pq.write_table(pa.table({"text": ["", "y"]}), tmp_path / "a.parquet")
    names = ["a.txt", "a.gz", "a.jsonl", "a.parquet"]
    assert list(read_files([tmp_path / name for name in names], find_cut)) == [(b"x", True), (b"y", True)]


def test_half_characters_become_whole(tmp_path):
    (tmp_path / "a.jsonl").write_text(r'{"text": "\ud83d\ude42 \ud800"}', encoding="utf-8")
    assert joined(read_files([tmp_path / "a.jsonl"], find_cut)) == ["🙂 \ufffd".encode()]


@pytest.mark.parametrize(
    ("content", "kind"), [(b"caf\xe9 au lait", "not UTF-8"), (b"\x7fELF\0\0\xff\xfe", "binary data")]
)
@pytest.mark.parametrize("name", ["data", "data.gz", "data.parquet"])
def test_bytes_that_are_not_utf8_are_taken_and_said(tmp_path, content, kind, name):
    path = tmp_path / name
    if name == "data.parquet":
        pq.write_table(pa.table({"text": [content] * 3}), path)
    else:
        path.write_bytes(gzip.compress(content * 3) if name == "data.gz" else content * 3)
    with pytest.warns(UnicodeWarning, match=f"{name} is {kind}; its bytes are taken as they are"):
        tok = Tokenizer.train(path, 260, progress=False)
    assert tok.decode_bytes(tok.encode_ordinary(content)) == content


def test_one_warning_a_file(tmp_path):
    pq.write_table(pa.table({"text": [b"\xff", b"\xfe"]}), tmp_path / "a.parquet")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        list(read_files([tmp_path / "a.parquet"], find_cut))
    assert len(seen) == 1


def test_a_bomb_without_a_cut_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "MOST_UNCUT", 100_000)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 10_000)
    for name in ("a.txt.gz", "a.txt"):
        (tmp_path / name).write_bytes(gzip.compress(bytes(1_000_000)) if name.endswith("gz") else bytes(1_000_000))
    with pytest.raises(FormatError, match=r"a\.txt\.gz holds 100,000 bytes without a place to cut them"):
        list(read_files([tmp_path / "a.txt.gz"], find_cut))
    assert joined(read_files([tmp_path / "a.txt"], find_cut)) == [bytes(1_000_000)]


def test_what_cannot_be_read_is_said_before_anything_is(files, tmp_path, monkeypatch):
    with pytest.raises(FormatError, match=r"a\.parquet\.gz: a parquet file cannot be read inside another archive"):
        read_files([files["a.jsonl"], tmp_path / "a.parquet.gz"], find_cut)
    for name in ("a.tar", "a.tar.gz"):
        with pytest.raises(FormatError, match=rf"{name}: a \.tar file holds others"):
            read_files([files["a.jsonl"], tmp_path / name], find_cut)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingPackageError, match="pyarrow"):
        read_files([files["a.jsonl"], files["a.parquet"]], find_cut)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingPackageError, match="zstandard"):
        read_files([files["a.jsonl"], files["a.ndjson.zst"]], find_cut)


def test_a_file_that_vanishes(files, tmp_path):
    (tmp_path / "b.txt").write_text("text", encoding="utf-8")
    pieces = read_files([files["a.jsonl"], tmp_path / "b.txt"], find_cut)
    next(pieces)
    if sys.platform != "win32":  # which does not remove what is open
        files["a.jsonl"].unlink()
    (tmp_path / "b.txt").unlink()
    assert [next(pieces)[0].decode() for _ in TEXTS[1:]] == TEXTS[1:]
    with pytest.raises(FileNotFoundError, match=r"b\.txt"):
        next(pieces)


def test_json_lines_that_shrink_end_in_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_READ_BYTES", 100)
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "some words"}\n' * 1000, encoding="utf-8")
    pieces = read_files([path], find_cut)
    next(pieces)
    os.truncate(path, 23 * 500 + 15)
    with pytest.raises(FormatError, match=r"line 501: not JSON"):
        list(pieces)


def test_the_size_of_the_text_is_known_of_plain_files_only(files, tmp_path):
    (tmp_path / "b.txt").write_text("four", encoding="utf-8")
    assert text_size([tmp_path / "b.txt", tmp_path / "b.txt"]) == 8
    assert text_size([]) == 0
    for path in files.values():
        assert text_size([tmp_path / "b.txt", path]) is None


def test_which_files_have_fields(files):
    assert all(map(has_fields, files.values()))
    assert not any(map(has_fields, map(Path, ["a.txt", "a.json", "a.txt.gz", "jsonl", "parquet.zst"])))
