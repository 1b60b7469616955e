"""Where the commands start: so little that Ctrl-C finds next to nothing to interrupt outside of the `try`."""

from __future__ import annotations

import io
import sys


def main() -> int:
    """The command `pybpe`; returns the exit status."""
    return start(sys.argv[1:])


def train_main() -> int:
    """The command `pybpe-train`, which is `pybpe train`."""
    return start(["train", *sys.argv[1:]])


def start(arguments: list[str]) -> int:
    """Import the commands and run one."""
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):  # in a locale without these characters, as standard error does it
            sys.stdout.reconfigure(errors="backslashreplace")
        from pybpe.cli.main import main

        return main(arguments)
    except KeyboardInterrupt:  # during an import, or again while the first was being reported
        if sys.stderr is not None:
            sys.stderr.write("pybpe: interrupted; nothing was written\n")
        return 130
