"""A process that owns secrets and files, runs all escapes in a sandbox, and tells what they gained: see `main`."""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from support.escapes import ESCAPES, GAINED, SECRET, Escape
from support.ordinary_user import become_ordinary

from pybpe import sandbox
from pybpe.sandbox.sandbox import Sandbox
from pybpe.util.process import peak_memory

ENDLESS = 0.25  # seconds for programs that end when they are stopped
PATIENT = {"jail": 60.0, "monty": 1.0}  # seconds for others; monty does not stop those that only write


class Outside:
    """What lies outside of the sandbox: files with and without secrets, sockets, a process, and memory."""

    def __init__(self, folder: Path, held: ExitStack) -> None:
        self._held = held
        self.folder = folder
        self.open_folder = folder / "open"
        self.victim_file = folder / "victim.txt"
        self.open_folder.mkdir(parents=True)
        self.open_folder.chmod(0o777)
        folder.chmod(0o755)
        (folder / "secret.txt").write_text(f"{SECRET}-file")
        (folder / "secret.txt").chmod(0o444)
        (folder / f"{SECRET}-name").touch()
        (folder / "canary_module.py").write_text(f"print({SECRET + '-module'!r})\n")
        self.memory = ctypes.create_string_buffer(f"{SECRET}-memory".encode())
        self.listener = self._socket(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.datagrams = self._socket(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", self.port))
        self.named = self._socket(socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "socket"))
        self.abstract = f"{SECRET}-{os.getpid()}"
        self.unnamed = self._socket(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{self.abstract}")
        self.victim: subprocess.Popen[bytes] | None = None
        self.restore()

    def _socket(self, family: int, kind: int, address: Any) -> socket.socket:
        made = self._held.enter_context(socket.socket(family, kind))
        made.bind(address)
        if kind == socket.SOCK_STREAM:
            made.listen(64)
        return made

    def restore(self) -> None:
        """Make everything as it was."""
        shutil.rmtree(self.open_folder, ignore_errors=True)
        self.open_folder.mkdir(exist_ok=True)
        self.open_folder.chmod(0o777)
        self.victim_file.unlink(missing_ok=True)
        self.victim_file.write_text("as it was")
        self.victim_file.chmod(0o666)
        self._victim_status = self.victim_file.stat()
        if self.victim is None or self.victim.poll() is not None:
            self.victim = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            self._held.callback(self.victim.wait)
            self._held.callback(self.victim.kill)
        while ready := self._ready():
            for waiting in ready:
                waiting.recv(99) if waiting is self.datagrams else waiting.accept()[0].close()

    def _ready(self) -> list[socket.socket]:
        return select.select([self.listener, self.datagrams, self.named, self.unnamed], [], [], 0)[0]

    def changes(self, patient: bool = False) -> list[str]:
        """What is not as it was. patient: wait for something, as long as other processes may take to do it."""
        end = time.monotonic() + 10 * patient
        while not (found := self._changes()) and time.monotonic() < end:
            time.sleep(0.01)
        return found

    def _changes(self) -> list[str]:
        found = [f"{path.name} made" for path in self.open_folder.iterdir()]
        found += ["connected" for _ in self._ready()]
        if not self.victim_file.exists():
            return [*found, "file removed"]
        status = self.victim_file.stat()
        for name in ("st_mode", "st_mtime_ns", "st_size", "st_uid", "st_gid"):
            if getattr(status, name) != getattr(self._victim_status, name):
                found.append(f"{name} changed")
        assert self.victim
        return [*found, "process ended"] if self.victim.poll() is not None else found

    def values(self) -> dict[str, Any]:
        """The names that programs may use."""
        assert self.victim
        return {
            "secret": str(self.folder / "secret.txt"),
            "module": str(self.folder / "canary_module.py"),
            "folder": str(self.folder),
            "open_folder": str(self.open_folder),
            "victim_file": str(self.victim_file),
            "victim": self.victim.pid,
            "parent": os.getpid(),
            "address": ctypes.addressof(self.memory),
            "port": self.port,
            "unix_socket": str(self.folder / "socket"),
            "abstract": self.abstract,
            "installed": str(Path(sandbox.__file__).parents[2]),
        }


def _run(tool: Sandbox, escape: Escape, outside: Outside) -> dict[str, Any]:
    result = tool.run(escape.source(outside.values()), ENDLESS if escape.endless else PATIENT.get(tool.name, 60.0))
    said = f"{result.stdout} {result.error}"
    return {
        "gained": GAINED in said or SECRET in said,
        "timeout": result.timeout,
        "stdout": result.stdout,
        "error": result.error,
    }


def _children() -> list[int]:
    """The processes that descend from this one and have not ended a second after they should."""
    end = time.monotonic() + 10
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return []
        if time.monotonic() > end:
            task = Path(f"/proc/self/task/{os.getpid()}/children")
            return [int(pid) for pid in task.read_text(encoding="ascii").split()] if task.exists() else [-1]
        time.sleep(0.05)


def main() -> None:
    """Read settings from standard input, run the escapes, and write what came of them to standard output, as JSON.

    Settings: backend; form, of the jail; ordinary, to give up root; folder, which is empty. Output: results by name;
    changes outside, for the backend unsafe by name; left, what is in the temporary folder; children that live on;
    grown, the peak of memory in bytes beyond that before.
    """
    settings = json.load(sys.stdin)
    folder = Path(settings["folder"])
    if settings["ordinary"]:
        here = [sys.prefix, sys.base_prefix, Path(sys.executable).resolve().parent, *sys.path]
        become_ordinary(path for path in map(Path, filter(None, here)) if path.is_dir())
    from pybpe.sandbox.inside import libc

    libc.prctl(libc.PR_SET_DUMPABLE, 1)  # as in a process that never was root's
    with suppress(OSError):  # on kernels with Yama
        libc.prctl(0x59616D61, -1)  # PR_SET_PTRACER: any process of this user may read the memory of this one
    libc.prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: whatever loses its parent becomes a child of this process
    temporary = folder / "temporary"
    temporary.mkdir()
    temporary.chmod(0o755)
    tempfile.tempdir = str(temporary)
    warnings.simplefilter("ignore")
    with ExitStack() as held:
        outside = Outside(folder / "outside", held)
        output = _run_all(settings["backend"], settings["form"], outside)
    output["left"] = [path.name for path in temporary.iterdir()]
    output["children"] = _children()
    json.dump(output, sys.stdout)


def _open(backend: str, form: str | None) -> Sandbox:
    if form is None:
        return sandbox.open_sandbox(backend)
    from pybpe.sandbox.jail import Jail

    return Sandbox(Jail(form))


def _run_all(backend: str, form: str | None, outside: Outside) -> dict[str, Any]:
    with _open(backend, form) as tool:
        if backend == "unsafe":
            results = {}
            for escape in ESCAPES:
                if escape.control in ("all", "root" if os.geteuid() == 0 else "all"):
                    results[escape.name] = _run(tool, escape, outside)
                    results[escape.name]["changes"] = outside.changes(patient=not results[escape.name]["gained"])
                    outside.restore()
            return {"results": results}
        tool.run("1")
        before = peak_memory()
        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(lambda escape: _run(tool, escape, outside), ESCAPES))
        results = {escape.name: result for escape, result in zip(ESCAPES, done, strict=True)}
        return {"results": results, "changes": outside.changes(), "grown": peak_memory() - before}
