"""The README: its code runs, its tree names every file, its tables were printed by the benchmark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def between(begin: str, end: str) -> str:
    return README.split(begin)[1].split(end)[0]


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_its_code_runs(code, tmp_path, monkeypatch):
    (tmp_path / "corpus.txt").write_text("Hello, tokens! The quick brown fox. " * 50, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="too small"):
        exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "corpus.pybpe").exists()


def files_in_tree() -> set[str]:
    """The paths that the tree names; a folder with files of its own on further lines is not one."""
    found, folders = set(), {}
    for line in between("<!-- tree: begin -->\n```\n", "```\n<!-- tree: end -->").splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name = line.split()[0]
        path = folders.get(depth - 1, "") + name if depth else name
        if name.endswith("/"):
            folders[depth] = path
        else:
            found.add(path)
    return found


def test_its_tree_names_every_file():
    there = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("pybpe/**/*.py", "src_ext/**/*.pyx", "scripts/*.py", "scripts/*.md")
        for path in ROOT.glob(pattern)
        if path.name != "__init__.py" or path.parent.name == "pybpe"
    }
    described_as_a_folder = {path for path in there if path.startswith("pybpe/gpt/micro/")}
    assert files_in_tree() == there - described_as_a_folder


def test_its_commands_exist():
    from pybpe.cli.main import make_parser

    _, commands = make_parser()
    named = set(re.findall(r"^    (?:pip install \. && )?pybpe (\w+)", README, re.MULTILINE))
    assert named == set(commands)


def test_its_tables_were_measured():
    table = between("<!-- bench: begin -->", "<!-- bench: end -->")
    assert re.search(r"Measured by `scripts/bench\.py` on \d{4}-\d\d-\d\d: .+ cores.+tiktoken [\d.]+", table)
    assert len(re.findall(r"[\d.]+x \|$", table, re.MULTILINE)) >= 4


def test_the_reference_is_as_short_as_it_says():
    lines = len((ROOT / "pybpe" / "reference.py").read_text(encoding="utf-8").splitlines())
    assert f"in {lines} lines" in README
    assert lines < 200
