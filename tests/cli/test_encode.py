import errno
import gzip
import io
import json
import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pybpe import Tokenizer
from pybpe.cli.main import main
from pybpe.data.shards import TokenShards, write_shards


def feed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))


def test_files_become_shards_with_an_end_behind_each(corpus, tokenizer, capsys):
    Path("b.txt").write_text("zwölf Boxkämpfer", encoding="utf-8")
    assert main(["encode", "corpus.pybpe", "corpus.txt", "b.txt", "-o", "ids"]) == 0
    end = [tokenizer.eot_token]
    expected = [
        *tokenizer.encode(corpus.read_text(encoding="utf-8")),
        *end,
        *tokenizer.encode("zwölf Boxkämpfer"),
        *end,
    ]
    shards = TokenShards("ids", tokenizer)
    assert shards.ids().tolist() == expected
    assert shards.n_documents() == 2
    shown = capsys.readouterr().out
    assert f"{len(expected):,} as uint16" in shown
    assert "pybpe decode corpus.pybpe ids --set train" in shown


def test_default_folder_is_named_after_the_corpus(corpus, tokenizer):
    assert main(["encode", "corpus.pybpe", "corpus.txt", "--set", "val"]) == 0
    assert TokenShards("corpus-shards").sets == ["val"]


def test_a_special_token_in_a_file_is_text(tokenizer):
    Path("a.txt").write_text("a<|endoftext|>b", encoding="utf-8")
    assert main(["encode", "corpus.pybpe", "a.txt"]) == 0
    assert TokenShards("a-shards").ids().tolist().count(tokenizer.eot_token) == 1


def test_text_and_standard_input_print_ids(tokenizer, monkeypatch, capsys):
    text = "The cat<|endoftext|>\n"
    assert main(["encode", "corpus.pybpe", "--text", text]) == 0
    assert [int(word) for word in capsys.readouterr().out.split()] == tokenizer.encode_ordinary(text)
    feed(monkeypatch, text.encode())
    assert main(["encode", "corpus.pybpe", "-", "--allow-special"]) == 0
    ids = [int(word) for word in capsys.readouterr().out.split()]
    assert ids == tokenizer.encode(text, allowed_special="all")
    assert tokenizer.eot_token in ids


def test_show_prints_the_tokens(tokenizer, capsys):
    assert main(["encode", "corpus.pybpe", "--text", "The cat\nsat", "--show"]) == 0
    assert capsys.readouterr().out == "The·cat↵\nsat\n"


def test_encoding_again_adds_nothing(corpus, tokenizer, capsys):
    for _ in range(2):
        assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    assert TokenShards("corpus-shards").n_documents() == 1
    assert "complete already" in capsys.readouterr().err


def test_a_stopped_run_goes_on_and_ends_alike(corpus, tokenizer, monkeypatch, fails):
    monkeypatch.setattr("pybpe.data.readers.blocks.BLOCK_BYTES", 3000)
    monkeypatch.setitem(write_shards.__kwdefaults__, "ids_a_shard", 900)
    assert main(["encode", "corpus.pybpe", "corpus.txt", "-o", "whole"]) == 0
    steps = 0

    def interrupt(stage: str, done: float, total: float | None) -> None:
        nonlocal steps
        steps += 1
        if steps == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pybpe.cli.console._plain_report", lambda unit: interrupt)
        line = fails(130, "encode", "corpus.pybpe", "corpus.txt", "-o", "parts")
    assert "finished shards in parts are kept" in line
    assert 0 < len(list(Path("parts").glob("*.bin"))) < len(list(Path("whole").glob("*.bin")))
    assert main(["encode", "corpus.pybpe", "corpus.txt", "-o", "parts"]) == 0
    for file in Path("whole").iterdir():
        assert (Path("parts") / file.name).read_bytes() == file.read_bytes()


def test_what_a_killed_run_left_is_removed(corpus, tokenizer):
    folder = Path("corpus-shards")
    folder.mkdir()
    left, others = folder / ".train_000.bin.ab12.part", folder / ".val_000.bin.ab12.part"
    for path in (left, others):
        path.write_bytes(b"half")
    assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    assert not left.exists()
    assert others.exists()


def test_ctrl_c_before_the_first_shard_leaves_no_folder(corpus, tokenizer, monkeypatch, fails):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pybpe.cli.console._plain_report", lambda unit: interrupt)
    assert fails(130, "encode", "corpus.pybpe", "corpus.txt").endswith("nothing was written")
    assert not Path("corpus-shards").exists()


def test_a_full_disk_leaves_no_folder(corpus, tokenizer, monkeypatch, fails):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "the disk is full" in fails(1, "encode", "corpus.pybpe", "corpus.txt")
    assert not Path("corpus-shards").exists()


def test_shards_of_another_tokenizer_are_refused(corpus, tokenizer, fails):
    assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    Tokenizer.train(corpus, vocab_size=270, progress=False).save("other.pybpe")
    assert "another tokenizer" in fails(1, "encode", "other.pybpe", "corpus.txt")
    assert "another tokenizer" in fails(1, "decode", "other.pybpe", "corpus-shards")


