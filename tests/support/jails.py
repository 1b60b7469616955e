"""Jails for tests, which are skipped where the kernel refuses namespaces, and for no other reason."""

from __future__ import annotations

import re

import pytest

from pybpe.errors import SandboxError
from pybpe.sandbox.jail import Jail

NAMESPACE_STEPS = ("unshare", "setgroups", "uid_map", "gid_map", "mount", "open_tree", "mount_setattr", "move_mount")


def open_jail(form: str) -> Jail:
    """Open a jail of a form, or skip the test."""
    try:
        return Jail(form)
    except SandboxError as error:
        if re.search(rf"namespaces: the sandbox did not start: .*\b({'|'.join(NAMESPACE_STEPS)})\b", str(error)):
            pytest.skip(f"the kernel does not let an ordinary user have namespaces: {error}")
        raise
