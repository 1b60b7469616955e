"""Removal of a folder that code has written to, whatever it has made of it."""

from __future__ import annotations

import os
import stat


def remove(path: str) -> None:
    """Remove a folder with all that is in it, however deep and whatever its permissions, following no links.

    Raises OSError if something cannot be removed.
    """
    while names := os.listdir(path):
        for name in names:
            found = os.path.join(path, name)
            if _is_folder(found):
                _remove_level(found, path)
            else:
                os.unlink(found)
    os.rmdir(path)


def _remove_level(folder: str, top: str) -> None:
    """Remove a folder whose own folders move to the top, so that no path and no recursion becomes long."""
    os.chmod(folder, 0o700)
    for name in os.listdir(folder):
        inner = os.path.join(folder, name)
        if _is_folder(inner):
            os.chmod(inner, 0o700)  # to move it changes it
            os.rename(inner, os.path.join(top, os.urandom(16).hex()))
        else:
            os.unlink(inner)
    os.rmdir(folder)


def _is_folder(path: str) -> bool:
    return stat.S_ISDIR(os.lstat(path).st_mode)
