import errno
import gzip
import io
import json
import os
import sys
from pathlib import Path

import pytest

from pybpe import Tokenizer
from pybpe.cli.main import main


def test_the_file_is_what_the_library_trains(corpus, capsys):
    assert main(["train", "corpus.txt", "--vocab-size", "300", "--special", "<s>", "--special", "</s>"]) == 0
    expected = Tokenizer.train(corpus, vocab_size=300, special_tokens=["<s>", "</s>"], progress=False)
    assert Tokenizer.load("corpus.pybpe") == expected
    shown = capsys.readouterr().out
    assert "302 tokens: 256 bytes, 44 merges, 2 special" in shown
    assert "pybpe encode corpus.pybpe corpus.txt" in shown
    assert f"{corpus.stat().st_size / expected.count(corpus.read_bytes()):.2f} on all of it" in shown


def test_output_name_pattern_and_no_special(corpus):
    arguments = ["-o", "other.bpe", "--pattern", "gpt2", "--no-special", "--vocab-size=260"]
    assert main(["train", "corpus.txt", *arguments]) == 0
    tokenizer = Tokenizer.load("other.bpe")
    assert tokenizer.info["pattern_name"] == "gpt2"
    assert tokenizer.special_tokens == {}


def test_several_files_by_glob_become_tokenizer_pybpe(corpus):
    Path("a.txt").write_text("aa bb " * 50, encoding="utf-8")
    assert main(["train", "*.txt", "--vocab-size", "300"]) == 0
    expected = Tokenizer.train([Path("a.txt"), corpus], vocab_size=300, progress=False)
    assert Tokenizer.load("tokenizer.pybpe") == expected


def test_standard_input_gives_what_the_file_gives(corpus, tokenizer, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(corpus.read_bytes()), encoding="utf-8"))
    assert main(["train", "-", "-o", "stdin.pybpe", "--vocab-size", "300"]) == 0
    assert Tokenizer.load("stdin.pybpe") == tokenizer
    assert "next:  pybpe encode stdin.pybpe --text 'Hello world'" in capsys.readouterr().out


def test_an_existing_output_is_refused_before_the_work_and_replaced_by_force(corpus, fails, monkeypatch):
    Path("corpus.pybpe").write_text("precious", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(Tokenizer, "train", lambda *_, **__: pytest.fail("worked before it looked"))
        assert "--force" in fails(1, "train", "corpus.txt")
    assert Path("corpus.pybpe").read_text(encoding="utf-8") == "precious"
    assert main(["train", "corpus.txt", "--force", "--vocab-size", "260"]) == 0
    assert Tokenizer.load("corpus.pybpe").n_vocab == 261


def test_the_corpus_is_never_overwritten(corpus, fails):
    content = corpus.read_bytes()
    assert "is the corpus itself" in fails(1, "train", "corpus.txt", "-o", "corpus.txt", "--force")
    assert corpus.read_bytes() == content


def test_a_missing_file_suggests_the_nearest(corpus, fails):
    assert "did you mean 'corpus.txt'?" in fails(1, "train", "corpsu.txt")
    assert "no folder nowhere either" in fails(1, "train", "nowhere/corpus.txt")


def test_a_folder_as_corpus_is_its_text_files(corpus, fails, capsys):
    Path("texts").mkdir()
    assert "texts is a folder without text files" in fails(1, "train", "texts")
    for name in ("b.txt", "a.txt"):
        Path("texts", name).write_bytes(corpus.read_bytes())
    assert main(["train", "texts", "--vocab-size", "300", "-o", "folder.pybpe"]) == 0
    assert "its 2 text files are taken, a.txt to b.txt" in capsys.readouterr().err
    assert main(["train", "texts/a.txt", "texts/b.txt", "--vocab-size", "300", "-o", "files.pybpe"]) == 0
    assert Path("folder.pybpe").read_bytes() == Path("files.pybpe").read_bytes()


def test_an_empty_corpus(workplace, fails):
    Path("empty.txt").touch()
    assert "the corpus is empty" in fails(1, "train", "empty.txt")
    assert not Path("empty.pybpe").exists()


def test_binary_and_small_corpora_are_trained_with_one_note_each(workplace, capsys):
    Path("data.bin").write_bytes(bytes(range(256)) * 20)
    assert main(["train", "data.bin"]) == 0
    lines = capsys.readouterr().err.splitlines()
    binary = "note: data.bin is binary data; its bytes are taken as they are"
    assert [line for line in lines if "binary" in line] == [binary]
    assert sum("too small for vocab_size 32,768" in line for line in lines) == 1
    assert all(line.startswith("note: ") for line in lines)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--vocab-size", "255", "at least 256"),
        ("--vocab-size", "many", "not a whole number"),
        ("--vocab-size", "4194305", "at most 4,194,304"),
        ("--threads", "1025", "at most 1,024"),
        ("--min-frequency", "99999999999999999999", "at most 4,611,686,018,427,387,904"),
        ("--threads", "0", "at least 1"),
        ("--min-frequency", "0", "at least 1"),
    ],
)
def test_numbers_out_of_range_are_wrong_usage(corpus, fails, option, value, says):
    assert says in fails(2, "train", "corpus.txt", option, value)


