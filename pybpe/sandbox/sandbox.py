"""Choose and open a backend of the sandbox, and run code in it."""

from __future__ import annotations

import atexit
import math
import os
import threading
from collections.abc import Callable
from typing import Protocol

from pybpe.errors import SandboxError
from pybpe.sandbox.result import Result

BACKENDS = ("auto", "jail", "monty", "none")
MAX_TIMEOUT = 3600.0  # seconds


class Backend(Protocol):
    """Runs code. `run` is safe to call from several threads."""

    name: str

    def run(self, code: str, timeout: float) -> Result:
        """Run code and return what it gave."""

    def close(self) -> None:
        """End what is kept between runs."""


class Sandbox:
    """An open backend, which has passed its self-test; `open_sandbox` makes it. It is also a context manager.

    name: "jail", "monty", "none" or "unsafe".

    >>> from pybpe import sandbox
    >>> with sandbox.open_sandbox("none") as tool:
    ...     print(tool.run("'strawberry'.count('r')").stdout)
    3
    """

    def __init__(self, backend: Backend) -> None:
        self.name = backend.name
        self._backend = backend

    def run(self, code: str, timeout: float = 5.0) -> Result:
        """Run code in a new, empty state; see `run` of this module. Safe to call from several threads.

        Raises ValueError for a timeout that is not between 0 and 3,600 seconds.
        """
        if not (math.isfinite(timeout) and 0 < timeout <= MAX_TIMEOUT):
            raise ValueError(f"timeout is {timeout}; give seconds greater than 0 and at most {MAX_TIMEOUT:.0f}")
        return self._backend.run(code, timeout)

    def close(self) -> None:
        """End the processes that the backend keeps between runs. May be called more than once."""
        self._backend.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _jail() -> Backend:
    from pybpe.sandbox.jail import Jail

    return Jail()


def _monty() -> Backend:
    from pybpe.sandbox.monty import MontySandbox

    return MontySandbox()


def _none() -> Backend:
    from pybpe.sandbox.arithmetic import Arithmetic

    return Arithmetic()


def _unsafe() -> Backend:
    from pybpe.sandbox.unsafe import Unsafe

    return Unsafe()


_OPENERS: dict[str, Callable[[], Backend]] = {"jail": _jail, "monty": _monty, "none": _none, "unsafe": _unsafe}
_AUTO = ("jail", "monty")


def open_sandbox(backend: str = "auto") -> Sandbox:
    """Open a backend and let it test itself.

    backend: one of BACKENDS. "jail" is full Python in a confined process, on Linux; "monty" a part of Python, with the
    package pydantic-monty; "none" integer arithmetic and methods of str; "auto" the first of jail and monty that works.
    "unsafe" is a subprocess without confinement, and warns. Raises SandboxError if the backend does not work here, and
    ValueError for another name.
    """
    if backend != "auto" and backend not in _OPENERS:
        raise ValueError(f"backend is {backend!r}; give one of {', '.join(BACKENDS)}")
    if backend != "auto":
        return Sandbox(_OPENERS[backend]())
    reasons = []
    for name in _AUTO:
        try:
            return Sandbox(_OPENERS[name]())
        except SandboxError as error:
            reasons.append(str(error))
    raise SandboxError(
        f"no sandbox is available: {'; '.join(reasons)}. Use the backend none for arithmetic alone, or go without tools"
    )


_open: dict[tuple[str, int], Sandbox] = {}  # {(backend, process id): sandbox} of `run`; a fork does not share workers
_lock = threading.Lock()


def run(code: str, timeout: float = 5.0, backend: str = "auto") -> Result:
    """Run Python that nobody has checked, and return its output.

    code: at most 60,000 bytes of UTF-8. The value of a last expression is printed, unless it is None. timeout: seconds
    from the moment at which the code starts. backend: as in open_sandbox, which is called once for each backend.
    Raises SandboxError if the backend does not work here, and ValueError for a wrong backend or timeout. Whatever the
    code does is no exception: Result.error says it.

    >>> from pybpe import sandbox
    >>> sandbox.run("417 + 86", backend="none")
    Result(stdout='503', error=None, success=True, timeout=False)
    """
    key = (backend, os.getpid())
    with _lock:
        if key not in _open:
            _open[key] = open_sandbox(backend)
            atexit.register(_close, key)
    return _open[key].run(code, timeout)


def _close(key: tuple[str, int]) -> None:
    if key[1] == os.getpid():  # not in a fork, whose parent goes on
        _open[key].close()
