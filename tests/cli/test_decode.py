import io
import os
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
    monkeypatch.setattr("pybpe.cli.decode.IDS_A_STEP", 7)
    assert main(["decode", "corpus.pybpe", "corpus-shards"]) == 0
    assert capsysbinary.readouterr().out == corpus.read_bytes() + b"<|endoftext|>"


def test_ids_cut_in_two_by_the_reading_of_standard_input(tokenizer, monkeypatch, capsysbinary):
    ids = tokenizer.encode("The cat sat on the mat")
    monkeypatch.setattr("pybpe.cli.decode.READ_CHARS", 2)
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
    n_corpus, n_b = tokenizer.count(corpus.read_text(encoding="utf-8")), tokenizer.count("zwölf")
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


@pytest.mark.parametrize(
    "arguments", [["[72,101]"], ["72,101"], ["[72,", "101]"], ["72 101"], ["[", "72", ",101", "]"]]
)
def test_ids_as_arguments_may_look_as_on_standard_input(tokenizer, capsysbinary, arguments):
    assert main(["decode", "corpus.pybpe", *arguments]) == 0
    assert capsysbinary.readouterr().out == b"He"


def test_only_a_single_word_may_have_been_a_folder(tokenizer, fails):
    assert "check the name of the folder" in fails(1, "decode", "corpus.pybpe", "my shards, old")
    assert "folder" not in fails(1, "decode", "corpus.pybpe", "1", "2", "x")
    assert "folder" not in fails(1, "decode", "corpus.pybpe", "1.5")


def test_an_empty_argument_is_not_the_current_folder(tokenizer, fails):
    assert "an argument is empty" in fails(2, "decode", "corpus.pybpe", "")


def test_without_special_tokens_shards_are_the_corpus(corpus, tokenizer, monkeypatch, capsysbinary):
    corpus.write_bytes(b"a<|endoftext|>b\n" + corpus.read_bytes())  # in a text it is ordinary text, and stays
    assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    assert b"pybpe decode corpus.pybpe corpus-shards --set train --no-special | head" in capsysbinary.readouterr().out
    assert main(["decode", "corpus.pybpe", "corpus-shards", "--no-special"]) == 0
    assert capsysbinary.readouterr().out == corpus.read_bytes()
    assert main(["decode", "corpus.pybpe", "72", str(tokenizer.eot_token), "101", "--no-special"]) == 0
    assert capsysbinary.readouterr().out == b"He"
    feed(monkeypatch, f"72 {tokenizer.eot_token} 101".encode())
    assert main(["decode", "corpus.pybpe", "--no-special"]) == 0
    assert capsysbinary.readouterr().out == b"He"
    assert main(["decode", "corpus.pybpe", "--help"]) == 0
    assert b"special token <|endoftext|>" in capsysbinary.readouterr().out


def test_ids_outside_the_vocabulary_without_special_tokens(tokenizer, fails):
    assert "4294967296" in fails(1, "decode", "corpus.pybpe", "4294967296", "--no-special")


def test_count_from_a_pipe(corpus, tokenizer, pipe, capsys):
    assert main(["count", "corpus.pybpe", str(pipe(corpus.read_bytes()))]) == 0
    n_tokens, n_bytes = capsys.readouterr().out.splitlines()[1].split("\t")[:2]
    assert (int(n_tokens), int(n_bytes)) == (tokenizer.count(corpus.read_bytes()), corpus.stat().st_size)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_with_control_characters_are_escaped(corpus, tokenizer, capsys):
    name = "a\x1b[31m\nb.txt"
    corpus.rename(name)
    assert main(["count", "corpus.pybpe", name]) == 0
    assert main(["train", name, "--vocab-size", "280"]) == 0
    assert main(["encode", "corpus.pybpe", name]) == 0
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
    assert "\ta\\x1b[31m\\nb.txt\n" in captured.out
