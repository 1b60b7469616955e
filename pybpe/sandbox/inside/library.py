"""The standard library: its folders, and the modules that must be loaded before the confinement."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator

_FOREIGN = ("site-packages", "dist-packages")  # installed packages, which may lie in the library's folder
# Modules whose compiled part needs a library of the system, which code in the jail cannot open.
_LINKED = ("zlib", "bz2", "lzma", "hashlib", "ctypes", "_uuid")


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
            importlib.import_module(name)
        except ImportError:
            continue  # this Python was built without it
    importlib.util.find_spec("a_module_that_is_nowhere")  # the search lists every folder


def readable(folder: int) -> Iterator[str]:
    """Yield the names of the standard library's files and folders in one of its folders, given as a descriptor."""
    for name in os.listdir(folder):
        if name not in _FOREIGN:
            yield name


def relocate(old: str, new: str) -> None:
    """Let the import system find a folder of the standard library under another name."""

    def moved(path: str) -> str:
        return new + path[len(old) :] if path == old or path.startswith(old + os.sep) else path

    sys.path[:] = map(moved, sys.path)
    for module in list(sys.modules.values()):
        paths = getattr(module, "__path__", None)
        if isinstance(paths, list):
            paths[:] = map(moved, paths)
    importlib.invalidate_caches()
    importlib.util.find_spec("a_module_that_is_nowhere")
