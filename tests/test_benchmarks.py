"""The benchmark: nobody gets a speed for a wrong result, and a report becomes tables whatever rows it has."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from pybpe import Tokenizer
from pybpe.gpt.micro import MicroConfig
from pybpe.gpt.micro.names import reproduce
from pybpe.gpt.training_data import read_data


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "scripts")


def part(name: str):
    return importlib.import_module(f"benchmarks.{name}")


@pytest.fixture
def job():
    """Makes a job of counting to n, right or wrong."""
    return lambda n, right=True: part("timing").warm(lambda: sum(range(n)), 1.0, lambda: right)


def test_a_peer_that_is_wrong_has_no_speed(job):
    jobs = {"pybpe": job(10), "slower": job(100_000), "wrong": job(1, right=False)}
    result = part("rows").measure("numpy", "text", "encoding", "MB/s", jobs, rounds=3)
    assert set(result.values) == {"pybpe", "slower"}
    assert result.ratios["slower"] > 1
    assert result.best_peer == "slower"
    assert result.notes == ["wrong gives another result and so has no speed"]


def test_where_pybpe_is_wrong_nobody_has_a_speed(job):
    rows, results = part("rows"), part("results")
    result = rows.measure("numpy", "text", "encoding", "MB/s", {"pybpe": job(10, right=False), "peer": job(10)}, 3)
    assert not result.values
    report = results.Report({}, [result])
    assert report.wrong == [result]
    assert report.of("numpy") == []


def test_only_runs_under_equal_conditions_are_joined():
    results = part("results")
    found = [results.Result(row, "", "", "s", {"pybpe": 1.0}) for row in ("numpy", "list", "list")]
    facts = {"date": "today", "encodings": ["a"], "absent": []}
    first = results.Report(facts, found[:2])
    second = results.Report(facts | {"encodings": ["b"], "absent": ["c"]}, found[2:])
    both = results.Report.joined([first, second])
    assert both.conditions == {"date": "today", "encodings": ["a", "b"], "absent": ["c"]}
    assert both.results == found[:2]
    with pytest.raises(ValueError, match="differ in date: today and tomorrow"):
        results.Report.joined([first, results.Report(facts | {"date": "tomorrow"}, found)])


def test_costs_become_figures(monkeypatch, job):
    rows = part("rows")
    monkeypatch.setattr(rows, "in_turn", lambda jobs, rounds: {"pybpe": [0.5, 0.25, 1.0], "peer": [1.0, 1.0, 1.0]})
    assert rows.measure("numpy", "", "", "MB/s", {"pybpe": job(1)}, 3).values == {"pybpe": 2.0, "peer": 1.0}
    assert rows.measure("open", "", "", "ms", {"pybpe": job(1)}, 3).values == {"pybpe": 500.0, "peer": 1000.0}
    assert rows.measure("numpy", "", "", "MB/s", {"pybpe": job(1)}, 3).ratios == {"peer": 2.0}


def test_each_round_runs_everyone_in_turn():
    timing, calls = part("timing"), []
    jobs = {name: timing.warm(lambda name=name: calls.append(name), 1, lambda: True) for name in "ab"}
    assert {name: len(costs) for name, costs in timing.in_turn(jobs, 2).items()} == {"a": 2, "b": 2}
    assert calls == ["a", "b"] * 3


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_hostile_inputs_have_the_length_asked_for(n):
    inputs = part("inputs").INPUTS
    assert len(inputs) == 18
    for make in inputs.values():
        assert len(make(n)) == n
        assert make(n) == make(n)


def test_unique_words_are_unique(monkeypatch):
    memory = part("memory")
    monkeypatch.setattr(memory, "_PIECE_WORDS", 10_000)
    words = [word for number in range(7) for word in memory.unique_words(number).split()]
    assert len(words) == len(set(words)) == 70_000
    assert {len(word) for word in words} == set(memory.WORD_LETTERS)


def test_texts_are_cut_as_rows_want_them(tmp_path):
    texts = part("texts")
    path = tmp_path / "some.txt"
    path.write_text("plain words, 日本語の文章です。\n日本語だけの行、それだけです。\n" * 5000, encoding="utf-8")
    (text,) = texts.read_texts([path], 0.3)
    assert 299_990 < len(text.encoded) <= 300_000
    assert "".join(text.documents) == text.content
    assert 3_000 < len(text.documents[0].encode()) < 5_000
    assert {len(string) for string in text.strings[:-1]} == {100}
    cjk = texts.chinese_and_japanese([text])
    assert "plain" not in cjk.content
    assert "日本語だけの行" in cjk.content


def test_a_report_of_every_row_becomes_tables(tmp_path):
    results, tables, plot = part("results"), part("tables"), part("plot")
    rows = part("rows").ROWS
    values, ratios = {"pybpe": 1.5, "normal text": 0.5, "2M": 3.0}, {"rustbpe": 0.123, "tiktoken": 2}
    found = [results.Result(row, "english", "cl100k_base", "s", values, ratios, [f"note on {row}"]) for row in rows]
    text = {"megabytes": 2.0, "sha256": "0" * 64}
    facts = {"date": "", "processor": "", "cores": 2, "system": "", "python": "", "packages": {}, "rounds": 1}
    facts |= {"encodings": ["cl100k_base"], "texts": {"english": text}, "absent": ["a is not installed"]}
    report = results.Report(facts, found)
    report.write(tmp_path / "report.json")
    assert results.Report.read(tmp_path / "report.json") == report
    full, compact = "\n".join(tables.full(report)), "\n".join(tables.compact(report))
    assert all(f"note on {row}" in full for row in rows)
    assert "1.5 s, 0.12x rustbpe" in compact
    assert "3 times that of normal text" in compact
    assert "Not taking part: a is not installed." in compact
    assert "english" in plot.plot(report)


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("\n".join(["ada", "grace", "edsger", "alan", "barbara", "donald", "frances"]))
    return path


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_the_port_to_c_has_the_losses_of_the_micro_gpt(names, tmp_path, monkeypatch):
    gpt = part("gpt")
    monkeypatch.setattr(gpt, "STEPS", 20)
    (result,) = gpt.names(names, tmp_path, 1)
    assert set(result.values) == {"pybpe", gpt.PORT}  # one with other losses would have been left out
    losses = np.fromfile(tmp_path / "output")[:-1]
    assert losses.tolist() == pytest.approx(reproduce(names.read_text().split(), steps=20).losses.tolist(), rel=1e-9)


def test_torch_learns_the_same(tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
    gpt = part("gpt")
    monkeypatch.setattr(gpt, "LEARNED_STEPS", 4)
    path = tmp_path / "text.txt"
    path.write_text("the cat sat on the mat and the dog ran to the old house by the river.\n" * 400)
    tokenizer = Tokenizer.train(path, 300, progress=False)
    data = read_data([path], tokenizer, lines=False, seed=42)
    config = MicroConfig(tokenizer.n_vocab, 1, 2, 16, 16)
    result = gpt.learned(config, data, "text", "")
    assert result.values["torch"] == pytest.approx(result.values["pybpe"], rel=1e-4)
    assert result.values["pybpe"] < 3


def test_runs_may_add_texts_and_packages_but_not_change_them():
    results = part("results")
    facts = {"date": "today", "encodings": ["a"], "absent": [], "packages": {"x": "1"}, "texts": {"t": {"sha256": "0"}}}
    more = facts | {"encodings": [], "packages": {"x": "1", "y": "2"}, "texts": {"u": {"sha256": "1"}}}
    both = results.Report.joined([results.Report(facts, []), results.Report(more, [])])
    assert both.conditions["packages"] == {"x": "1", "y": "2"}
    assert list(both.conditions["texts"]) == ["t", "u"]
    with pytest.raises(ValueError, match="differ in packages"):
        results.Report.joined([results.Report(facts, []), results.Report(facts | {"packages": {"x": "3"}}, [])])
