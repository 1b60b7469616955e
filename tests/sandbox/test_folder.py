"""The temporary folder of the jail's plain form: what it holds is counted, and all of it is removed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybpe.sandbox.folder import MAX_BYTES, MAX_ENTRIES, is_full, temporary_folder
from pybpe.sandbox.inside.removal import remove

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions and links as on Unix")
names = st.sampled_from(["a", "b", "ä", " ", "-1", "..."])
trees = st.recursive(st.binary(max_size=9), lambda inner: st.dictionaries(names, inner, max_size=3), max_leaves=12)


def make(path: Path, tree, modes) -> None:
    if isinstance(tree, bytes):
        path.write_bytes(tree)
        return
    path.mkdir()
    for name, inner in tree.items():
        make(path / name, inner, modes)
    path.chmod(next(modes))


@given(
    tree=st.dictionaries(names, trees, max_size=4),
    modes=st.lists(st.sampled_from([0, 0o300, 0o500, 0o700]), min_size=1),
)
@settings(max_examples=60)
def test_everything_is_removed(tmp_path_factory, tree, modes):
    folder = tmp_path_factory.mktemp("tree") / "top"
    endless = (mode for _ in iter(int, 1) for mode in modes)
    make(folder, tree, endless)
    folder.chmod(0o700)
    remove(str(folder))
    assert not folder.exists()


def test_deep_folders_are_removed(tmp_path):
    top = tmp_path / "top"
    top.mkdir()
    opened = os.open(top, os.O_RDONLY)
    for _ in range(40):  # deeper than a path may be long
        os.mkdir("d" * 200, dir_fd=opened)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=opened)
        os.close(opened)
        opened = inner
    os.close(opened)
    assert is_full(str(top))
    remove(str(top))
    assert not top.exists()


def test_links_are_removed_and_not_followed(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("kept")
    top = tmp_path / "top"
    (top / "inner").mkdir(parents=True)
    (top / "link").symlink_to(kept)
    (top / "inner" / "link").symlink_to(kept)
    (top / "loop").symlink_to(top)
    assert not is_full(str(top))
    remove(str(top))
    assert not top.exists()
    assert (kept / "file").read_text() == "kept"


def test_what_is_full(tmp_path):
    assert not is_full(str(tmp_path))
    (tmp_path / "half").write_bytes(bytes(MAX_BYTES // 2))
    assert not is_full(str(tmp_path))
    (tmp_path / "more").write_bytes(bytes(MAX_BYTES // 2 + 8192))
    assert is_full(str(tmp_path))
    (tmp_path / "more").unlink()
    for number in range(MAX_ENTRIES):
        (tmp_path / str(number)).touch()
    assert is_full(str(tmp_path))
    assert not is_full(str(tmp_path / "gone"))


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_counted_is_full(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    assert is_full(str(tmp_path))


def test_a_temporary_folder_is_gone_afterwards():
    with temporary_folder() as folder:
        assert list(Path(folder).iterdir()) == []
        (Path(folder) / "left").write_text("x")
    assert not Path(folder).exists()
    with pytest.raises(RuntimeError), temporary_folder() as folder:
        raise RuntimeError
    assert not Path(folder).exists()
