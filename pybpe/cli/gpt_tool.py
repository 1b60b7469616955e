"""Options of commands whose model may run Python code: which sandbox runs it, if any."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pybpe.cli.console import UsageError, note

if TYPE_CHECKING:
    from pybpe.sandbox import Sandbox

AUTO, UNSAFE = "auto", "unsafe"  # backends of pybpe.sandbox


def add_tool(parser: argparse.ArgumentParser) -> None:
    """Add the options --backend, --no-tools and --unsafe-python."""
    from pybpe.sandbox import BACKENDS

    parser.add_argument(
        "--backend", choices=BACKENDS, help=f"sandbox that runs the model's code ({AUTO}: the first that works)"
    )
    parser.add_argument("--no-tools", action="store_true", help="let the model run no code")
    parser.add_argument(
        "--unsafe-python", action="store_true", help="run the model's code without a sandbox: it can do what you can"
    )


def tool_backend(options: argparse.Namespace) -> str | None:
    """Return the backend that the options ask for, None for no tools. Raises UsageError if they contradict."""
    asked = {
        "--backend": options.backend is not None,
        "--no-tools": options.no_tools,
        "--unsafe-python": options.unsafe_python,
    }
    given = [name for name, is_given in asked.items() if is_given]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} contradict each other; leave out one of them")
    if options.no_tools:
        return None
    return UNSAFE if options.unsafe_python else options.backend or AUTO


def open_tool(backend: str | None) -> Sandbox | None:
    """Open a sandbox; None for no tools, and, after a note, if no sandbox works and none was named."""
    from pybpe.errors import SandboxError
    from pybpe.sandbox import open_sandbox

    if backend is None:
        return None
    try:
        return open_sandbox(backend)
    except SandboxError as error:
        if backend != AUTO:
            raise
        note(f"the model can run no code: {error}")
        return None