def test_bad_patterns(corpus, fails):
    assert "The names are gpt2" in fails(1, "train", "corpus.txt", "--pattern", "gpt5")
    assert "not a valid regular expression" in fails(1, "train", "corpus.txt", "--pattern", "(")


def test_arguments_are_checked_before_the_output(corpus, fails):
    Path("corpus.pybpe").write_text("precious", encoding="utf-8")
    assert "not a valid regular expression" in fails(1, "train", "corpus.txt", "--pattern", "(")
    assert "at least 256" in fails(2, "train", "corpus.txt", "--vocab-size", "255")


def test_contradicting_options_are_wrong_usage(corpus, fails):
    assert "--no-special" in fails(2, "train", "corpus.txt", "--special", "<s>", "--no-special")
    assert "stands alone" in fails(2, "train", "corpus.txt", "-")


def test_output_places_that_cannot_be(corpus, fails):
    Path("folder").mkdir()
    assert "is a folder" in fails(1, "train", "corpus.txt", "-o", "folder")
    assert "mkdir -p missing" in fails(1, "train", "corpus.txt", "-o", "missing/x.pybpe")
    assert "is a file, not a folder" in fails(1, "train", "corpus.txt", "-o", "corpus.txt/x.pybpe")


def test_a_folder_without_permission(corpus, fails, obeys_permissions):
    Path("locked").mkdir(mode=0o500)
    assert "permission denied" in fails(1, "train", "corpus.txt", "-o", "locked/x.pybpe")


def test_a_refused_folder(corpus, fails, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "locked/tmpx1y2")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    Path("locked").mkdir()
    assert "pybpe: locked: permission denied" in fails(1, "train", "corpus.txt", "-o", "locked/x.pybpe")
    assert f"pybpe: {Path.cwd()}: permission denied" in fails(1, "train", "corpus.txt")


def test_a_full_disk_leaves_what_was_there(corpus, fails, monkeypatch):
    Path("corpus.pybpe").write_text("precious", encoding="utf-8")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "the disk is full" in fails(1, "train", "corpus.txt", "--vocab-size", "300", "--force")
    assert Path("corpus.pybpe").read_text(encoding="utf-8") == "precious"


def test_ctrl_c_while_merging_writes_nothing(corpus, fails, monkeypatch):
    def interrupt(stage: str, done: float, total: float | None) -> None:
        if stage == "merging":
            raise KeyboardInterrupt

    monkeypatch.setattr("pybpe.cli.console._plain_progress", lambda unit: interrupt)
    assert fails(130, "train", "corpus.txt", "--vocab-size", "300").endswith("interrupted; nothing was written")
    assert not Path("corpus.pybpe").exists()


def test_too_little_memory_is_one_line(corpus, fails, monkeypatch):
    def exhaust(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Tokenizer, "train", exhaust)
    assert "not enough memory" in fails(1, "train", "corpus.txt")