def test_bad_inputs_to_encode(corpus, tokenizer, fails):
    Path("empty.txt").touch()
    Path("file").touch()
    assert "every file is empty" in fails(1, "encode", "corpus.pybpe", "empty.txt")
    assert not Path("empty-shards").exists()
    assert "no such file: 'missing.txt'" in fails(1, "encode", "corpus.pybpe", "missing.txt")
    assert "is a file, not a folder" in fails(1, "encode", "corpus.pybpe", "corpus.txt", "-o", "file")
    assert "mkdir -p a/b" in fails(1, "encode", "corpus.pybpe", "corpus.txt", "-o", "a/b/c")
    assert "is not a tokenizer" in fails(1, "encode", "corpus.txt", "corpus.pybpe")
    assert "the name of a set" in fails(1, "encode", "corpus.pybpe", "corpus.txt", "--set", "a/b")
    assert "nothing to encode" in fails(2, "encode", "corpus.pybpe")
    assert "not both" in fails(2, "encode", "corpus.pybpe", "corpus.txt", "--text", "x")
    assert "stands alone" in fails(2, "encode", "corpus.pybpe", "corpus.txt", "-")
    assert "leave them out" in fails(2, "encode", "corpus.pybpe", "corpus.txt", "--show")


def test_a_pipe_becomes_the_shards_that_the_file_becomes(corpus, tokenizer, pipe, capsys):
    assert main(["encode", "corpus.pybpe", "corpus.txt", "-o", "ids"]) == 0
    expected = capsys.readouterr().out
    assert main(["encode", "corpus.pybpe", str(pipe(corpus.read_bytes())), "-o", "from-pipe"]) == 0
    shown = capsys.readouterr().out
    assert TokenShards("from-pipe").ids().tolist() == TokenShards("ids").ids().tolist()
    for line in ("encoded ", "bytes per token"):
        assert next(row for row in shown.splitlines() if line in row).split() == (
            next(row for row in expected.splitlines() if line in row).split()
        )


def test_an_empty_pipe_is_nothing_to_encode(tokenizer, pipe, fails):
    assert "nothing to encode" in fails(1, "encode", "corpus.pybpe", str(pipe(b"")), "-o", "ids")
    assert not Path("ids").exists()


def test_a_file_that_was_changed_is_not_taken_for_what_was_encoded(corpus, tokenizer, fails):
    assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    content = corpus.read_bytes()
    corpus.write_bytes(content.swapcase())
    assert "the text has changed" in fails(1, "encode", "corpus.pybpe", "corpus.txt")


def test_documents_of_json_lines_and_parquet_end_one_by_one(corpus, tokenizer, capsys):
    texts = ["The cat sat.", "", "on a mat"]
    Path("a.jsonl").write_text("".join(json.dumps({"body": text}) + "\n" for text in texts), encoding="utf-8")
    pq.write_table(pa.table({"body": texts}), "b.parquet")
    assert main(["encode", "corpus.pybpe", "a.jsonl", "b.parquet", "--text-field", "body", "-o", "ids"]) == 0
    end = [tokenizer.eot_token]
    once = [*tokenizer.encode(texts[0]), *end, *tokenizer.encode(texts[2]), *end]
    assert TokenShards("ids").ids().tolist() == once * 2
    assert TokenShards("ids").n_documents() == 4
    assert main(["encode", "corpus.pybpe", "a.jsonl", "b.parquet", "--text-field", "body", "-o", "ids"]) == 0
    assert "going on behind them, if there is more" in capsys.readouterr().err
    assert main(["count", "corpus.pybpe", "b.parquet", "--text-field", "body"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t")[1:] == ["20", f"{20 / (len(once) - 2):.2f}", "b.parquet"]


def test_the_folder_is_named_after_what_an_archive_holds(corpus, tokenizer):
    Path("corpus.txt.gz").write_bytes(gzip.compress(corpus.read_bytes()))
    assert main(["encode", "corpus.pybpe", "corpus.txt.gz"]) == 0
    assert TokenShards("corpus-shards").ids().tolist() == [
        *tokenizer.encode(corpus.read_text(encoding="utf-8")),
        tokenizer.eot_token,
    ]


def test_a_file_that_turns_out_damaged_leaves_no_shard(corpus, tokenizer, fails):
    Path("a.txt.gz").write_bytes(gzip.compress(corpus.read_bytes())[:-1])
    assert "a.txt.gz is truncated" in fails(1, "encode", "corpus.pybpe", "corpus.txt", "a.txt.gz", "-o", "ids")
    assert not Path("ids").exists()


def test_a_text_field_where_there_is_none(corpus, tokenizer, fails):
    for command in ("encode", "count"):
        assert "leave it out" in fails(2, command, "corpus.pybpe", "corpus.txt", "--text-field", "body")
    assert "leave it out" in fails(2, "encode", "corpus.pybpe", "--text", "x", "--text-field", "body")
