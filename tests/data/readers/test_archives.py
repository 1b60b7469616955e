"""Archives: what was packed comes out, in bounded memory, and what is damaged is said to be."""

from __future__ import annotations

import gzip
import os
import random
import sys
import tracemalloc
import types
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from support.accepted import Accepted

from pybpe import FormatError, PybpeError
from pybpe.data.readers import archives
from pybpe.data.readers.archives import check_archives, open_unpacked, without_archives

PACK = {".gz": gzip.compress, ".zst": zstandard.compress}
TEXT = random.Random(1).randbytes(50_000) + b"some text, " * 9000

every_kind = pytest.mark.parametrize("kind", list(PACK))


def unpacked(path: Path, content: bytes) -> bytes:
    path.write_bytes(content)
    with open_unpacked(path) as file:
        return file.read()


@every_kind
@given(parts=st.lists(st.binary(max_size=3000), min_size=1, max_size=5), zeros=st.integers(0, 3))
def test_what_was_packed_comes_out(tmp_path_factory, kind, parts, zeros):
    path = tmp_path_factory.mktemp("packed") / f"text.txt{kind}"
    assert unpacked(path, (b"\0" * zeros).join(map(PACK[kind], parts)) + b"\0" * zeros) == b"".join(parts)


@every_kind
def test_streams_that_end_anywhere_in_what_is_read_at_once(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(archives, "_READ_BYTES", 7)
    parts = [bytes([i]) * i for i in range(60)]
    assert unpacked(tmp_path / f"a{kind}", b"\0\0".join(map(PACK[kind], parts)) + bytes(20)) == b"".join(parts)


def test_an_archive_in_an_archive(tmp_path):
    assert unpacked(tmp_path / "A.TXT.ZST.Gz", gzip.compress(zstandard.compress(TEXT))) == TEXT


def test_other_names_are_read_as_they_are(tmp_path):
    assert unpacked(tmp_path / "text", gzip.compress(TEXT)) == gzip.compress(TEXT)


def test_zstd_of_every_form(tmp_path):
    skipped = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    streamed = zstandard.ZstdCompressor(write_checksum=True).compressobj()  # does not say how much it holds
    content = skipped + streamed.compress(TEXT) + streamed.flush() + skipped + zstandard.compress(TEXT)
    assert unpacked(tmp_path / "a.zst", content) == TEXT + TEXT


@every_kind
def test_every_truncation_is_said(tmp_path, kind):
    packed = PACK[kind](b"some text, " * 20)
    for end in range(len(packed)):
        with pytest.raises(FormatError, match=rf"text\.txt\{kind} is truncated: it ends before"):
            unpacked(tmp_path / f"text.txt{kind}", packed[:end])
    assert unpacked(tmp_path / f"text.txt{kind}", packed) == b"some text, " * 20


@every_kind
def test_a_second_stream_that_is_truncated_is_said(tmp_path, kind):
    with pytest.raises(FormatError, match="is truncated"):
        unpacked(tmp_path / f"a{kind}", PACK[kind](b"first") + PACK[kind](b"second")[:-1])


@every_kind
@pytest.mark.parametrize("content", [b"no archive at all", b"\0\0\0\0", b"PK\3\4"])
def test_what_is_no_archive_is_said(tmp_path, kind, content):
    with pytest.raises(FormatError, match=rf"a\{kind} is (damaged, or no \{kind} file|truncated)"):
        unpacked(tmp_path / f"a{kind}", content)


@every_kind
def test_what_follows_an_archive_is_not_passed_over(tmp_path, kind):
    with pytest.raises(FormatError, match="is damaged, or no"):
        unpacked(tmp_path / f"a{kind}", PACK[kind](b"text") + b"and more that is not packed")


def test_a_wrong_checksum_is_said(tmp_path):
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 1
    with pytest.raises(FormatError, match="is damaged, or no"):
        unpacked(tmp_path / "a.gz", bytes(packed))
    packed = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(TEXT))
    packed[-1] ^= 1
    with pytest.raises(FormatError, match="is damaged, or no"):
        unpacked(tmp_path / "a.zst", bytes(packed))


