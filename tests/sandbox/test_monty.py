"""The backend monty: a part of Python, within its limits, in worker processes."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pybpe.errors import SandboxError
from pybpe.sandbox import open_sandbox
from pybpe.sandbox.monty import MontySandbox
from pybpe.util.process import peak_memory


@pytest.fixture(scope="module")
def monty():
    pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed: pip install '.[monty]'")
    with open_sandbox("monty") as tool:
        yield tool


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("'strawberry'.count('r')", "3"),
        ("print('strawberry'.count('r'))", "3"),
        ("x = 417; x + 86  # a sum", "503"),
        ("None", ""),
        ("x = 1", ""),
        ("print('a\\n')", "a\n"),
        ("import math\nmath.sqrt(16)", "4.0"),
        ("import json\njson.loads('[1]')", "[1]"),
        ("import re\nre.findall('a.', 'abac')", "['ab', 'ac']"),
        ("print('Größe 中文 🙂')", "Größe 中文 🙂"),
        ("class A:\n    def __str__(self): return 'own'\nA()", "own"),
        ("import time\ntime.sleep(1000)\n1", "1"),
        ("raise SystemExit", ""),
        ("import sys\nprint('lost', file=sys.stderr)", ""),
        ("", ""),
    ],
)
def test_ordinary_programs(monty, code, expected):
    result = monty.run(code, timeout=60.0)
    assert (result.stdout, result.error, result.success, result.timeout) == (expected, None, True, False)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(:", "SyntaxError: "),
        ("raise ValueError('one\\ntwo')", "ValueError: one"),
        ("import socket", "ModuleNotFoundError: No module named 'socket'"),
        ("open('/etc/passwd')", "PermissionError: "),
        ("import os\nos.environ", "RuntimeError: "),
        ("'a' * 10**10", "MemoryError: "),
        ("def f(): f()\nf()", "RecursionError: "),
        ("#" * 60_001, "the code has 60,001 bytes; at most 60,000 are allowed"),
    ],
)
def test_errors(monty, code, error):
    result = monty.run(code, timeout=60.0)
    assert result.error.startswith(error)
    assert (result.success, result.timeout) == (False, False)


@pytest.mark.parametrize("code", ["while True: pass", "x = 7 ** 10 ** 7", "x = []\nwhile True: x = [1]"])
def test_time(monty, code):
    result = monty.run(code, timeout=0.3)
    assert result.timeout
    assert result.error == "the code did not end within 0.3 s"
    assert monty.run("1 + 1", timeout=60.0).stdout == "2"


def test_output_is_cut_and_not_kept(monty):
    monty.run("1", 60.0)
    before = peak_memory()
    result = monty.run("while True: print('x' * 100000)", timeout=2.0)
    assert result.stdout == "x" * (4096 - len("\n... (cut)")) + "\n... (cut)"
    assert result.error == "the code wrote more than 1 MiB of output"
    result = monty.run("for _ in range(9): print('x' * 100000)", timeout=60.0)
    assert result.stdout.endswith("x\n... (cut)")
    assert result.success
    assert peak_memory() - before < 100 << 20


def test_runs_share_nothing(monty):
    assert monty.run("shared = 1", timeout=60.0).success
    for _ in range(8):
        assert monty.run("shared", timeout=60.0).error.startswith("NameError")


def test_many_threads(monty):
    with ThreadPoolExecutor(30) as pool:
        results = list(pool.map(lambda number: monty.run(f"{number} * 2", timeout=60.0), range(100)))
    assert [result.stdout for result in results] == [str(number * 2) for number in range(100)]


def test_close_ends_the_workers_and_may_be_repeated():
    pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed: pip install '.[monty]'")
    tool = open_sandbox("monty")
    tool.close()
    tool.close()
    assert not tool.run("1").success
    assert threading.active_count() < 100


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)
    with pytest.raises(SandboxError, match=r"pip install 'pybpe\[monty\]'"):
        MontySandbox()