def test_a_pipe_gives_what_the_file_gives(corpus, tokenizer, pipe, capsys):
    assert main(["train", str(pipe(corpus.read_bytes())), "--vocab-size", "300"]) == 0
    assert Tokenizer.load("tokenizer.pybpe") == tokenizer
    shown = capsys.readouterr().out
    assert f"{corpus.stat().st_size / tokenizer.count(corpus.read_bytes()):.2f} on all of it" in shown
    assert "next:  pybpe encode tokenizer.pybpe --text 'Hello world'" in shown


def test_the_next_command_can_be_typed(corpus, capsys):
    corpus.rename("-x.txt")
    assert main(["train", "--vocab-size", "280", "--", "-x.txt"]) == 0
    command = capsys.readouterr().out.rsplit("next:  pybpe ", 1)[1].split()
    assert command == ["encode", "./-x.pybpe", "./-x.txt"]
    assert main(command) == 0
    command = capsys.readouterr().out.rsplit("next:  pybpe ", 1)[1].split(" |")[0].split()
    assert main(command) == 0
    assert capsys.readouterr().out == Path("-x.txt").read_text(encoding="utf-8")


def test_json_lines_in_an_archive_give_what_their_texts_give(corpus, capsys):
    lines = corpus.read_text(encoding="utf-8").splitlines(keepends=True)
    content = "".join(json.dumps({"id": 1, "body": line}) + "\n" for line in lines).encode()
    Path("lines.jsonl.gz").write_bytes(gzip.compress(content))
    assert main(["train", "lines.jsonl.gz", "--text-field", "body", "--vocab-size", "300"]) == 0
    assert Tokenizer.load("lines.pybpe") == Tokenizer.train(iter(lines), 300, progress=False)
    shown = capsys.readouterr().out
    assert f"{corpus.stat().st_size / 1000:.0f} KB" in next(row for row in shown.splitlines() if "corpus  " in row)
    assert "on all of it" in shown
    command = shown.rsplit("next:  pybpe ", 1)[1].split()
    assert command == ["encode", "lines.pybpe", "lines.jsonl.gz", "--text-field", "body"]
    assert main(command) == 0


def test_what_is_wrong_with_files_is_one_line(corpus, fails):
    Path("a.jsonl").write_text('{"text": "one"}\n{"body": "two"}\n', encoding="utf-8")
    assert "a.jsonl, line 2: no field 'text'; there are 'body'" in fails(1, "train", "a.jsonl")
    Path("a.txt.gz").write_bytes(gzip.compress(corpus.read_bytes())[:-1])
    assert "a.txt.gz is truncated" in fails(1, "train", "a.txt.gz")
    assert "--text-field goes with .jsonl" in fails(2, "train", "corpus.txt", "--text-field", "body")


def test_a_missing_package_says_what_to_install(corpus, fails, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    Path("a.parquet").touch()
    assert "pip install 'pybpe[data]'" in fails(1, "train", "a.parquet")


@pytest.mark.parametrize("convention", ["pybpe", "huggingface"])
def test_note_and_summary_count_the_same_tokens(workplace, capsys, convention):
    Path("a.txt").write_text("ab ab", encoding="utf-8")
    assert main(["train", "a.txt", "--convention", convention]) == 0
    shown, errors = capsys.readouterr()
    n_vocab = Tokenizer.load("a.pybpe").n_vocab
    assert f"the vocabulary has {n_vocab} tokens" in errors
    assert f"vocabulary       {n_vocab} tokens: 256 bytes, 2 merges, 1 special" in shown


def test_the_parts_of_a_vocabulary_add_up(corpus, capsys):
    assert main(["train", "corpus.txt", "--convention", "sentencepiece", "--vocab-size", "310"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("vocabulary"))
    whole, *parts = (int(word) for word in line.replace(",", "").split() if word.isdigit())
    assert whole == sum(parts) == 310


@pytest.mark.parametrize("name", ["whole", "none"])
def test_a_pattern_that_keeps_texts_whole(workplace, name):
    Path("a.txt").write_text("ab ab", encoding="utf-8")
    assert main(["train", "a.txt", "--pattern", name]) == 0
    assert Tokenizer.load("a.pybpe").info["pattern_name"] == "whole"
