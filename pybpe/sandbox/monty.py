"""The backend monty: a Python interpreter in Rust, which has no files and no sockets, in worker processes.

It runs on Linux, macOS and Windows, and knows a part of Python and few modules. Package pydantic-monty, extra `monty`.
"""

from __future__ import annotations

import importlib.metadata
import threading
from pathlib import Path
from typing import Any

from pybpe.errors import MissingPackageError, SandboxError
from pybpe.sandbox.last_expression import printing_last
from pybpe.sandbox.result import MAX_OUTPUT, Result, encoded, late, result
from pybpe.util.extras import extra_module

_MEMORY = 32 << 20  # bytes of an interpreter's heap
_SESSIONS = 100  # runs after which a worker is replaced
_GRACE = 1.0  # seconds after its time limit until a worker that does not answer is killed
_PROCESSES = 4  # workers; more runs wait for one of them


class MontySandbox:
    """The backend monty. Raises SandboxError if the package is not installed or its self-test fails."""

    name = "monty"

    def __init__(self) -> None:
        try:
            self._package: Any = extra_module("pydantic_monty", "monty", "for the backend monty")
        except MissingPackageError as error:
            raise SandboxError(str(error)) from None
        try:
            self._pool: Any = self._package.Monty(
                binary_path=_binary(),
                max_processes=_PROCESSES,
                max_checkouts_per_worker=_SESSIONS,
                feed_duration_limit_grace=_GRACE,
            )
            self._pool.__enter__()
        except (OSError, RuntimeError, self._package.MontyError) as error:
            raise SandboxError(f"the workers of pydantic-monty do not start: {error}") from None
        self._closed = threading.Event()
        self._self_test()

    def run(self, code: str, timeout: float = 5.0) -> Result:
        """Run code; see pybpe.sandbox.run. `time.sleep` returns at once."""
        try:
            encoded(code)
        except ValueError as error:
            return result("", str(error))
        output = _Output()
        limits = {"max_memory": _MEMORY, "max_feed_duration_secs": timeout}
        try:
            with self._pool.checkout(limits=limits, os_policy={"sleep": "zero"}) as session:
                session.feed_run(printing_last(code) + "\nNone", print_callback=output)
        except (self._package.MontyRuntimeError, self._package.MontySyntaxError) as error:
            return self._failed(error.display("type-msg"), output, timeout)
        except self._package.MontyCrashedError as error:
            return self._failed(f"the interpreter ended: {error}", output, timeout, error.timed_out)
        except (self._package.MontyError, OSError, RuntimeError, ValueError) as error:
            return self._failed(f"the interpreter did not run the code: {error}", output, timeout)
        return result(output.text, cut=output.cut)

    def close(self) -> None:
        """End the workers."""
        if not self._closed.is_set():
            self._closed.set()
            self._pool.__exit__(None, None, None)

    def _failed(self, text: str, output: _Output, timeout: float, timed_out: bool = False) -> Result:
        line = text.strip().partition("\n")[0][:1000]
        if line == "SystemExit":  # a regular end
            return result(output.text, cut=output.cut)
        if timed_out or line.startswith("TimeoutError: feed time limit exceeded"):
            return late(output.text, timeout, output.cut)
        return result(output.text, line, cut=output.cut)

    def _self_test(self) -> None:
        """Raise SandboxError if code does not run, or can read a file."""
        computed, opened = self.run("1 + 1", timeout=30.0), self.run(f"open({__file__!r}).read(1)", timeout=30.0)
        if computed.stdout != "2" or opened.success:
            self.close()
            raise SandboxError(f"the self-test of the backend monty failed: {computed.error or opened}")


class _Output:
    """A receiver of output that keeps its beginning. text: what it kept; cut: True if there was more."""

    def __init__(self) -> None:
        self.text = ""
        self.cut = False

    def __call__(self, stream: str, text: str) -> None:
        if stream == "stdout":
            room = MAX_OUTPUT + 2 - len(self.text)
            self.cut |= len(text) > room
            self.text += text[:room]


def _binary() -> str | None:
    """Return the path of the workers' program as it was installed, None to let the package search."""
    try:
        files = importlib.metadata.files("pydantic-monty-runtime") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        path = Path(str(file.locate()))
        if file.name in ("monty", "monty.exe") and path.is_file():
            return str(path)
    return None
