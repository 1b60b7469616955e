"""The standard library: its folders, and the modules that must be loaded before the confinement."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False  # as in typing, whose import takes long
if TYPE_CHECKING:
    from collections.abc import Iterator

_FOREIGN = ("site-packages", "dist-packages")  # installed packages, which may lie in the library's folder
# Modules whose compiled part needs a library of the system, which code in the jail cannot open.
_LINKED = ("zlib", "_bz2", "_lzma", "_hashlib", "_ctypes", "_uuid")


def folders() -> list[str]:
    """Return the existing files and folders of sys.path that lie in no other of them; the first has os.py."""
    there = [os.path.realpath(path) for path in sys.path if os.path.exists(path)]
    main = os.path.dirname(os.path.realpath(os.__file__))
    apart = [path for path in there if not any(path.startswith(other + os.sep) for other in there if other != path)]
    return [main, *dict.fromkeys(path for path in apart if path != main)]


def preload() -> None:
    """Import what code in the jail could not import, and have the import system list the folders of sys.path."""
    for name in _LINKED:
        try:
            __import__(name)
        except ImportError:
            continue  # this Python was built without it
    _list_folders()


def readable(folder: int) -> Iterator[str]:
    """Yield the names of the standard library's files and folders in one of its folders, given as a descriptor.

    Links are left out: systems have some to files of their own settings, such as sitecustomize.py.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name not in _FOREIGN and not entry.is_symlink():
                yield entry.name


def relocate(old: str, new: str) -> None:
    """Let the import system find a folder of the standard library under another name."""

    def moved(path: str) -> str:
        return new + path[len(old) :] if path == old or path.startswith(old + os.sep) else path

    sys.path[:] = map(moved, sys.path)
    for module in list(sys.modules.values()):
        paths = getattr(module, "__path__", None)
        if isinstance(paths, list):
            paths[:] = map(moved, paths)
    _list_folders()


def _list_folders() -> None:
    """Let the import system list the folders of sys.path, which code in the jail cannot do."""
    PathFinder.find_spec("a_module_that_is_nowhere")
