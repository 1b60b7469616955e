"""Programs that try to break out of a sandbox, or to take more than their share, in the folder escape_programs.

A program prints GAINED where it may do what it must not, or a secret that it reads, or it changes something outside.
Each begins with a line "=== name", with flags after it: "endless" for one that ends only when it is stopped; "no
control" for one that may gain nothing without a sandbox either, or would harm the machine; "control by root" for one
that then gains something for root alone. Names in braces are filled in by `Escape.source`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GAINED = "GAINED"  # printed by a program that had a call succeed which must fail
SECRET = "canary-5c1e"  # part of every secret

# What programs begin with that make system calls themselves, by the numbers of x86-64 and ARM64. gain(result) says that
# one succeeded.
PRELUDE = """
import ctypes, os, platform, sys
ON_ARM = platform.machine() in ("aarch64", "arm64")
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(x86, arm, *args):
    number = arm if ON_ARM else x86
    return libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
def gain(result):
    if result >= 0: print("GAINED", result)
    else: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""


@dataclass(frozen=True)
class Escape:
    """A program. code: with names in braces. control: None, or the users for whom it gains something without a sandbox,
    "all" or "root". endless: it ends only when it is stopped.
    """

    name: str
    code: str
    control: str | None = None
    endless: bool = False

    def source(self, values: dict[str, Any]) -> str:
        """The code with the names filled in. {target} is a path of its own in the open folder."""
        values = {**values, "target": f"{values['open_folder']}/{self.name}"}
        code = re.sub(r"\{(\w+)\}", lambda found: repr(values[found[1]]) if found[1] in values else found[0], self.code)
        return PRELUDE + code if re.search(r"\b(call|gain)\(|\blibc\.", code) else code


def read(path: Path) -> list[Escape]:
    """The programs of a file. What takes too much, or forges a report, is never run without a sandbox."""
    found = []
    for block in path.read_text(encoding="utf-8").removeprefix("=== ").split("\n=== "):
        head, _, code = block.partition("\n")
        name, *flags = head.split("; ")
        control = "root" if "control by root" in flags else "all"
        if path.stem in ("shares", "reports") or any(flag.startswith("no control") for flag in flags):
            control = None
        found.append(Escape(name, code, control, "endless" in flags))
    return found


ESCAPES = [
    *(escape for path in sorted(Path(__file__).with_name("escape_programs").glob("*.txt")) for escape in read(path)),
    Escape("null", "print(1)\0"),
    Escape("surrogate", "\ud800"),
    Escape("too_long", "#" * 10**6),
]
