"""Become an ordinary user in a process of root's, also where Python lies in a folder that only root may enter."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

USER = 61_234  # no account has it


def hidden_above(path: Path) -> Path | None:
    """Return the uppermost folder above a path that others may not enter, None if there is none."""
    for folder in reversed([path, *path.parents]):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


def become_ordinary(needed: Iterable[Path]) -> None:
    """Give up root, and keep the needed folders within reach by their names. Raises OSError if that cannot be done.

    Where a needed folder is hidden, this process gets its own view of the file system, in which an empty folder lies
    over the hidden one, and holds the needed folders alone.
    """
    hidden: dict[Path, list[Path]] = {}
    for path in dict.fromkeys(needed):
        if top := hidden_above(path):
            hidden.setdefault(top, []).append(path)
    if hidden:
        _rearrange(hidden)
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)


def _rearrange(hidden: dict[Path, list[Path]]) -> None:
    from pybpe.sandbox.inside import libc

    libc.call("unshare", 1 << 17)  # CLONE_NEWNS
    libc.call("mount", b"none", b"/", None, 1 << 18 | 1 << 14, None)  # private, and all below
    trees = {
        path: libc.call("open_tree", -100, os.fsencode(path), 1 | 0x8000) for paths in hidden.values() for path in paths
    }
    for top in hidden:
        libc.call("mount", b"tmpfs", os.fsencode(top), b"tmpfs", 0, b"mode=0755")
    mask = os.umask(0o022)  # the folders made here are for the other user
    for path, tree in trees.items():
        path.mkdir(parents=True, exist_ok=True)
        libc.call("move_mount", tree, b"", -100, os.fsencode(path), 4)
        os.close(tree)
    os.umask(mask)
