"""The choice of a backend, and what all of them share."""

from __future__ import annotations

import dataclasses
import doctest
import os
import sys
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pybpe
from pybpe import sandbox
from pybpe.sandbox import sandbox as choice
from pybpe.sandbox.result import CUT, MAX_ERROR, MAX_OUTPUT, encoded, late, result


class Fake:
    """A backend that does not run anything."""

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.closed = 0

    def run(self, code: str, timeout: float) -> sandbox.Result:
        return result(f"{self.name} {code} {timeout}")

    def close(self) -> None:
        self.closed += 1


def missing(reason: str):
    def opener():
        raise pybpe.SandboxError(reason)

    return opener


@pytest.mark.parametrize(
    ("works", "name"),
    [({"jail", "monty"}, "jail"), ({"monty"}, "monty"), ({"jail"}, "jail"), ({"none", "unsafe"}, None)],
)
def test_auto_takes_the_first_that_works(works, name, monkeypatch):
    for backend in ("jail", "monty", "none", "unsafe"):
        opener = (lambda backend=backend: Fake(backend)) if backend in works else missing(f"no {backend}")
        monkeypatch.setitem(choice._OPENERS, backend, opener)
    if name is None:
        with pytest.raises(pybpe.SandboxError, match="no sandbox is available: no jail; no monty"):
            sandbox.open_sandbox()
    else:
        assert sandbox.open_sandbox("auto").name == name


def test_the_examples_of_the_docs():
    assert doctest.testmod(choice) == (0, 4)


def test_names():
    assert sandbox.BACKENDS == ("auto", "jail", "monty", "none")
    with pytest.raises(ValueError, match="backend is 'jar'; give one of auto, jail, monty, none"):
        sandbox.open_sandbox("jar")


def test_what_works_here():
    try:
        assert sandbox.run("'strawberry'.count('r')", timeout=60.0) == sandbox.Result("3", None, True, False)
    except pybpe.SandboxError as error:
        assert "no sandbox is available: the backend jail" in str(error)  # noqa: PT017  and monty is not installed
        assert sys.platform != "linux"


def test_a_result_is_fixed():
    found = sandbox.run("1 + 1", backend="none")
    assert found == sandbox.Result("2", None, True, False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.stdout = "3"


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 3601])
def test_times_that_make_no_sense(timeout):
    with pytest.raises(ValueError, match="timeout is"):
        sandbox.run("1", timeout=timeout, backend="none")


def test_a_sandbox_is_a_context():
    fake = Fake()
    with choice.Sandbox(fake) as tool:
        assert tool.run("code").stdout == "fake code 5.0"
        assert tool.run("code", 0.5).stdout == "fake code 0.5"
        assert not fake.closed
    assert fake.closed == 1


def test_run_opens_a_backend_once(monkeypatch):
    opened = []

    def opener():
        opened.append(Fake())
        return opened[-1]

    monkeypatch.setattr(choice, "_open", {})
    monkeypatch.setitem(choice._OPENERS, "none", opener)
    for _ in range(3):
        assert sandbox.run("code", backend="none").stdout == "fake code 5.0"
    assert len(opened) == 1
    choice._close(("none", os.getpid() + 1))  # of another process
    assert not opened[0].closed
    choice._close(("none", os.getpid()))
    assert opened[0].closed


@given(st.text(), st.none() | st.text(), st.booleans(), st.booleans())
def test_results_are_limited(output, error, timeout, cut):
    for text in (output, output * 500):
        made = result(text, error, timeout, cut)
        assert len(made.stdout.encode()) <= MAX_OUTPUT
        assert made.success == (error is None)
        assert made.timeout == timeout
        if not made.stdout.endswith(CUT):
            assert made.stdout == text.encode("utf-8", "replace").decode().removesuffix("\n")
        if error is not None:
            assert len(made.error.encode()) <= 4 * MAX_ERROR
            assert len(made.error.splitlines()) <= 1


def test_late():
    assert late("a\n", 5.0) == sandbox.Result("a", "the code did not end within 5 s", False, True)
    assert late("a", 0.25).error == "the code did not end within 0.25 s"


def test_code_is_limited():
    assert encoded("é" * 30_000) == "é".encode() * 30_000
    with pytest.raises(ValueError, match="60,001 bytes; at most 60,000"):
        encoded("x" * 60_001)


def test_unsafe_warns_and_runs():
    with pytest.warns(UserWarning, match="is no sandbox") as warned:
        tool = sandbox.open_sandbox("unsafe")
    assert [warning.filename for warning in warned] == [__file__]
    with tool:
        assert tool.name == "unsafe"
        assert tool.run("import os\nprint(os.environ.get('PATH'))\n1 + 1", 60.0).stdout == "None\n2"
        assert tool.run("1 / 0", 60.0).error == "ZeroDivisionError: division by zero"
        assert tool.run("while True: pass", 0.3).timeout
        assert not tool.run("x" * 60_001).success


def test_unsafe_needs_an_interpreter(monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(pybpe.SandboxError, match=r"sys\.executable is empty"):
            sandbox.open_sandbox("unsafe")
