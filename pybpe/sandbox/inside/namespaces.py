"""Namespaces: the process sees no other process, network or host name, and a file system with the library alone.

An ordinary user may have them where the kernel allows user namespaces; see namespaces(7) and user_namespaces(7).
"""

from __future__ import annotations

import os
import struct

from . import libc

TYPE_CHECKING = False  # as in typing, whose import takes long
if TYPE_CHECKING:
    from collections.abc import Iterable

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 1 << 17, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_MOVE, _MS_REC, _MS_PRIVATE = 2, 4, 8, 1 << 13, 1 << 14, 1 << 18
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC, _AT_EMPTY_PATH, _AT_RECURSIVE = 1, 0o2000000, 0x1000, 0x8000
_MOVE_MOUNT_F_EMPTY_PATH = 4
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_HERE = -100  # AT_FDCWD

_MOUNT_POINT = "/proc"  # every system has it; what is mounted on it is seen by this process alone
_TEMPORARY_SIZE, _TEMPORARY_FILES = 16 << 20, 1024


def enter() -> None:
    """Move this process to new namespaces, and its children to one of processes. Raises OSError if that is refused."""
    uid, gid = os.getuid(), os.getgid()
    libc.call("unshare", _NEWUSER | _NEWNS | _NEWPID | _NEWNET | _NEWIPC | _NEWUTS)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def change_root(folders: dict[str, int]) -> str:
    """Make a file system of memory the root, with some folders and all else of it read-only but an empty folder.

    folders: {path: descriptor opened in these namespaces}. The descriptors become those of the folders in the new root.
    Returns the path of the empty folder.
    """
    empty = temporary(folders)
    libc.call("mount", b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
    trees = {path: _copied(descriptor) for path, descriptor in folders.items()}
    _mount_memory(_MOUNT_POINT, "size=1m,nr_inodes=1k,mode=0755")
    os.chdir(_MOUNT_POINT)
    for path, tree in trees.items():
        _attach(tree, path.lstrip("/"))
    os.mkdir(empty[1:])
    _mount_memory(empty[1:], f"size={_TEMPORARY_SIZE},nr_inodes={_TEMPORARY_FILES},mode=0700")
    _set_attributes(_HERE, ".", _ATTR_RDONLY, recursive=False)
    libc.call("mount", b".", b"/", None, _MS_MOVE, None)
    libc.call("chroot", b".")
    os.chdir("/")
    for path, descriptor in folders.items():
        opened = os.open(path, os.O_PATH)
        os.dup2(opened, descriptor)
        os.close(opened)
    return empty


def temporary(folders: Iterable[str]) -> str:
    """Return the path of the temporary folder as code sees it: /tmp, or a name like it if a folder lies in /tmp."""
    name = "/tmp"
    while any(f"{path}/".startswith(f"{name}/") for path in folders):
        name += "_"
    return name


def _copied(descriptor: int) -> int:
    """Return a descriptor of a copy, read-only and not yet in the file system, of the mounts below a folder."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | _AT_EMPTY_PATH | _AT_RECURSIVE
    tree = libc.call("open_tree", descriptor, b"", flags)
    _set_attributes(tree, "", _ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV, recursive=True)
    return tree


def _attach(tree: int, path: str) -> None:
    if os.stat(tree).st_mode & 0o170000 == 0o040000:
        os.makedirs(path)
    else:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    libc.call("move_mount", tree, b"", _HERE, os.fsencode(path), _MOVE_MOUNT_F_EMPTY_PATH)
    os.close(tree)


def _mount_memory(path: str, options: str) -> None:
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    libc.call("mount", b"tmpfs", os.fsencode(path), b"tmpfs", flags, options.encode())


def _set_attributes(descriptor: int, path: str, attributes: int, recursive: bool) -> None:
    flags = (_AT_EMPTY_PATH if not path else 0) | (_AT_RECURSIVE if recursive else 0)
    setting = struct.pack("=QQQQ", attributes, 0, 0, 0)  # struct mount_attr
    libc.call("mount_setattr", descriptor, path.encode(), flags, setting, len(setting))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
