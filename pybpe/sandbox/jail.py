"""The backend jail: full CPython in a process that Linux confines by namespaces, Landlock and seccomp.

A run is a new interpreter, which confines itself (inside/confinement.py) before it runs the code. Two forms: with
namespaces where the kernel lets an ordinary user have them, and plain. Landlock and seccomp are part of both.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from pybpe.errors import SandboxError
from pybpe.sandbox import process
from pybpe.sandbox.folder import is_full, temporary_folder
from pybpe.sandbox.inside.launcher import NAMESPACES, PLAIN
from pybpe.sandbox.result import Result, encoded, result

FORMS = (NAMESPACES, PLAIN)  # in the order in which they are tried
_WAY_OUT = "the backend monty needs nothing of the system: pip install 'pybpe[monty]'"
_AT_ONCE = 16  # runs; more wait, so that their memory stays bounded

# Prints the names of what is not as it should be. {secret} is a file that the process with the jail can read.
_SELF_TEST = """
import ctypes, os, socket, sys, tempfile
def opened(): return open({secret!r}).read()
def listed(): return os.listdir({folder!r})
def wrote(): return open({secret!r} + ".new", "w")
def connected(): return socket.socket()
def forked(): return os.waitpid(os.fork() or os._exit(0), 0)
def started(): return os.waitpid(os.posix_spawn("/bin/true", ["true"], {{}}), 0)
def killed(): return os.kill(os.getppid(), 0)
def traced():
    if ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0: return True
    raise PermissionError
def called():
    if ctypes.CDLL(None).prctl(1, 0, 0, 0, 0) == 0: return True
    raise PermissionError
for door in opened, listed, wrote, connected, forked, started, killed, called, traced:
    try:
        door()
        print(door.__name__)
    except OSError:
        pass
with tempfile.TemporaryFile("w+") as file:
    file.write("kept")
    file.seek(0)
    if file.read() != "kept": print("file")
if os.getuid() == 0: print("root")
print("tested")
"""


class Jail:
    """The backend jail. form: one of FORMS, or None for the first that passes its self-test.

    Raises SandboxError, with the reasons, if none does.
    """

    name = "jail"

    def __init__(self, form: str | None = None) -> None:
        if sys.platform != "linux":
            raise SandboxError(f"the backend jail needs Linux, not {sys.platform}; {_WAY_OUT}")
        if not sys.executable:
            raise SandboxError("the backend jail needs to know the Python interpreter: sys.executable is empty")
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        reasons = []
        for candidate in FORMS if form is None else (form,):
            self.form = candidate
            reason = self._self_test()
            if reason is None:
                return
            reasons.append(f"{candidate}: {reason}")
        raise SandboxError(f"the backend jail does not work here ({'; '.join(reasons)}); {_WAY_OUT}")

    def run(self, code: str, timeout: float = 5.0) -> Result:
        """Run code; see pybpe.sandbox.run."""
        try:
            data = encoded(code)
        except ValueError as error:
            return result("", str(error))
        with self._slots:
            if self.form == NAMESPACES:
                return process.run(self.form, data, timeout, "")
            with temporary_folder() as folder:
                return process.run(self.form, data, timeout, folder, lambda: is_full(folder))

    def close(self) -> None:
        """Do nothing: no process is left after a run."""

    def _self_test(self) -> str | None:
        """Return None if each layer holds, or what does not."""
        try:
            with temporary_folder() as folder:
                secret = Path(folder, "secret")
                secret.write_text("secret", encoding="ascii")
                secret.parent.chmod(0o755)
                secret.chmod(0o644)
                tested = self.run(_SELF_TEST.format(secret=str(secret), folder=folder), timeout=30.0)
        except OSError as error:
            return f"no temporary folder: {error}"
        if tested.success and tested.stdout == "tested":
            return None
        return tested.error or f"the code could do what it should not: {tested.stdout.removesuffix('tested').split()}"
