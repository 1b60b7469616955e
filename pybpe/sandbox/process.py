"""Run the launcher in a separate interpreter, with bounds on time and on what is read of its output."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from pybpe.sandbox.inside.execute import DONE, ERROR, READY
from pybpe.sandbox.inside.launcher import UNSAFE
from pybpe.sandbox.result import FLOOD, MAX_OUTPUT, Result, flooded, late, result

_LAUNCHER = Path(__file__).with_name("inside") / "__main__.py"
_PASSED = ("LD_LIBRARY_PATH", "SYSTEMROOT")  # variables without which some interpreters do not start
_START = 60.0  # seconds within which the launcher must be ready, on a machine that does much else
_GRACE = 2.0  # seconds for a process to end after it was told to
_TICK = 0.05  # seconds between two looks at the temporary folder
_LONGEST_REPORT = 1 << 14  # bytes; the report of execute.run is shorter
_MEMORY = 256 << 20  # bytes
_FILE_SIZE = 8 << 20  # bytes of one file


class _Reader(threading.Thread):
    """A thread that reads a stream to its end and keeps its first bytes.

    data: at most `limit` bytes. size: the number of bytes that came. changed is called after each read, and at the end.
    """

    def __init__(self, stream: IO[bytes], limit: int, changed: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.data = bytearray()
        self.size = 0
        self.ended = False
        self._stream, self._limit, self._changed = stream, limit, changed
        self.start()

    def run(self) -> None:
        """Read to the end."""
        with contextlib.suppress(OSError, ValueError):
            while chunk := os.read(self._stream.fileno(), 1 << 16):
                self.data += chunk[: self._limit - len(self.data)]
                self.size += len(chunk)
                self._changed()
        self.ended = True
        self._changed()


class _Run:
    """One process of the launcher, from its start to its end."""

    def __init__(self, form: str, code: bytes, timeout: float, folder: str) -> None:
        self._form = form
        computing = int(timeout) + 2  # seconds; the limit of time acts first
        arguments = [form, str(os.getpid()), str(computing), str(_MEMORY), str(_FILE_SIZE), folder]
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-X", "utf8", str(_LAUNCHER), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self._news = threading.Condition()
        self._output = _Reader(self._process.stdout, MAX_OUTPUT + 2, self._notify)
        self._report = _Reader(self._process.stderr, _LONGEST_REPORT, self._notify)
        self._writer = threading.Thread(target=self._write, args=(self._process.stdin, code), daemon=True)
        self._writer.start()

    def _write(self, stream: IO[bytes], code: bytes) -> None:
        with contextlib.suppress(OSError):  # the launcher has ended
            stream.write(code)
        with contextlib.suppress(OSError):
            stream.close()

    def _notify(self) -> None:
        with self._news:
            self._news.notify_all()

    def result(self, timeout: float, full: Callable[[], bool] | None) -> Result:
        """Wait for the end of the code, and return what it gave; `stop` has to follow."""
        if not self._until(lambda: READY in self._report.data or self._report.ended, _START):
            return result("", f"the sandbox did not start within {_START:g} s")
        before, ready, _ = bytes(self._report.data).partition(READY)
        if not ready:
            reason = before.decode("utf-8", "replace").strip() or "its process ended without a reason"
            return result("", f"the sandbox did not start: {reason}")
        end = time.monotonic() + timeout
        while True:
            remaining = end - time.monotonic()
            if self._until(self._over, min(remaining, _TICK) if full else remaining):
                break
            if remaining <= 0:
                return late(self._text(), timeout, self._is_cut())
            if full and full():
                return result(self._text(), "the code wrote more files than the temporary folder may hold")
        if self._is_flood():
            return flooded(self._text())
        if not self._until(lambda: self._output.ended, _GRACE):  # the code has written the report itself, and goes on
            return late(self._text(), timeout, self._is_cut())
        return result(self._text(), self._error(), cut=self._is_cut())

    def stop(self) -> None:
        """End the process and all that it has started."""
        group = self._form == UNSAFE and hasattr(os, "killpg")
        with contextlib.suppress(OSError):
            if group:  # the code may have started processes; until `wait`, no other group can have this id
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.terminate()  # its supervisor kills the process with the code, and ends
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()  # the kernel kills the process with the code when its supervisor has ended
            self._process.wait()
        for thread, stream in (
            (self._writer, None),
            (self._output, self._process.stdout),
            (self._report, self._process.stderr),
        ):
            thread.join(_GRACE)
            if stream and not thread.is_alive():
                stream.close()

    def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until a condition on the readers holds; return False if it does not within some seconds."""
        with self._news:
            return self._news.wait_for(condition, max(seconds, 0))

    def _over(self) -> bool:
        return self._ending() is not None or self._report.ended or self._is_flood()

    def _ending(self) -> bytes | None:
        """Return the line of the report that says how the code ended; None as long as there is none."""
        _, _, after = bytes(self._report.data).partition(READY)
        line, end, _ = after.partition(b"\n")
        return line + end if end else None

    def _error(self) -> str | None:
        line = self._ending()
        if line == DONE:
            return None
        if line is None or not line.startswith(ERROR):
            return "the process ended before the code did"
        return line.removeprefix(ERROR).decode("utf-8", "replace").strip()

    def _text(self) -> str:
        return bytes(self._output.data).decode("utf-8", "replace")

    def _is_flood(self) -> bool:
        return self._output.size + self._report.size > FLOOD  # code can write to the report, too

    def _is_cut(self) -> bool:
        return self._output.size > len(self._output.data)


def run(form: str, code: bytes, timeout: float, folder: str, full: Callable[[], bool] | None = None) -> Result:
    """Run code in a new process and return what it gave, whatever happens in it.

    form: "namespaces", "plain" or "unsafe", as in inside/launcher.py. timeout: seconds from the start of the code.
    folder: the temporary folder, "" for the form with namespaces. full: True if it holds more than it may;
    asked every 50 ms.
    """
    try:
        process = _Run(form, code, timeout, folder)
    except OSError as error:  # no process to be had
        return result("", f"the sandbox did not start: {error}")
    try:
        return process.result(timeout, full)
    finally:
        process.stop()
