"""No program of support/escapes.py gains anything in any backend, and outside of a sandbox each of them does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.escapes import ESCAPES, SECRET
from support.jails import open_jail
from support.ordinary_user import hidden_above

TESTS = Path(__file__).parents[1]
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the escapes are programs for Linux")


@pytest.fixture
def reachable() -> Iterator[Path]:
    """An empty folder that every user can enter by its name, as tmp_path is not where root runs the tests."""
    places = [tempfile.gettempdir(), "/tmp", "/var/tmp"]
    folder = tempfile.mkdtemp(dir=next(place for place in places if not hidden_above(Path(place).resolve())))
    try:
        Path(folder).chmod(0o777)
        yield Path(folder)
    finally:
        shutil.rmtree(folder)


def drive(folder: Path, backend: str, form: str | None = None, ordinary: bool = False) -> dict[str, Any]:
    """What the process of support/escape_driver.py says."""
    code = f"import sys; sys.path[:0] = [{str(TESTS)!r}]; from support.escape_driver import main; main()"
    settings = {"backend": backend, "form": form, "ordinary": ordinary, "folder": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", code, f"{SECRET}-argument"],
        input=json.dumps(settings),
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYBPE_CANARY": f"{SECRET}-variable"},
        cwd=folder,
    )
    if "unshare: Operation not permitted" in done.stderr:
        pytest.skip("Python lies where an ordinary user cannot reach it, and root may not change that here")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check(output: dict[str, Any]) -> None:
    """Nothing was gained, changed, left or kept."""
    results = output["results"]
    assert results.keys() == {escape.name for escape in ESCAPES}
    assert [name for name, result in results.items() if result["gained"]] == []
    assert output["changes"] == []
    assert output["left"] == []
    assert output["children"] == []
    assert output["grown"] < 100 << 20
    for name, result in results.items():
        assert len(result["stdout"].encode("utf-8", "surrogatepass")) <= 4096, name
        assert len(result["error"] or "") <= 1000, name
        assert "\n" not in (result["error"] or ""), name


def test_there_are_enough():
    names = [escape.name for escape in ESCAPES]
    assert len(names) == len({*names}) >= 80


USERS = [
    pytest.param(False, id="as_this_user"),
    pytest.param(True, id="as_an_ordinary_user", marks=pytest.mark.skipif(not IS_ROOT, reason="the user is ordinary")),
]


@pytest.mark.parametrize("ordinary", USERS)
@pytest.mark.parametrize("form", ["namespaces", "plain"])
def test_nothing_leaves_the_jail(form, ordinary, reachable):
    open_jail(form)
    output = drive(reachable, "jail", form, ordinary)
    check(output)
    for escape in ESCAPES:
        assert output["results"][escape.name]["timeout"] == escape.endless, escape.name


@pytest.mark.parametrize("ordinary", USERS)
def test_nothing_leaves_monty(ordinary, reachable):
    pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed: pip install '.[monty]'")
    check(drive(reachable, "monty", ordinary=ordinary))


def test_nothing_leaves_arithmetic(reachable):
    output = drive(reachable, "none")
    check(output)
    assert not any(result["timeout"] for result in output["results"].values())


def test_without_a_sandbox_each_gains_something(reachable):
    """Otherwise the tests above would say nothing: a program with a mistake in it gains nothing anywhere."""
    results = drive(reachable, "unsafe")["results"]
    users = {"all", "root"} if IS_ROOT else {"all"}
    assert results.keys() == {escape.name for escape in ESCAPES if escape.control in users}
    assert {name: result for name, result in results.items() if not result["gained"] and not result["changes"]} == {}
