"""The jail runs ordinary programs in both forms, and does not open where a step of its confinement is refused."""

from __future__ import annotations

import ast
import errno
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.jails import open_jail

from pybpe.errors import SandboxError
from pybpe.sandbox import process
from pybpe.sandbox.inside import library, namespaces, syscalls
from pybpe.sandbox.jail import FORMS, Jail
from pybpe.sandbox.result import result

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the jail is for Linux")


@pytest.fixture(scope="module", params=FORMS)
def jail(request) -> Jail:
    return open_jail(request.param)


def read_programs(path: Path) -> list[tuple[str, str | None]]:
    """(code, output) of the programs of a file, each after a line with its output, as Python writes it."""
    blocks = path.read_text(encoding="utf-8").removeprefix("=== ").split("\n=== ")
    parts = [block.partition("\n") for block in blocks]
    return [(code, None if output == "anything" else ast.literal_eval(output)) for output, _, code in parts]


PROGRAMS = read_programs(Path(__file__).parents[1] / "support" / "ordinary_programs.txt")


@pytest.mark.parametrize(("code", "expected"), PROGRAMS)
def test_ordinary_programs(jail, code, expected):
    result = jail.run(code, timeout=60.0)
    assert (result.error, result.success, result.timeout) == (None, True, False)
    if expected is not None:
        assert result.stdout == expected


ERRORS = [
    ("1 / 0", "ZeroDivisionError: division by zero"),
    ("print('before')\n{}['a']", "KeyError: 'a'"),
    ("def f(:", "SyntaxError: "),
    ("raise ValueError('one\\ntwo')", "ValueError: one"),
    ("raise ValueError", "ValueError"),
    ("class Own(Exception): pass\nraise Own('x')", "Own: x"),
    ("import json\njson.loads('{')", "json.decoder.JSONDecodeError: Expecting"),
    ("assert 1 == 2, 'unequal'", "AssertionError: unequal"),
    ("raise SystemExit(3)", "SystemExit: 3"),
    ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
    ("'a' * 10**10", "MemoryError"),
    ("import os\nos._exit(7)", "the process ended with status 7"),
    ("import ctypes\nctypes.string_at(1)", "the process was ended by SIGSEGV"),
    ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded"),
]


@pytest.mark.parametrize(("code", "error"), ERRORS)
def test_errors(jail, code, error):
    result = jail.run(code, timeout=60.0)
    assert result.error.startswith(error)
    assert (result.success, result.timeout) == (False, False)
    assert result.stdout == ("before" if "before" in code else "")


def test_long_output_is_cut(jail):
    for code, kept in (("print('x' * 4096)", 4096), ("print('é' * 3000)", None), ("print('x' * 4097)", None)):
        result = jail.run(code, timeout=60.0)
        assert result.success
        assert len(result.stdout.encode()) <= 4096
        assert result.stdout.endswith("\n... (cut)") == (kept is None)
        assert kept is None or len(result.stdout) == kept


def test_time(jail):
    result = jail.run("print('before', flush=True)\nwhile True: pass", timeout=0.5)
    assert result.error == "the code did not end within 0.5 s"
    assert (result.stdout, result.success, result.timeout) == ("before", False, True)


def test_a_hundred_side_by_side(jail):
    code = "open('a', 'x').write('{0}')\nimport os\nprint(os.listdir('.'), open('a').read())"
    with ThreadPoolExecutor(100) as pool:
        results = list(pool.map(lambda number: jail.run(code.format(number), 300.0), range(100)))
    assert [result.stdout for result in results] == [f"['a'] {number}" for number in range(100)]


def test_sixteen_at_once(jail, monkeypatch):
    running, most, lock = 0, 0, threading.Lock()

    def run(*_):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return result("")

    monkeypatch.setattr(process, "run", run)
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(jail.run, ["1"] * 100))
    assert 1 < most <= 16


@pytest.mark.parametrize(
    ("program", "reason"), [("/bin/false", "its process ended without a reason"), ("/nowhere", "/nowhere")]
)
def test_an_interpreter_that_does_not_start(jail, program, reason, monkeypatch):
    monkeypatch.setattr(sys, "executable", program)
    found = jail.run("1")
    assert not found.success
    assert found.error.startswith("the sandbox did not start: ")
    assert reason in found.error
    with pytest.raises(
        SandboxError, match=r"namespaces: the sandbox did not start: .*; plain: the sandbox did not start: "
    ):
        Jail()


def test_nothing_is_left_in_the_temporary_folder(jail, monkeypatch):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        assert jail.run("import os\nos.mkdir('a', 0)\nopen('b', 'w').write('x')\nos.listdir('.')", 60.0).success
        assert list(Path(folder).iterdir()) == []


def test_the_self_test_can_fail():
    with pytest.raises(SandboxError, match=r"could do what it should not: \['opened', 'listed', 'wrote', 'connected'"):
        Jail("unsafe")


def test_other_systems(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="needs Linux, not darwin"):
        Jail()
    monkeypatch.undo()
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(SandboxError, match=r"sys\.executable is empty"):
        Jail()


