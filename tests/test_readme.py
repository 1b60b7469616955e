"""The README: its code runs, its tree names every file, its tables were printed by the benchmark."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.benchmarks import pages
from support.benchmarks.results import Report

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def between(begin: str, end: str) -> str:
    return README.split(begin)[1].split(end)[0]


CODES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
CORPORA = {
    "sentences": "Hello, tokens! The quick brown fox. " * 50,
    "a word": "a b",
    "no Latin letters": "Привет, 世界! १२३ " * 20,
    "many words": "".join(f"{number:x} word{number % 97}\n" for number in range(20_000)),
}


@pytest.mark.filterwarnings("ignore:the corpus is too small")
@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA)
@pytest.mark.parametrize("code", CODES, ids=range(len(CODES)))
def test_its_code_runs_on_any_corpus(code, corpus, tmp_path, monkeypatch):
    (tmp_path / "corpus.txt").write_text(corpus, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "corpus.pybpe").exists()


def test_its_code_runs_on_a_text_of_megabytes(texts, tmp_path, monkeypatch):
    (tmp_path / "corpus.txt").write_text(texts["english"][:2_000_000], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for code in CODES:
        exec(compile(code, "README.md", "exec"), {})


@pytest.mark.filterwarnings("ignore:.* passes over the")
@pytest.mark.parametrize("page", ["micro.md", "gpt.md", "chat.md", "sandbox.md"])
def test_the_code_of_the_docs_runs(page):
    if page in ("gpt.md", "chat.md"):
        pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
    codes = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    assert codes
    names = {}  # a page's code goes on
    for code in codes:
        exec(compile(code, page, "exec"), names)


def test_the_trees_name_every_file(tmp_path):
    command = [sys.executable, ROOT / "scripts" / "make_tree.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    tree = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = {path.name for path in ROOT.glob("pybpe/**/*.py") if path.name != "__init__.py"}
    assert {name for name in names if not re.search(rf"^ +{re.escape(name)}\b", tree, re.MULTILINE)} == set()


def test_its_commands_exist():
    from pybpe.cli.main import make_parser

    _, commands = make_parser()
    named = set(re.findall(r"^    (?:pip install \. && )?pybpe (\w+)", README, re.MULTILINE))
    assert named == set(commands)


def test_its_test_command_is_the_one_of_ci():
    printed = re.search(r"^    pip install '(.+)' -c constraints.txt && (pytest.*)$", README, re.MULTILINE)
    extras, command = printed.groups()
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8").split('\nstep "')
    assert sum(f"install -q '{extras}' -c constraints.txt" in step for step in steps) == 1
    runs = [line.strip() for step in steps for line in step.splitlines() if "/bin/pytest" in line]
    assert len(runs) == 2
    options = command.removeprefix("pytest ")
    assert all(line.startswith(f'"$work/test/bin/pytest" {options} ') for line in runs)


def test_its_figures_are_those_of_the_last_run():
    report = Report.read(pages.DATA)
    assert between(pages.BEGIN, pages.END) == pages.readme_block(report)
    assert pages.PAGE.read_text(encoding="utf-8") == pages.page(report)
    assert pages.PLOT.read_text(encoding="utf-8") == pages.plot(report)


def test_its_figures_say_where_they_come_from():
    report = Report.read(pages.DATA)
    assert not report.wrong
    block = between(pages.BEGIN, pages.END)
    assert re.search(r"Measured by `scripts/bench\.py` on \d{4}-\d\d-\d\d: .+ \d+ cores, .+ tiktoken [\d.]+", block)
    for name, text in report.conditions["texts"].items():
        assert re.fullmatch("[0-9a-f]{64}", text["sha256"])
        assert f"{name} {text['megabytes']:.0f} MB {text['sha256'][:12]}" in block


def test_its_picture_keeps_text_inside_and_apart():
    picture = ElementTree.fromstring(pages.plot(Report.read(pages.DATA)))
    width, height = float(picture.get("width")), float(picture.get("height"))
    spans = {}
    for text in picture.iter("{http://www.w3.org/2000/svg}text"):
        x, y, size = float(text.get("x")), float(text.get("y")), 7.5 * len(text.text)
        start = x - size if text.get("text-anchor") == "end" else x
        assert 0 < start < start + size < width
        assert 0 < y < height - 8
        spans.setdefault(y, []).append((start, start + size))
    for row in map(sorted, spans.values()):
        assert all(end <= start for (_, end), (start, _) in zip(row, row[1:], strict=False))


def lines_of_code(source):
    """How many lines are neither blank nor of comments or docstrings."""
    tree = ast.parse(source)
    docs = {node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    taken = {line for node in docs for line in range(node.lineno, node.end_lineno + 1)}
    kept = [line for number, line in enumerate(source.splitlines(), 1) if number not in taken]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in kept)


def test_the_reference_is_as_short_as_it_says():
    lines = lines_of_code((ROOT / "pybpe" / "reference.py").read_text(encoding="utf-8"))
    assert f"in {lines} lines" in README
    assert lines < 120
