import io
import sys
from pathlib import Path

import pytest

from pybpe.cli.main import main


def feed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))


def test_ids_as_arguments_on_standard_input_and_in_shards(corpus, tokenizer, monkeypatch, capsysbinary):
    ids = tokenizer.encode("The dög\n")
    assert main(["decode", "corpus.pybpe", *map(str, ids)]) == 0
    assert capsysbinary.readouterr().out == "The dög\n".encode()
    feed(monkeypatch, str(ids).encode())  # as Python prints a list
    assert main(["decode", "corpus.pybpe"]) == 0
    assert capsysbinary.readouterr().out == "The dög\n".encode()
    assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    capsysbinary.readouterr()
    monkeypatch.setattr("pybpe.cli.encode.IDS_A_STEP", 7)
    assert main(["decode", "corpus.pybpe", "corpus-shards"]) == 0
    assert capsysbinary.readouterr().out == corpus.read_bytes() + b"<|endoftext|>"


def test_ids_cut_in_two_by_the_reading_of_standard_input(tokenizer, monkeypatch, capsysbinary):
    ids = tokenizer.encode("The cat sat on the mat")
    monkeypatch.setattr("pybpe.cli.encode.READ_CHARS", 2)
    feed(monkeypatch, " ".join(map(str, ids)).encode())
    assert main(["decode", "corpus.pybpe", "-"]) == 0
    assert capsysbinary.readouterr().out == b"The cat sat on the mat"


def test_bytes_that_are_no_text_come_out_as_they_are(tokenizer, capsysbinary):
    assert main(["decode", "corpus.pybpe", "255", "10"]) == 0
    assert capsysbinary.readouterr().out == b"\xff\n"


@pytest.mark.parametrize("bad", ["x", "1.5", "-1", "99999999999999999999"])
def test_words_that_are_no_ids(tokenizer, fails, bad):
    assert f"{bad!r} is not an id" in fails(1, "decode", "corpus.pybpe", "1", bad)


def test_ids_outside_the_vocabulary(tokenizer, fails):
    assert "301" in fails(1, "decode", "corpus.pybpe", "301")
    assert "4294967296" in fails(1, "decode", "corpus.pybpe", "4294967296")


def test_a_missing_set_and_damaged_shards(corpus, tokenizer, fails):
    assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    assert "no set 'val'; it has train" in fails(1, "decode", "corpus.pybpe", "corpus-shards", "--set", "val")
    path = Path("corpus-shards/train_000.bin")
    path.write_bytes(path.read_bytes()[:-2])
    assert "bytes, not" in fails(1, "decode", "corpus.pybpe", "corpus-shards")
    assert "--set" in fails(2, "decode", "corpus.pybpe", "1", "--set", "val")


def test_count(corpus, tokenizer, capsys):
    Path("b.txt").write_text("zwölf", encoding="utf-8")
    Path("empty.txt").touch()
    assert main(["count", "corpus.pybpe", "corpus.txt", "b.txt", "empty.txt"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    n_corpus, n_b = tokenizer.count(corpus.read_text()), tokenizer.count("zwölf")
    size = corpus.stat().st_size
    assert rows[1:] == [
        [str(n_corpus), str(size), f"{size / n_corpus:.2f}", "corpus.txt"],
        [str(n_b), "6", f"{6 / n_b:.2f}", "b.txt"],
        ["0", "0", "-", "empty.txt"],
        [str(n_corpus + n_b), str(size + 6), f"{(size + 6) / (n_corpus + n_b):.2f}", "total"],
    ]


def test_count_of_standard_input(corpus, tokenizer, monkeypatch, capsys):
    feed(monkeypatch, corpus.read_bytes())
    assert main(["count", "corpus.pybpe", "-"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t")[0] == str(tokenizer.count(corpus.read_bytes()))