def test_a_machine_with_other_numbers(monkeypatch):
    uname = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*uname[:4], "riscv64")))
    with pytest.raises(OSError, match="not those of riscv64"):
        syscalls.machine()


def test_links_and_packages_are_no_part_of_the_library(tmp_path):
    for name in ("os.py", "site-packages", "dist-packages"):
        (tmp_path / name).mkdir()
    (tmp_path / "sitecustomize.py").symlink_to("/etc/passwd")
    opened = os.open(tmp_path, os.O_RDONLY)
    assert list(library.readable(opened)) == ["os.py"]
    os.close(opened)


def test_the_temporary_folder_is_apart_from_the_library():
    assert namespaces.temporary(["/usr/lib/python3.11"]) == "/tmp"
    assert namespaces.temporary(["/tmpfs/lib", "/usr/tmp"]) == "/tmp"
    assert namespaces.temporary(["/tmp"]) == "/tmp_"
    assert namespaces.temporary(["/tmp/python/lib", "/tmp_/lib"]) == "/tmp__"


# Lets a call fail for good, by its first argument if that is given, and then opens the jail.
REFUSE = """
import errno
from pybpe.errors import SandboxError
from pybpe.sandbox import process
from pybpe.sandbox.inside import libc, seccomp, syscalls
from pybpe.sandbox.jail import Jail
name, first, error, form = {!r}
refused = [(0x06, 0, 0, seccomp.ERROR | error)]
if first is not None:
    refused = [(0x20, 0, 0, 16), (0x15, 0, 1, first), *refused, (0x06, 0, 0, seccomp.ALLOW)]
others = {{"setresuid": (117, 147), "setgroups": (116, 159)}}
number = (others | syscalls.NUMBERS)[name][syscalls.machine() == "aarch64"]
libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
seccomp.install([(0x20, 0, 0, 0), (0x15, 0, len(refused), number), *refused, (0x06, 0, 0, seccomp.ALLOW)])
try:
    jail = Jail(form)
    print(jail.form, jail.run("6 * 7", 60.0).stdout)
except SandboxError as error:
    print(error)
"""


def refuse(name: str, first: int | None = None, error: int = errno.EPERM, form: str | None = None) -> str:
    """What the jail says in a process in which the kernel refuses a call."""
    code = REFUSE.format((name, first, error, form))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


ROOT = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root changes its user")
NAMESPACE_CALLS = ["unshare", "mount", "open_tree", "mount_setattr", "move_mount", "chroot"]


@pytest.mark.parametrize("name", NAMESPACE_CALLS)
def test_without_namespaces_the_plain_form_is_used(name):
    assert refuse(name) == "plain 42"


@pytest.mark.parametrize(
    ("name", "first", "error"),
    [
        ("landlock_create_ruleset", None, errno.ENOSYS),
        ("landlock_create_ruleset", None, errno.EOPNOTSUPP),
        ("landlock_add_rule", None, errno.EPERM),
        ("landlock_restrict_self", None, errno.EPERM),
        ("prctl", 22, errno.EINVAL),  # PR_SET_SECCOMP
        ("prctl", 38, errno.EINVAL),  # PR_SET_NO_NEW_PRIVS
        ("prctl", 1, errno.EINVAL),  # PR_SET_PDEATHSIG
        ("prctl", 4, errno.EINVAL),  # PR_SET_DUMPABLE
        ("capset", None, errno.EPERM),
        ("close_range", None, errno.EPERM),
        pytest.param("setresuid", None, errno.EPERM, marks=ROOT),
        pytest.param("setgroups", None, errno.EPERM, marks=ROOT),
        ("prlimit64", 0, errno.EPERM),
    ],
)
def test_each_step_is_needed(name, first, error):
    said = refuse(name, first, error)
    assert said.startswith("the backend jail does not work here (namespaces: the sandbox did not start: ")
    assert re.search(r"plain: the sandbox did not start: \w+: ", said)


# Runs code without an end in a process that is killed, or interrupted, and waits until nothing of it lives.
ORPHANS = """
import os, signal, sys, time
from pybpe.sandbox.inside import libc
from pybpe.sandbox.jail import Jail
libc.prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    jail = Jail({form!r})
    os.write(writing, b"open")
    try:
        jail.run("import os; os.mkdir('a', 0); os.mkdir('b'); open('b/c', 'w')\\nwhile True: pass", 600.0)
    except KeyboardInterrupt:
        os._exit(5)
os.read(reading, 4)
time.sleep(0.5)
os.kill(child, signal.{signal})
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status))
while True:
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        break
"""


@pytest.mark.parametrize(("signal", "status"), [("SIGKILL", "-9"), ("SIGINT", "5")])
@pytest.mark.parametrize("form", FORMS)
def test_the_end_of_the_caller_is_that_of_the_code(form, signal, status, tmp_path):
    open_jail(form)
    code = ORPHANS.format(form=form, signal=signal)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o777)
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "TMPDIR": folder},
        )
        assert (done.stdout.strip(), done.stderr) == (status, "")
        assert list(Path(folder).iterdir()) == []
