import errno
import os
import signal
from pathlib import Path

import pytest

from pybpe import Tokenizer
from pybpe.cli.demo_screen import Screen
from pybpe.cli.main import main
from pybpe.data.shards import TokenShards
from pybpe.gpt.micro import MicroGPT
from pybpe.gpt.runs.folder import read_metrics, read_run

SMALL = ("--vocab-size", "280", "--steps", "3")
MADE = ["metrics.jsonl", "model.safetensors", "report.html", "run.json", "shards", "tokenizer.pybpe"]


def test_the_folder_holds_all_and_its_parts_belong_together(corpus, capsys):
    assert main(["demo", "corpus.txt", *SMALL]) == 0
    folder = Path("pybpe-demo")
    assert sorted(path.name for path in folder.iterdir()) == MADE
    tokenizer = Tokenizer.load(folder / "tokenizer.pybpe")
    shards = TokenShards(folder / "shards", tokenizer)
    end = b"<|endoftext|>"
    texts = [tokenizer.decode_bytes(shards.ids(name)).removesuffix(end) for name in ("train", "val")]
    assert sorted(b"".join(texts).splitlines()) == sorted(corpus.read_bytes().splitlines())
    assert 0.05 < len(texts[1]) / len(b"".join(texts)) < 0.15
    model = MicroGPT.load(folder / "model.safetensors")
    assert model.config.n_vocab == tokenizer.n_vocab == 281
    assert model.metadata["tokenizer"] == tokenizer.fingerprint
    assert model.step == 3
    captured = capsys.readouterr()
    assert f"{model.n_params:,} parameters, 3 steps" in captured.out
    assert "pybpe-demo/report.html" in captured.out
    assert "sampling from the trained model" in captured.err


def test_the_same_seed_gives_the_same_model(corpus):
    for folder, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert main(["demo", "corpus.txt", *SMALL, "-o", folder, "--seed", seed]) == 0
    weights = [MicroGPT.load(Path(folder, "model.safetensors")).parameters["wte"].tobytes() for folder in "abc"]
    assert weights[0] == weights[1] != weights[2]


def test_its_folder_is_that_of_a_run(corpus, capsys):
    """The run in it can be continued, measured and sampled from, also where the folder was moved."""
    assert main(["demo", "corpus.txt", *SMALL]) == 0
    run = read_run(Path("pybpe-demo"))
    assert run.data == [str(Path("pybpe-demo/shards").resolve())]
    assert run.relative == ["shards"]
    Path("pybpe-demo").rename("moved")
    assert main(["gpt", "train", "--resume", "moved", "--steps", "5"]) == 0
    assert MicroGPT.load("moved/model.safetensors").step == 5
    assert len(read_metrics(Path("moved"), 5).losses) == 5
    assert main(["gpt", "eval", "moved"]) == 0
    assert main(["gpt", "sample", "moved", "--tokens", "3"]) == 0
    assert capsys.readouterr().out


def test_steps_are_planned_for_a_time_limit(corpus, monkeypatch):
    """The rate falls to 0 within the limit, however fast the machine is."""
    monkeypatch.setattr("pybpe.gpt.demo.demo.SAMPLES", 1)
    assert main(["demo", "corpus.txt", "--vocab-size", "280", "--seconds", "1"]) == 0
    run = read_run(Path("pybpe-demo"))
    assert 1 <= MicroGPT.load("pybpe-demo/model.safetensors").step <= run.settings.steps < 100_000


def test_by_default_it_goes_eight_times_through_the_text(corpus, monkeypatch):
    monkeypatch.setattr("pybpe.gpt.demo.demo.SAMPLES", 1)
    assert main(["demo", "corpus.txt", "--vocab-size", "280"]) == 0
    n_ids = TokenShards("pybpe-demo/shards").n_ids("train")
    assert MicroGPT.load("pybpe-demo/model.safetensors").step == 8 * n_ids // (8 * 64)


def test_without_a_corpus_it_takes_the_topics_of_python(workplace, capsys, monkeypatch):
    from pydoc_data import topics

    monkeypatch.setattr(topics, "topics", {"a": "Spam and eggs.\n" * 300, "b": "Eggs and spam.\n" * 300})
    assert main(["demo", *SMALL]) == 0
    assert "Python's help topics: 9,002 bytes" in capsys.readouterr().err


