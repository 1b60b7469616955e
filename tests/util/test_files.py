"""Files are written completely or not at all, and what was there keeps its kind."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from pybpe import FormatError
from pybpe.util.files import Reader, atomic_folder, atomic_writer, write_atomic

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions, links and pipes of POSIX")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), atomic_writer(path) as file:
        file.write(b"after")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"before"
    assert names(tmp_path) == ["file"]


@posix
def test_permissions_are_those_of_other_new_files_or_of_the_old_one(tmp_path):
    (tmp_path / "plain").touch()
    write_atomic(tmp_path / "new", b"x")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "new").chmod(0o600)
    write_atomic(tmp_path / "new", b"y")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


@posix
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_bytes(b"before")
    (tmp_path / "link").symlink_to("real")
    write_atomic(tmp_path / "link", b"after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"after"


@posix
def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        write_atomic(tmp_path / "pipe", b"x")
    assert names(tmp_path) == ["pipe"]


def test_a_folder_takes_its_name_when_it_is_complete(tmp_path):
    with atomic_folder(tmp_path / "made") as folder:
        (folder / "a").write_text("new", encoding="utf-8")
        assert not (tmp_path / "made").exists()
    assert names(tmp_path) == ["made"]
    (tmp_path / "made" / "b").write_text("stays", encoding="utf-8")
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "made") as folder:
        (folder / "a").write_text("never", encoding="utf-8")
        raise ZeroDivisionError
    with atomic_folder(tmp_path / "made") as folder:
        (folder / "a").write_text("newer", encoding="utf-8")
    assert names(tmp_path / "made") == ["a", "b"]
    assert (tmp_path / "made" / "a").read_text(encoding="utf-8") == "newer"
    assert names(tmp_path) == ["made"]


def test_a_reader_reads_no_further_than_there_is():
    reader = Reader(b"\x01\x00\x00\x00rest", "file")
    assert reader.unpack("<I", "number") == (1,)
    with pytest.raises(FormatError, match="file is truncated: its text needs 5 bytes, and 4 are left"):
        reader.take(5, "text")
    with pytest.raises(FormatError, match="4 bytes after its end"):
        reader.finish()
    assert reader.take(4, "text") == b"rest"
    reader.finish()
