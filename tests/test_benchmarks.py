"""The benchmark: nobody gets a speed for a wrong result, and a report becomes tables whatever rows it has."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.hostile_texts import INPUTS

from pybpe import Tokenizer
from pybpe.gpt.micro import MicroConfig
from pybpe.gpt.micro.names import reproduce
from pybpe.gpt.training_data import read_data


def part(name: str):
    return importlib.import_module(f"support.benchmarks.{name}")


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
    assert len(INPUTS) == 18
    for make in INPUTS.values():
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
    path.write_text("\n".join(["ada", "grace", "edsger", "alan", "barbara", "donald", "frances"]), encoding="utf-8")
    return path


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_the_port_to_c_has_the_losses_of_the_micro_gpt(names, tmp_path, monkeypatch):
    gpt = part("gpt")
    monkeypatch.setattr(gpt, "STEPS", 20)
    (result,) = gpt.names(names, tmp_path, 1)
    assert set(result.values) == {"pybpe", gpt.PORT}  # one with other losses would have been left out
    losses = np.fromfile(tmp_path / "output")[:-1]
    assert losses.tolist() == pytest.approx(
        reproduce(names.read_text(encoding="utf-8").split(), steps=20).losses.tolist(), rel=1e-9
    )


def test_torch_learns_the_same(tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
    gpt = part("gpt")
    monkeypatch.setattr(gpt, "LEARNED_STEPS", 4)
    path = tmp_path / "text.txt"
    path.write_text("the cat sat on the mat and the dog ran to the old house by the river.\n" * 400, encoding="utf-8")
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


def peer(name: str, encode, **more):
    """A contender whose lists come from `encode`, whose batches record the number of threads in `more["seen"]`."""
    seen = more.pop("seen", [])

    def batch(texts, threads):
        seen.append((name, threads))
        return list(map(encode, texts))

    return part("peers").Peer(name, encode, lambda text: np.array(encode(text)), batch, None, **more)


def case(peers, text: str = "a text to encode, " * 100, special=()):
    encoding = part("peers").Encoding("made", Path("made"), "", dict.fromkeys(special, 0))
    return part("encoding").Case(part("texts").Text("text", text), encoding, peers, 1)


def points(text: str) -> list[int]:
    return list(map(ord, text))


def wrong(text: str) -> list[int]:
    return [0, *points(text)[1:]]


def test_short_texts_ask_each_peer_for_what_it_has():
    def refuses(text: str) -> list[int]:
        if "<s>" in text:
            raise ValueError(text)
        return points(text)

    def count(text: str) -> int:
        return len(text)

    asked = case(
        {
            "pybpe": peer("pybpe", points, policy=points, face=refuses, count=count),
            "tiktoken": peer("tiktoken", points, policy=points, face=refuses, count=count),
            "plain": peer("plain", points),
            "by policy": peer("by policy", points, policy=wrong),
            "one too many": peer("one too many", points, count=lambda text: count(text) + 1),
        },
        "a text with <s> in a part of it".ljust(100) + "and none in the other".ljust(100),
        special=["<s>"],
    )
    results = {result.row: result for result in part("encoding").short_texts(asked)}
    everybody = set(asked.peers)
    assert {row: set(result.values) for row, result in results.items()} == {
        "strings list": everybody,
        "strings policy": everybody - {"by policy"},
        "strings face": {"pybpe", "tiktoken"},
        "strings numpy": everybody,
        "strings count": {"pybpe", "tiktoken"},
        "page list": everybody,
    }
    assert results["strings policy"].notes == ["by policy gives another result and so has no speed"]
    assert results["strings count"].notes == ["one too many gives another result and so has no speed"]


def test_documents_run_on_the_threads_that_their_rows_name():
    rows, encoding, seen = part("rows").ROWS, part("encoding"), []
    asked = case({name: peer(name, points, seen=seen) for name in ("pybpe", "tiktoken")})
    for function, threads, words in (
        (encoding.documents, 2, "two threads"),
        (encoding.documents_on_one, 1, "one thread"),
    ):
        seen.clear()
        found = [result for result in function(asked) if result.values]
        assert {result.row for result in found} == {"documents list" if threads == 2 else "documents list one"}
        assert set(seen) == {("pybpe", threads), ("tiktoken", threads)}
        assert all(rows[result.row].endswith(words) for result in found)


def test_the_reference_is_named_where_pybpe_is_wrong():
    asked = part("encoding").Case(
        part("texts").Text("text", "words " * 100),
        part("peers").Encoding("made", Path("made"), "", {}),
        {"pybpe": peer("pybpe", wrong), "sentencepiece": peer("sentencepiece", points)},
        1,
        "sentencepiece",
    )
    results = [*part("encoding").short_lists(asked), *part("encoding").document_lists(asked)]
    assert len(results) == 4
    assert all(not result.values for result in results)
    assert {note for result in results for note in result.notes} == {
        "pybpe's result differs from sentencepiece's: no figures"
    }


class Splintr:
    """As much of splintr's tokenizer as the benchmark calls; notes which of its functions are called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def encode_raw(self, text):
        self.calls.append("one")
        return points(text)

    def encode_batch(self, texts):
        self.calls.append("batch")
        return list(map(points, texts))

    def encode_flat(self, text):
        self.calls.append("one")
        return np.array(points(text), dtype="<u4").tobytes()

    def encode_batch_flat(self, texts):
        self.calls.append("batch")
        ends = np.cumsum([0, *map(len, texts)], dtype="<u8")
        return np.array(points("".join(texts)), dtype="<u4").tobytes(), ends.tobytes()


