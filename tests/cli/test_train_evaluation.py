import gzip
import hashlib
import io
import json
import re
import sys
from pathlib import Path

import pytest

from pybpe import Tokenizer, WordCounts
from pybpe.cli.main import main
from pybpe.encodings import registry as encodings
from pybpe.encodings.registry import Encoding
from pybpe.reports.evaluation.texts import Split


@pytest.fixture(autouse=True)
def no_encodings(monkeypatch, tmp_path):
    """Whatever lies on this machine."""
    monkeypatch.delenv("PYBPE_VOCABS", raising=False)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")


def table(shown: str) -> dict[str, list[str]]:
    """The rows of the evaluation by their names."""
    lines = shown.split("bytes per token on ", 1)[1].split("tokens do not occur")[0].splitlines()[1:-1]
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines]
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize("seed", [[], ["--seed", "5"]])
def test_parts_of_the_corpus_are_held_out(corpus, capsys, seed):
    command = ["train", "corpus.txt", "--vocab-size", "300", "--held-out", "0.1", "--report", "page.html", *seed]
    assert main(command) == 0
    made = Tokenizer.load("corpus.pybpe")
    split = Split([corpus], WordCounts(protect=["<|endoftext|>"]).cut, "text", 0.1, int((seed or ["0"])[-1]))
    before = list(split.before())
    assert made == Tokenizer.train(iter(before), 300, progress=False)
    shown = capsys.readouterr().out
    held_out = b"".join(passage.text for passage in split.held_out)
    assert f"bytes per token on {len(held_out) / 1000:.1f} KB of held-out text" in shown
    rows = table(shown)
    assert rows["text"] == ["share", "this one"]
    n_tokens = sum(made.count(passage.text) for passage in split.held_out)
    assert rows["all of it"] == ["100.0%", f"{len(held_out) / n_tokens:.2f}"]
    assert "more of this: page.html" in shown
    assert f"{sum(map(len, before)) / sum(map(made.count, before)):.2f} on all of it" in shown
    page = Path("page.html").read_text(encoding="utf-8")
    assert "<h1>corpus.txt</h1>" in page
    assert "bytes per token on held-out text" in page


def test_other_files_beside_public_encodings(corpus, tokenizer, monkeypatch, capsys):
    Path("vocabs").mkdir()
    for name in ("near", "wrong"):
        tokenizer.to_tiktoken(f"vocabs/{name}.tiktoken")
    digest = hashlib.sha256(Path("vocabs/near.tiktoken").read_bytes()).hexdigest()
    near = Encoding("near", "near.tiktoken", 0, digest, tokenizer.pattern, {})
    monkeypatch.setattr(encodings, "ENCODINGS", (near, Encoding("wrong", "wrong.tiktoken", 0, "0" * 64, "", {})))
    monkeypatch.setenv("PYBPE_VOCABS", "vocabs")
    Path("wrong.tiktoken").write_text("damaged", encoding="utf-8")
    Path("vocabs/wrong.tiktoken").write_text("damaged", encoding="utf-8")
    Path("b.py").write_text("def cat(): return 1\n" * 20, encoding="utf-8")
    Path("b.jsonl.gz").write_bytes(gzip.compress(json.dumps({"body": "кот " * 20}).encode()))
    command = ["train", "corpus.txt", "--vocab-size", "280", "-o", "new.pybpe", "--text-field", "body"]
    assert main([*command, "--eval", "b.py", "b.jsonl.gz"]) == 0
    shown, errors = capsys.readouterr()
    rows = table(shown)
    made = Tokenizer.load("new.pybpe")
    assert made == Tokenizer.train(corpus, 280, progress=False)
    assert rows["text"] == ["share", "this one", "near"]
    code = Path("b.py").read_bytes()
    assert rows["code"][1:] == [f"{len(code) / each.count(code):.2f}" for each in (made, tokenizer)]
    assert rows["Cyrillic"][1] == "1.00"
    assert "of other text" in shown
    assert "note: wrong is left out: " in errors


