import errno
import gzip
import io
import json
import os
import subprocess
import sys
import time
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


def test_show_without_colour_prints_a_bar_between_tokens(tokenizer, monkeypatch, capsys):
    text = "The cat\nsat"
    tokens = [tokenizer.decode([token]) for token in tokenizer.encode(text)]
    assert len(tokens) > 3
    expected = "|".join(token.replace(" ", "·").replace("\n", "↵\n") for token in tokens) + "\n"
    assert main(["encode", "corpus.pybpe", "--text", text, "--show"]) == 0
    assert capsys.readouterr().out == expected
    monkeypatch.setattr("pybpe.data.readers.blocks.BLOCK_BYTES", 4)  # in two pieces
    feed(monkeypatch, text.encode())
    assert main(["encode", "corpus.pybpe", "-", "--show"]) == 0
    assert capsys.readouterr().out == expected


def test_show_in_colour_needs_no_bars(tokenizer, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert main(["encode", "corpus.pybpe", "--text", "The cat", "--show"]) == 0
    shown = capsys.readouterr().out
    assert "|" not in shown
    assert shown.count("\x1b[0m") == len(tokenizer.encode("The cat"))
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(["encode", "corpus.pybpe", "--text", "The cat", "--show"]) == 0
    assert capsys.readouterr().out.count("|") == len(tokenizer.encode("The cat")) - 1


def test_show_with_ids_is_a_line_a_token(tokenizer, capsys):
    assert main(["encode", "corpus.pybpe", "--text", "The | cat\n", "--show", "--ids"]) == 0
    lines = capsys.readouterr().out.splitlines()
    ids = tokenizer.encode("The | cat\n")
    assert [int(line.split()[0]) for line in lines] == ids
    assert "".join(line[5:] for line in lines) == "The·|·cat↵"


def test_encoding_again_adds_nothing_and_claims_no_speed(corpus, tokenizer, capsys):
    for _ in range(2):
        assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    assert TokenShards("corpus-shards").n_documents() == 1
    shown, errors = capsys.readouterr()
    first, again = shown.split("\nencoded ")[1].split(", encoded before")
    assert "complete already" in errors
    assert "/s" in first
    assert "/s" not in again
    assert "none, for it was encoded before" in again


def test_json_of_ids_and_of_shards(corpus, tokenizer, monkeypatch, capsys):
    text = "The cat<|endoftext|>\n"
    assert main(["encode", "corpus.pybpe", "--text", text, "--json"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    ids = tokenizer.encode_ordinary(text)
    assert json.loads(shown) == {"ids": ids, "tokens": len(ids)}
    feed(monkeypatch, text.encode())
    assert main(["encode", "corpus.pybpe", "-", "--json", "--allow-special"]) == 0
    assert json.loads(capsys.readouterr().out)["ids"] == tokenizer.encode(text, allowed_special="all")
    n_bytes = corpus.stat().st_size
    for encoded in (n_bytes, 0):
        assert main(["encode", "corpus.pybpe", "corpus.txt", "--json"]) == 0
        shown = capsys.readouterr().out
        assert shown.count("\n") == 1
        facts = json.loads(shown)
        assert facts.pop("seconds") >= 0
        assert facts == {
            "folder": "corpus-shards",
            "set": "train",
            "tokens": tokenizer.count(corpus.read_bytes()) + 1,
            "dtype": "uint16",
            "documents": 1,
            "shards": 1,
            "bytes": n_bytes,
            "bytes_encoded": encoded,
            "fingerprint": tokenizer.fingerprint,
        }


def test_two_at_once_into_one_folder(corpus, tokenizer, fails, capsys):
    """The second is refused while the first writes; another set may be written meanwhile."""
    writing = write_shards(tokenizer, [("a cat", True), ("sat", True)], "ids", name="train")
    next(writing)
    command = ["encode", "corpus.pybpe", "corpus.txt", "-o", "ids"]
    capsys.readouterr()
    for more in ([], ["--force"]):
        assert main([*command, *more]) == 1
        assert "pybpe: another pybpe encode is writing to ids" in capsys.readouterr().err
    assert main([*command, "--set", "val"]) == 0
    for _ in writing:
        pass
    assert TokenShards("ids").sets == ["val", "train"]
    assert TokenShards("ids").ids("train").tolist() == [
        *tokenizer.encode("a cat"),
        tokenizer.eot_token,
        *tokenizer.encode("sat"),
        tokenizer.eot_token,
    ]
    assert sorted(path.name for path in Path("ids").iterdir()) == ["manifest.json", "train_000.bin", "val_000.bin"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes to wait for")
def test_two_processes_into_one_folder(corpus, tokenizer):
    os.mkfifo("pipe")
    command = [sys.executable, "-m", "pybpe", "encode", "corpus.pybpe"]
    with (
        subprocess.Popen([*command, "pipe", "-o", "ids"], stdout=subprocess.DEVNULL) as first,
        Path("pipe").open("wb") as pipe,
    ):
        pipe.write(b"a cat " * 400_000)
        pipe.flush()
        for _ in range(3000):
            if first.poll() is not None or list(Path().glob("ids/.*.part")):
                break
            time.sleep(0.01)
        second = subprocess.run([*command, "corpus.txt", "-o", "ids"], capture_output=True, text=True, check=False)
        pipe.close()
        assert first.wait() == 0
    assert second.returncode == 1
    assert second.stderr.startswith("pybpe: another pybpe encode is writing to ids")
    assert TokenShards("ids", tokenizer).n_ids() == tokenizer.count("a cat " * 400_000) + 1


def test_force_replaces_the_set(corpus, tokenizer, monkeypatch, capsys):
    monkeypatch.setitem(write_shards.__kwdefaults__, "ids_a_shard", 900)
    for name in ("train", "val"):
        assert main(["encode", "corpus.pybpe", "corpus.txt", "-o", "ids", "--set", name]) == 0
    assert len(TokenShards("ids").arrays("train")) > 1
    Path("b.txt").write_text("the cat", encoding="utf-8")
    assert main(["encode", "corpus.pybpe", "b.txt", "-o", "ids", "--force"]) == 0
    shards = TokenShards("ids", tokenizer)
    shards.verify()
    assert shards.sets == ["val", "train"]
    assert shards.ids("train").tolist() == [*tokenizer.encode("the cat"), tokenizer.eot_token]
    listed = {"manifest.json", "train_000.bin", *(path.name for path in Path("ids").glob("val_*"))}
    assert {path.name for path in Path("ids").iterdir()} == listed
    other = Tokenizer.train(corpus, vocab_size=270, progress=False)
    other.save("other.pybpe")
    assert main(["encode", "other.pybpe", "b.txt", "-o", "ids", "--force"]) == 0
    assert TokenShards("ids", other).sets == ["train"]
    assert {path.name for path in Path("ids").iterdir()} == {"manifest.json", "train_000.bin"}
    assert main(["encode", "other.pybpe", "b.txt", "-o", "new", "--force"]) == 0


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
        patch.setattr("pybpe.cli.console._plain_progress", lambda unit: interrupt)
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

    monkeypatch.setattr("pybpe.cli.console._plain_progress", lambda unit: interrupt)
    assert fails(130, "encode", "corpus.pybpe", "corpus.txt").endswith("nothing was written")
    assert not Path("corpus-shards").exists()


def test_a_full_disk_leaves_no_folder(corpus, tokenizer, monkeypatch, fails):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "corpus-shards/train_000.bin: the disk is full" in fails(1, "encode", "corpus.pybpe", "corpus.txt")
    assert not Path("corpus-shards").exists()


def test_shards_of_another_tokenizer_are_refused(corpus, tokenizer, fails):
    assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    Tokenizer.train(corpus, vocab_size=270, progress=False).save("other.pybpe")
    refused = fails(1, "encode", "other.pybpe", "corpus.txt")
    assert "made by another tokenizer" in refused
    assert refused.endswith("delete the folder, name another folder (-o), or add --force")
    assert fails(1, "decode", "other.pybpe", "corpus-shards").endswith(
        "use that tokenizer, or encode the text with this one"
    )


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
    assert "--ids goes with --show" in fails(2, "encode", "corpus.pybpe", "--text", "x", "--ids")
    assert "leave out one of them" in fails(2, "encode", "corpus.pybpe", "--text", "x", "--show", "--json")
    assert "leave out --output and --force" in fails(2, "encode", "corpus.pybpe", "--text", "x", "--force")


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
    assert main(["encode", "corpus.pybpe", "corpus.txt", "--force"]) == 0
    decoded = tokenizer.decode_bytes(TokenShards("corpus-shards").ids()[:-1])
    assert decoded == corpus.read_bytes()


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


def test_options_may_stand_anywhere(corpus, tokenizer, capsys):
    orders = (["-o", "ids", "corpus.txt"], ["corpus.txt", "-o", "ids"])
    for order in orders:
        assert main(["encode", "corpus.pybpe", *order, "--force"]) == 0
        assert TokenShards("ids").ids().tolist() == [*tokenizer.encode(corpus.read_bytes()), tokenizer.eot_token]
    tokenizer.to_tiktoken("ranks.tiktoken")
    capsys.readouterr()
    ids = tokenizer.encode("The cat")
    for order in (["--pattern", "gpt4", *map(str, ids)], [str(ids[0]), "--pattern", "gpt4", *map(str, ids[1:])]):
        assert main(["decode", "ranks.tiktoken", *order]) == 0
        assert capsys.readouterr().out == "The cat"
