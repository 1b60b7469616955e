"""The entry points of the commands, with few imports, so that Ctrl-C during imports is handled too."""

from __future__ import annotations

import io
import sys


def main() -> int:
    """Run the command `pybpe`, and return the exit status."""
    return start(sys.argv[1:])


def train_main() -> int:
    """Run the command `pybpe-train`, the same as `pybpe train`, and return the exit status."""
    return start(["train", *sys.argv[1:]])


def start(arguments: list[str]) -> int:
    """Import the commands, run one, and return the exit status."""
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):  # escape what the locale cannot encode, as standard error does
            sys.stdout.reconfigure(errors="backslashreplace")
        from pybpe.cli.main import main

        return main(arguments)
    except KeyboardInterrupt:  # during an import, or a second one while the first is reported
        if sys.stderr is not None:
            sys.stderr.write("pybpe: interrupted; nothing was written\n")
        return 130