def test_a_page_on_the_training_text_says_so(corpus, capsys, monkeypatch):
    assert main(["train", "corpus.txt", "--vocab-size", "280", "--report", "a.html"]) == 0
    assert "of its training text" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(corpus.read_bytes()), encoding="utf-8"))
    assert main(["train", "-", "--vocab-size", "280", "--report", "b.html"]) == 0
    pages = [Path(name).read_text(encoding="utf-8") for name in ("a.html", "b.html")]
    assert all("Text that was learned from flatters" in page for page in pages)
    assert pages[0].replace("corpus.txt", "tokenizer.pybpe") == pages[1]


def test_nothing_is_measured_where_nothing_asks_for_it(corpus, capsys, monkeypatch):
    monkeypatch.setattr("pybpe.reports.evaluation.measure.evaluate", lambda *_, **__: pytest.fail("was measured"))
    assert main(["train", "corpus.txt", "--vocab-size", "280"]) == 0
    assert "do not occur" not in capsys.readouterr().out


def test_what_is_wrong_is_said_before_the_training(corpus, fails, monkeypatch, pipe):
    monkeypatch.setattr(Tokenizer, "train", lambda *_, **__: pytest.fail("worked before it looked"))
    Path("page.html").write_text("precious", encoding="utf-8")
    Path("empty.txt").touch()
    Path("bad.txt.gz").write_text("bad", encoding="utf-8")
    train = ["train", "corpus.txt"]
    assert "add --force to replace it, or name another file with --report" in fails(1, *train, "--report", "page.html")
    assert "it is a folder" in fails(1, *train, "--report", ".") or "is a folder" in fails(1, *train, "--report", ".")
    assert "the corpus itself" in fails(1, *train, "--report", "corpus.txt", "--force")
    assert "cannot both be a.html" in fails(2, *train, "-o", "a.html", "--report", "a.html")
    assert "leave out one of them" in fails(2, *train, "--held-out", "0.1", "--eval", "page.html")
    assert "no such file" in fails(1, *train, "--eval", "nowhere.txt")
    assert "every file of --eval is empty" in fails(1, *train, "--eval", "empty.txt")
    assert "bad.txt.gz is damaged" in fails(1, *train, "--eval", "bad.txt.gz")
    assert "stands alone" in fails(2, *train, "--eval", "-")
    assert "0.6 is too large, it must be at most 0.5" in fails(2, *train, "--held-out", "0.6")
    assert "must be above 0" in fails(2, *train, "--held-out", "0")
    assert "--held-out needs files" in fails(2, "train", str(pipe(b"text")), "--held-out", "0.1")
    assert Path("page.html").read_text(encoding="utf-8") == "precious"


def test_too_little_to_hold_out(workplace, fails):
    Path("a.txt").write_text("some text", encoding="utf-8")
    assert "hold a larger share out" in fails(1, "train", "a.txt", "--held-out", "0.01")


def test_ctrl_c_while_evaluating_keeps_the_tokenizer(corpus, fails, monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pybpe.reports.evaluation.measure.evaluate", interrupt)
    line = fails(130, "train", "corpus.txt", "--vocab-size", "280", "--report", "page.html")
    assert line.endswith("interrupted; corpus.pybpe is complete; it was not evaluated")
    assert Tokenizer.load("corpus.pybpe").n_vocab == 281


def test_json_is_one_line_with_the_evaluation(corpus, capsys):
    command = ["train", "corpus.txt", "--vocab-size", "300", "--held-out", "0.1", "--report", "page.html", "--json"]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    facts = json.loads(shown)
    made = Tokenizer.load("corpus.pybpe")
    assert (facts["output"], facts["fingerprint"], facts["n_vocab"]) == ("corpus.pybpe", made.fingerprint, 301)
    assert facts["merges"] == 44
    assert facts["special_tokens"] == made.special_tokens
    assert facts["bytes"] + facts["evaluation"]["bytes"] == corpus.stat().st_size
    assert facts["evaluation"]["text"] == "held out"
    assert sum(kind["bytes"] for kind in facts["evaluation"]["kinds"].values()) == facts["evaluation"]["bytes"]
    assert facts["evaluation"]["report"] == "page.html"
    assert Path("page.html").exists()
    assert main(["train", "corpus.txt", "--vocab-size", "300", "--json", "--force"]) == 0
    assert json.loads(capsys.readouterr().out)["evaluation"] is None