def test_an_earlier_demo_stays_unless_forced(corpus, fails):
    folder = Path("pybpe-demo")
    folder.mkdir()
    (folder / "report.html").write_text("old", encoding="utf-8")
    (folder / "mine.txt").write_text("mine", encoding="utf-8")
    assert "--force" in fails(1, "demo", "corpus.txt", *SMALL)
    assert (folder / "report.html").read_text(encoding="utf-8") == "old"
    for _ in range(2):
        assert main(["demo", "corpus.txt", *SMALL, "--force"]) == 0
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(path.name for path in folder.iterdir()) == sorted([*MADE, "mine.txt"])
    assert (folder / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_two_at_once_into_one_folder(corpus, fails, monkeypatch, capsys):
    """While one demo works, another into the same folder is refused at once, and one into another folder is not."""
    begins = Screen.begins
    tried = []

    def begin(self: Screen, stage: str) -> None:
        begins(self, stage)
        if stage == "tokenizer" and not tried:
            tried.append(stage)
            assert main(["demo", "corpus.txt", *SMALL, "--force"]) == 1
            assert main(["demo", "corpus.txt", *SMALL, "-o", "./pybpe-demo"]) == 1
            assert main(["demo", "corpus.txt", *SMALL, "-o", "other"]) == 0

    monkeypatch.setattr(Screen, "begins", begin)
    assert main(["demo", "corpus.txt", *SMALL]) == 0
    assert capsys.readouterr().err.count("pybpe: another pybpe demo is writing to pybpe-demo") == 2
    assert sorted(path.name for path in Path().iterdir()) == ["corpus.txt", "other", "pybpe-demo"]


def test_only_the_beginning_of_a_large_corpus_is_read(corpus, monkeypatch, capsys):
    monkeypatch.setattr("pybpe.gpt.demo.corpus.MOST_BYTES", 12_000)
    assert main(["demo", "corpus.txt", *SMALL]) == 0
    captured = capsys.readouterr()
    assert "(its first 12,000; the demo takes no more)" in captured.err
    n_bytes = len(Tokenizer.load("pybpe-demo/tokenizer.pybpe").decode_bytes(TokenShards("pybpe-demo/shards").ids()))
    assert 10_000 < n_bytes < 12_000


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "corpus.txt is empty"),
        (b"short\n", "has only 6 bytes"),
        (b"\x7fELF\x00\x01" * 2000, "is binary data, not text"),
        (b"a" * 20_000, "a window of 64 needs at least 65: give more text"),
    ],
)
def test_text_that_is_no_use(workplace, fails, content, says):
    Path("corpus.txt").write_bytes(content)
    assert says in fails(1, "demo", "corpus.txt", told=True)
    assert [path.name for path in Path().iterdir()] == ["corpus.txt"]


def test_places_that_cannot_be(corpus, fails):
    assert "did you mean 'corpus.txt'?" in fails(1, "demo", "corpse.txt")
    assert "is a file, not a folder" in fails(1, "demo", "corpus.txt", "-o", "corpus.txt")
    assert "mkdir -p missing" in fails(1, "demo", "corpus.txt", "-o", "missing/demo")
    assert "must be above 0" in fails(2, "demo", "corpus.txt", "--seconds", "0")
    assert "at least 256" in fails(2, "demo", "corpus.txt", "--vocab-size", "100")


def test_a_full_disk_leaves_nothing(corpus, fails, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "pybpe-demo: the disk is full" in fails(1, "demo", "corpus.txt", *SMALL, told=True)
    assert [path.name for path in Path().iterdir()] == ["corpus.txt"]


@pytest.mark.parametrize("stage", ["tokenizer", "encode", "sample before", "sample after"])
def test_ctrl_c_leaves_nothing(corpus, fails, monkeypatch, stage):
    def interrupt(self: Screen, begun: str) -> None:
        if begun == stage:
            raise KeyboardInterrupt

    monkeypatch.setattr(Screen, "begins", interrupt)
    assert "nothing was written" in fails(130, "demo", "corpus.txt", *SMALL, told=True)
    assert [path.name for path in Path().iterdir()] == ["corpus.txt"]


def test_ctrl_c_while_the_model_learns_keeps_what_it_learned(corpus, monkeypatch, capsys):
    def interrupt(self: Screen, step: object, results: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Screen, "step", interrupt)
    assert main(["demo", "corpus.txt", "--vocab-size", "280", "--steps", "50"]) == 0
    assert MicroGPT.load("pybpe-demo/model.safetensors").step == 1
    assert "interrupted; what was learned in 1 steps is kept" in capsys.readouterr().err
    assert "interrupted after 1 steps" in Path("pybpe-demo/report.html").read_text(encoding="utf-8")


def test_a_pipe_will_do_as_corpus(corpus, pipe, capsys):
    assert main(["demo", str(pipe(corpus.read_bytes())), *SMALL]) == 0
    assert f"pipe: {corpus.stat().st_size:,} bytes, " in capsys.readouterr().err
