"""Each layer of the jail holds without the others."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are those of Linux")

ATTEMPT = """
import os
def attempt(name, function, *args, **options):
    try:
        function(*args, **options)
        print("did", name)
    except OSError as error:
        print("no", name, error.errno)
"""


def run(code: str, folder: Path, *arguments: str) -> list[str]:
    """The lines that code prints in a new process, with the folder as its own."""
    done = subprocess.run(
        [sys.executable, "-c", ATTEMPT + code, *arguments], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


LANDLOCK = """
import sys
from pybpe.sandbox.inside import landlock, libc
readable, writable = os.open("readable", os.O_PATH), os.open("writable", os.O_PATH)
libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
single = os.open("single", os.O_PATH)
landlock.restrict([(readable, landlock.READ), (writable, landlock.WRITE), (single, landlock.READ)])
attempt("read", open, "readable/file")
attempt("list", os.listdir, "readable")
attempt("read one", open, "single")
attempt("write", open, "writable/new", "w")
attempt("rename", os.rename, "writable/new", "writable/newer")
attempt("remove", os.remove, "writable/newer")
attempt("write to the readable", open, "readable/file", "w")
attempt("make", os.mkdir, "readable/new")
attempt("move out", os.rename, "writable/file", "file")
attempt("move in", os.rename, "outside", "writable/outside")
attempt("read outside", open, "outside")
attempt("list outside", os.listdir, ".")
attempt("run", os.execv, "/bin/true", ["true"])
attempt("link", os.link, "outside", "writable/outside")
attempt("fifo", os.mkfifo, "writable/fifo")
attempt("symlink", os.symlink, "outside", "writable/link")
"""


def test_landlock(tmp_path):
    for name in ("readable", "writable"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    (tmp_path / "single").write_text("x")
    (tmp_path / "outside").write_text("x")
    lines = run(LANDLOCK, tmp_path)
    allowed = ["read", "list", "read one", "write", "rename", "remove"]
    assert lines[: len(allowed)] == [f"did {name}" for name in allowed]
    denied = lines[len(allowed) :]
    assert len(denied) == 10
    assert all(line.startswith("no ") for line in denied)
    assert (tmp_path / "readable" / "file").read_text() == "x"
    assert (tmp_path / "outside").read_text() == "x"


SECCOMP = """
import fcntl, socket
from pybpe.sandbox.inside import libc, seccomp, syscalls
libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
seccomp.install(seccomp.program(syscalls.machine(), os.getpid()))
attempt("read", open, os.__file__)
attempt("write", open, "new", "w")
attempt("signal itself", os.kill, os.getpid(), 0)
attempt("socket", socket.socket)
attempt("fork", os.fork)
attempt("run", os.execv, "/bin/true", ["true"])
attempt("chmod", os.chmod, "new", 0)
attempt("signal", os.kill, os.getppid(), 0)
attempt("link", os.symlink, "new", "link")
attempt("own", fcntl.fcntl, 1, fcntl.F_SETOWN, 1)
"""


def test_seccomp(tmp_path):
    lines = run(SECCOMP, tmp_path)
    assert lines[:3] == ["did read", "did write", "did signal itself"]
    assert lines[3:] == [f"no {name} 1" for name in ("socket", "fork", "run", "chmod", "signal", "link", "own")]


NAMESPACES = """
import errno, socket, sys
from pybpe.sandbox.inside import namespaces, privileges
kept, other, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
try:
    privileges.leave_root("")
    namespaces.enter()
except OSError as error:
    print("refused", error)
    sys.exit()
child = os.fork()
if child:
    os.waitpid(child, 0)
    os._exit(0)
home = namespaces.change_root({kept: os.open(kept, os.O_PATH)})
print(os.getpid(), home, os.listdir(home), sorted(os.listdir("/")), [name for _, name in socket.if_nameindex()])
print(bool(os.listdir(kept)))
attempt("write", open, kept + "/new", "w")
attempt("make", os.mkdir, "/new")
attempt("passwd", open, "/etc/passwd")
attempt("signal", os.kill, other, 0)
attempt("connect", socket.socket().connect, ("127.0.0.1", port))
try:
    with open(home + "/file", "wb", buffering=0) as file:
        while True: file.write(bytes(1 << 20))
except OSError as error:
    print(errno.errorcode[error.errno], os.stat(home + "/file").st_size >> 20, flush=True)
os._exit(0)
"""


def test_namespaces(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        lines = run(NAMESPACES, tmp_path, "/usr", str(os.getpid()), str(server.getsockname()[1]))
    if lines[0].startswith("refused"):
        pytest.skip(f"the kernel does not let an ordinary user have namespaces: {lines[0]}")
    assert lines == [
        "1 /tmp [] ['tmp', 'usr'] ['lo']",
        "True",
        f"no write {errno.EROFS}",
        f"no make {errno.EROFS}",
        f"no passwd {errno.ENOENT}",
        f"no signal {errno.ESRCH}",
        f"no connect {errno.ENETUNREACH}",
        "ENOSPC 16",
    ]


ROOT = """
from pybpe.sandbox.inside import privileges
privileges.leave_root("")
privileges.drop_capabilities()
print(os.getresuid()[0] == os.getresuid()[1] == os.getresuid()[2] > 1000, os.getuid() != os.getgid(), os.getgroups())
for line in open("/proc/self/status"):
    if line.startswith(("Cap", "NoNewPrivs")):
        print(*line.split())
attempt("back", os.setuid, 0)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root has something to give up")
def test_root_that_is_put_aside_for_a_while_is_given_up_too(tmp_path):
    code = ROOT.replace("privileges.leave_root", "os.seteuid(1234)\nprivileges.leave_root")
    lines = run(code, tmp_path)
    assert lines[0].startswith("True ")
    assert lines[-1] == f"no back {errno.EPERM}"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root has something to give up")
def test_root(tmp_path):
    nothing = "0" * 16
    assert run(ROOT, tmp_path) == [
        "True True []",
        *(f"{name}: {nothing}" for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")),
        "NoNewPrivs: 1",
        f"no back {errno.EPERM}",
    ]
