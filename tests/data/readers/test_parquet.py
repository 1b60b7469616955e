"""Parquet: a text a row, a few rows at a time."""

from __future__ import annotations

import os
import random
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import FormatError, PybpeError
from pybpe.data.readers import parquet
from pybpe.data.readers.parquet import check_parquet, read_parquet


def write(path, column, **options):
    pq.write_table(pa.table({"id": pa.array(range(len(column))), "text": column}), path, **options)
    return path


@given(
    texts=st.lists(st.text(), max_size=30),
    rows=st.integers(1, 9),
    compression=st.sampled_from(["snappy", "zstd", "gzip", "none"]),
)
def test_what_was_written_is_read(tmp_path_factory, texts, rows, compression):
    path = tmp_path_factory.mktemp("parquet") / "a.parquet"
    write(path, pa.array(texts, pa.string()), row_group_size=rows, compression=compression)
    assert list(read_parquet(path, "text")) == [text.encode() for text in texts]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.string_view()])
@pytest.mark.parametrize("encoded", [False, True])
def test_every_type_of_text(tmp_path, kind, encoded, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_ROWS", 2)
    column = pa.array(["one", "zwei", "", "one", "four"], kind)
    if encoded and kind != pa.string_view():
        column = column.dictionary_encode()
    assert list(read_parquet(write(tmp_path / "a.parquet", column), "text")) == [b"one", b"zwei", b"", b"one", b"four"]


def test_bytes_that_are_not_utf8(tmp_path):
    column = pa.array([b"caf\xe9"]).cast(pa.string(), safe=False)
    assert list(read_parquet(write(tmp_path / "a.parquet", column), "text")) == [b"caf\xe9"]


def test_another_column(tmp_path):
    pq.write_table(pa.table({"a.b": ["one"], "a": ["two"]}), tmp_path / "a.parquet")
    assert list(read_parquet(tmp_path / "a.parquet", "a.b")) == [b"one"]
    assert list(read_parquet(tmp_path / "a.parquet", "a")) == [b"two"]


def test_a_missing_column_names_those_there_are(tmp_path):
    path = write(tmp_path / "a.parquet", pa.array(["a"]))
    with pytest.raises(FormatError, match=r"a\.parquet: no column 'body'; there are 'id', 'text': name the one"):
        list(read_parquet(path, "body"))


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([1, 2]), "int64"),
        (pa.array([["a"]]), "list<.*: string>"),
        (pa.array([{"x": "a"}]), "struct<x: string>"),
    ],
)
def test_a_column_of_something_else(tmp_path, column, kind):
    with pytest.raises(FormatError, match=f"a.parquet: the column 'text' holds {kind}, not strings"):
        list(read_parquet(write(tmp_path / "a.parquet", column), "text"))


def test_a_row_without_a_value_is_named(tmp_path):
    path = write(tmp_path / "a.parquet", pa.array(["a"] * 300 + [None]))
    with pytest.raises(FormatError, match="row 301: the column 'text' holds no value"):
        list(read_parquet(path, "text"))


def test_damaged_files_are_said_to_be(tmp_path):
    path = write(tmp_path / "a.parquet", pa.array(["some text"] * 500))
    content = path.read_bytes()
    for end in [0, 3, 4, 11, *range(12, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:end])
        with pytest.raises(FormatError, match=r"a\.parquet is damaged, or no parquet file \(.*\): get it again"):
            list(read_parquet(path, "text"))


def test_a_file_that_shrinks_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_ROWS", 100)
    texts = pa.array([random.Random(i).randbytes(500) for i in range(2000)])
    path = write(tmp_path / "a.parquet", texts, row_group_size=300)
    rows = read_parquet(path, "text")
    assert next(rows) == texts[0].as_py()
    os.truncate(path, 1000)
    with pytest.raises(FormatError, match="is damaged"):
        list(rows)


@pytest.mark.parametrize(("rows", "words"), [(10_000, 600), (30, 200_000)])
def test_memory_does_not_grow_with_the_file(tmp_path, rows, words):
    texts = [f"{i} " + "some text, " * words for i in range(rows)]
    options = {"row_group_size": rows, "use_dictionary": False, "write_batch_size": 1}  # a page is read whole
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", **options)
    before = pa.total_allocated_bytes()
    most = size = 0
    for number, text in enumerate(read_parquet(tmp_path / "a.parquet", "text")):
        size += len(text)
        if number % (rows // 30) == 0:
            most = max(most, pa.total_allocated_bytes() - before)
    assert size == sum(map(len, texts)) > 60_000_000
    assert most < 20_000_000


def test_without_pyarrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "pyarrow.parquet")
    with pytest.raises(PybpeError, match=r"pyarrow is needed to read \.parquet files; .* pip install 'pybpe\[data\]'"):
        check_parquet()
