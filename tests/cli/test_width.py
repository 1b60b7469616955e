"""What commands print can be copied: no terminal is so narrow, and no path so long, that a line is broken or cut."""

from __future__ import annotations

import contextlib
import io
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import Tokenizer
from pybpe.cli import count
from pybpe.cli.console import escaped, print_columns, say, summary, typed
from pybpe.cli.main import main
from pybpe.cli.train_evaluation import print_table
from pybpe.reports.evaluation.measure import evaluate
from pybpe.reports.evaluation.texts import Passage

WIDTHS = st.sampled_from(["1", "7", "40", "60", "200"])


def argument(word: str) -> str:
    """The word as Python gets it from a command line of UTF-8, whatever encoding the locale has for names."""
    return os.fsdecode(word.encode())


def printed(columns: str, function, *arguments, **options) -> str:
    """The standard output of a call in a terminal of so many columns."""
    file = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(file):
        patch.setenv("COLUMNS", columns)
        function(*arguments, **options)
    return file.getvalue()


@pytest.mark.parametrize("columns", ["20", "60", "200"])
def test_paths_and_next_commands_stay_whole(corpus, monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", columns)
    folder = corpus.parent / argument("a long folder, größer than most " * 4 + "x")
    folder.mkdir()
    text = corpus.rename(folder / "corpus.txt")
    names = ("corpus.pybpe", "corpus.json", "ids", "report.html")
    tok, converted, ids, report = (folder / name for name in names)

    def lines(*argv: object) -> list[str]:
        assert main([*map(str, argv)]) == 0
        return capsys.readouterr().out.splitlines()

    shown = lines("train", text, "-o", tok, "--vocab-size", "300", "--held-out", "0.1", "--report", report)
    assert f"trained {escaped(str(tok))}" in shown
    assert f"more of this: {escaped(str(report))}" in shown
    assert f"next:  pybpe encode {typed(tok)} {typed(text)}" in shown
    assert any(line.startswith(f"file             {escaped(str(tok))}, ") for line in shown)
    shown = lines("info", tok)
    assert escaped(str(tok)) in shown
    assert f"fingerprint     {Tokenizer.load(tok).fingerprint}" in shown
    shown = lines("convert", tok, converted)
    assert any(line.startswith(f"written  {escaped(str(converted))}, Hugging Face's file, ") for line in shown)
    assert f"next:  pybpe info {typed(converted)}" in shown
    shown = lines("encode", tok, text, "-o", ids)
    assert any(line.startswith(f"folder           {escaped(str(ids))}, 1 shard, ") for line in shown)
    assert f"next:  pybpe decode {typed(tok)} {typed(ids)} --set train --no-special | head" in shown


def test_counts_in_a_terminal_stay_whole(monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(file, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", file)
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("TERM", "dumb")  # no colours
    name = "a folder/" * 30
    count._print_counts([(name, 1234, 5678), ("total", 1, 2)])
    assert file.getvalue().splitlines() == [
        "tokens  bytes  bytes/token  file",
        f" 1,234  5,678         4.60  {name}",
        "     1      2         2.00  total",
    ]


def test_a_table_of_many_encodings_keeps_all_figures(small):
    others = {f"encoding number {number}": small for number in range(9)}
    evaluation = evaluate(small, [Passage(b"The quick brown fox", False)], others)
    title, *rows, last = printed("20", print_table, evaluation, "a file of its own")[1:].splitlines()
    assert title == "bytes per token on 19 bytes of a file of its own"
    assert all(f"encoding number {number}" in rows[0] for number in range(9))
    assert [len(row.split()) for row in rows[1:]] == [
        3 + 11,
        1 + 11,
    ]  # "all of it" and "Latin", their share, ten figures
    assert last.endswith("tokens do not occur in it")


words = st.text(max_size=200)


@given(
    columns=WIDTHS,
    title=words,
    rows=st.lists(st.tuples(st.text("abc ", max_size=12), words), max_size=4),
    command=st.text(max_size=200).map(lambda word: typed(argument(word))),
)
def test_a_summary_has_the_same_lines_in_every_width(columns, title, rows, command):
    width = max((len(name) for name, _ in rows), default=0)
    expected = ["", escaped(title)]
    for name, value in rows:
        first, *more = map(escaped, value.split("\n"))
        expected += [f"{name:<{width}}  {first}", *(f"{'':<{width}}  {line}" for line in more)]
    expected += ["", f"next:  {command}"]
    assert printed(columns, summary, title, rows, command).split("\n") == [*expected, ""]


@given(columns=WIDTHS, cells=st.lists(st.text("ab,.1 ", max_size=60), min_size=3, max_size=12))
def test_columns_are_aligned_and_complete_in_every_width(columns, cells):
    rows = [cells[start : start + 3] for start in range(0, len(cells) // 3 * 3, 3)]
    lines = printed(columns, print_columns, rows, left=1).split("\n")
    first, second, third = (max(len(row[place]) for row in rows) for place in range(3))
    assert lines == [f"{a:>{first}}  {b:<{second}}  {c:>{third}}".rstrip() for a, b, c in rows] + [""]


@given(columns=WIDTHS, message=words)
def test_notes_and_errors_are_one_line_in_every_width(columns, message):
    file = io.StringIO()
    with contextlib.redirect_stderr(file):
        printed(columns, say, message)
    assert file.getvalue() == escaped(" ".join(message.split())) + "\n"