@pytest.mark.parametrize(("threads", "call"), [(2, "batch"), (1, "one")])
def test_splintr_has_batches_on_all_threads_only(threads, call):
    theirs, texts = Splintr(), ["some", "", "texts of it"]
    made = part("peers").splintr_peer(theirs)
    ids, offsets = made.batch_to_numpy(texts, threads)
    assert ids.tolist() == points("".join(texts))
    assert list(offsets) == [0, 4, 4, 15]
    assert made.batch_to_lists(texts, threads) == list(map(points, texts))
    assert list(made.count_batch(texts, threads)) == [4, 0, 11]
    assert set(theirs.calls) == {call}
    assert made.count("four") == 4
    assert made.to_numpy("four").tolist() == points("four")


def test_a_vocabulary_of_the_form_of_clip(tmp_path):
    pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    models, texts = part("models"), part("texts")
    content = "The cat sat on the mat, and IT'S old; 12 naïve cafés in the rain. " * 40
    text = texts.Text("text", content)
    path = models.clip_like([text], tmp_path / "clip-like.json", 700)
    tokenizer = Tokenizer.from_huggingface(path)
    assert tokenizer.info["end_of_word_suffix"] == "</w>"
    assert 514 < tokenizer.n_vocab <= 700
    assert tokenizer.special_tokens == {
        name: tokenizer.n_vocab - 2 + place for place, name in enumerate(models.CLIP_SPECIAL)
    }
    absent: list[str] = []
    results = list(models.models([text], path, 1, absent))
    assert [result.row for result in results] == [
        "strings list",
        "page list",
        "list",
        "documents list",
        "documents list one",
    ]
    for result in results:
        assert {"pybpe", "tokenizers"} <= set(result.values), result.notes
        assert result.encoding == "clip-like"


def test_rows_of_a_model_need_its_reference(tmp_path, monkeypatch):
    models, absent = part("models"), []
    monkeypatch.setattr(models, "installed", lambda name: name != "sentencepiece")
    assert list(models.models([], tmp_path / "t.model", 1, absent)) == []
    assert absent == ["sentencepiece is not installed"]


def test_models_are_named_after_their_folder_where_all_files_have_one_name():
    name = part("models").model_name
    assert name(Path("vocabs/qwen3/tokenizer.json")) == "qwen3"
    assert name(Path("vocabs/mistral_v1/tokenizer.model")) == "mistral_v1"
    assert name(Path("vocabs/clip-like.json")) == "clip-like"


def bench(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """scripts/bench.py in a process of its own, since it sets variables of its environment; help is not wrapped."""
    script = Path(__file__).parents[1] / "scripts" / "bench.py"
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONUTF8": "1",
        "COLUMNS": "1000",
    }
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=check)


def test_every_group_of_rows_is_explained_by_help():
    shown = bench("--help").stdout
    explained = " ".join(shown.split("groups of rows, for --only:")[1].split("options:")[0].split())
    groups = re.search(r"groups: ([a-z, -]+)$", shown, re.MULTILINE).group(1).split(", ")
    assert {"strings", "one-thread", "models"} <= set(groups)
    assert all(re.search(rf"\b{group}\b", explained) for group in groups)
    refused = bench("--models", "vocabulary.bin", check=False)
    assert refused.returncode == 2
    assert "'vocabulary.bin' is of no known kind" in refused.stderr


def test_new_rows_run_from_the_command_line(tmp_path):
    pytest.importorskip("tiktoken", reason="tiktoken is not installed")
    text = tmp_path / "text.txt"
    text.write_text("The cat sat on the mat, and it's old; 12 naïve cafés in the rain.\n" * 300, encoding="utf-8")
    bench("--texts", text, "--rounds", 1, "--only", "strings", "one-thread", "--json", tmp_path / "found.json")
    report = part("results").Report.read(tmp_path / "found.json")
    rows = ("strings list", "strings policy", "strings face", "strings numpy", "strings count", "page list")
    for row in (*rows, "documents numpy one", "documents list one", "documents count one"):
        (result,) = report.of(row)
        assert "pybpe" in result.values
        assert ("tiktoken" in result.values) == (row != "documents numpy one")  # tiktoken has no arrays of many