@every_kind
def test_a_flipped_bit_gives_an_error_or_bytes(tmp_path_factory, kind):
    accepted = Accepted()

    @given(place=st.integers(0, 1 << 20), bit=st.integers(0, 7))
    def check(place, bit):
        packed = bytearray(PACK[kind](b"some text, " * 200))
        packed[place % len(packed)] ^= 1 << bit
        with accepted.or_refused(FormatError):
            unpacked(tmp_path_factory.mktemp("flipped") / f"a{kind}", bytes(packed))

    check()
    assert accepted.count > 1


@every_kind
def test_a_bomb_costs_no_memory(tmp_path, kind):
    if kind == ".gz":
        packer = zlib.compressobj(9, wbits=31)
        bomb = b"".join([packer.compress(bytes(1 << 24)) for _ in range(20)]) + packer.flush()
    else:
        packer = zstandard.ZstdCompressor().compressobj()
        bomb = b"".join([packer.compress(bytes(1 << 24)) for _ in range(20)]) + packer.flush()
    (tmp_path / f"bomb{kind}").write_bytes(bomb)
    with open_unpacked(tmp_path / f"bomb{kind}") as file:
        file.read(1)  # so that imports do not count
        tracemalloc.start()
        size = 1
        while part := file.read(1 << 20):
            size += len(part)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert size == 20 << 24
    assert most < 80 << 20


def test_a_window_beyond_bounds_is_refused(tmp_path):
    parameters = zstandard.ZstdCompressionParameters(window_log=30, compression_level=1)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(FormatError, match=r"requires too much memory"):
        unpacked(tmp_path / "a.zst", packer.compress(b"text") + packer.flush())


def test_a_missing_package_is_said_before_anything_is_read(monkeypatch):
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(PybpeError, match=r"zstandard is needed to read \.zst files; .*pip install 'pybpe\[data\]'"):
        check_archives(Path("a.txt.zst"))
    check_archives(Path("a.txt.gz"))


def test_the_zstd_of_python_is_used_where_there_is_one(tmp_path, monkeypatch):
    """With a module of the same names, made of the package: Python 3.14 has it, older ones have not."""
    own = types.SimpleNamespace(
        ZstdDecompressor=lambda: zstandard.ZstdDecompressor().decompressobj(), ZstdError=zstandard.ZstdError
    )
    monkeypatch.setitem(sys.modules, "compression", types.ModuleType("compression"))
    monkeypatch.setitem(sys.modules, "compression.zstd", own)
    packed = zstandard.compress(TEXT)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert unpacked(tmp_path / "a.zst", packed) == TEXT
    with pytest.raises(FormatError, match="is truncated"):
        unpacked(tmp_path / "a.zst", packed[:-3])


@pytest.mark.parametrize("kind", ["", ".gz"])
def test_a_file_that_grows_is_read_as_far_as_it_went(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(archives, "_READ_BYTES", 100)
    path = tmp_path / f"text{kind}"
    path.write_bytes(TEXT if not kind else gzip.compress(TEXT))
    with open_unpacked(path) as file, path.open("ab") as more:
        found = file.read(10)
        while part := file.read(1000):
            found += part
            more.write(b"more" * 1000)
            more.flush()
    assert found == TEXT


def test_a_file_that_shrinks_gives_what_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_READ_BYTES", 100)
    (tmp_path / "text").write_bytes(TEXT)
    with open_unpacked(tmp_path / "text") as file:
        file.read(100)
        os.truncate(tmp_path / "text", 30_000)
        assert 100 + len(file.read()) == 30_000


def test_an_archive_that_shrinks_is_truncated(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_READ_BYTES", 100)
    (tmp_path / "text.gz").write_bytes(gzip.compress(TEXT))
    with open_unpacked(tmp_path / "text.gz") as file:
        file.read(100)
        os.truncate(tmp_path / "text.gz", 30_000)
        with pytest.raises(FormatError, match="truncated"):
            file.read()


def test_names_without_archives():
    names = {"a/b.jsonl.gz": "a/b.jsonl", "b.GZ": "b", "b.txt": "b.txt", "b.txt.zst.gz": "b.txt", ".gz": ".gz"}
    assert {name: str(without_archives(Path(name))) for name in names} == {
        name: str(Path(bare)) for name, bare in names.items()
    }
