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
from pybpe.sandbox.result import FLOOD, Result, encoded, flooded, late, result
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
        output = self._package.CollectStreams(FLOOD)
        limits = {"max_memory": _MEMORY, "max_feed_duration_secs": timeout}
        said, timed_out = "", False
        try:
            with self._pool.checkout(limits=limits, os_policy={"sleep": "zero"}) as session:
                session.feed_run(printing_last(code) + "\nNone", print_callback=output)
        except (self._package.MontyRuntimeError, self._package.MontySyntaxError) as raised:
            said = raised.display("type-msg")
        except self._package.MontyCrashedError as raised:
            said, timed_out = f"the interpreter ended: {raised}", raised.timed_out
        except (self._package.MontyError, OSError, RuntimeError, ValueError) as raised:
            said = f"the interpreter did not run the code: {raised}"
        return _result("".join(text for stream, text in output.output if stream == "stdout"), said, timed_out, timeout)

    def close(self) -> None:
        """End the workers."""
        if not self._closed.is_set():
            self._closed.set()
            self._pool.__exit__(None, None, None)

    def _self_test(self) -> None:
        """Raise SandboxError if code does not run, or can read a file."""
        computed, opened = self.run("1 + 1", timeout=30.0), self.run(f"open({__file__!r}).read(1)", timeout=30.0)
        if computed.stdout != "2" or opened.success:
            self.close()
            raise SandboxError(f"the self-test of the backend monty failed: {computed.error or opened}")


def _result(output: str, said: str, timed_out: bool, timeout: float) -> Result:
    """Return the Result of a run. said: the type and message of an exception, "" if there was none."""
    line = said.strip().partition("\n")[0]
    if timed_out or line.startswith("TimeoutError: feed time limit exceeded"):
        return late(output, timeout)
    if line.startswith("MemoryError: memory limit exceeded") and line.endswith(f" > {FLOOD} bytes"):
        return flooded(output)
    return result(output, None if line in ("", "SystemExit") else line)  # SystemExit is a regular end


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
