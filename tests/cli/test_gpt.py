import re
import signal
from pathlib import Path

import pytest

from pybpe.cli.gpt_screen import Screen
from pybpe.cli.main import main
from pybpe.gpt.engines import load_model
from pybpe.gpt.runs.folder import read_run

SMALL = (
    *("--n-layer", "1", "--n-head", "2", "--n-embd", "16", "--block-size", "16"),
    *("--batch-size", "2", "--steps", "12", "--eval-every", "5"),
)


def test_train_then_sample(corpus, capsys):
    assert main(["gpt", "train", "corpus.txt", *SMALL]) == 0
    captured = capsys.readouterr()
    assert "12 steps" in captured.out
    assert "held-out loss" in captured.out
    assert "bits per byte" in captured.out
    assert "tokens/s" in captured.out
    assert "pybpe gpt sample corpus-gpt" in captured.out
    assert "step 5, 42%" in captured.err
    assert re.search(r"held out \d\.\d\d, \d\.\d\d bits/byte", captured.err)
    settings = read_run(Path("corpus-gpt")).settings
    assert (settings.n_embd, settings.steps, settings.engine) == (16, 12, "micro")
    texts = []
    for seed in ("1", "1", "2"):
        assert main(["gpt", "sample", "corpus-gpt", "--prompt", "The ", "--tokens", "30", "--seed", seed]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != texts[2]
    assert texts[0].startswith("The ")
    assert 4 < len(texts[0]) <= 35
    arguments = ("--number", "2", "--tokens", "5", "--temperature", "0", "--top-k", "3", "--top-p", "0.5")
    assert main(["gpt", "sample", "corpus-gpt", *arguments]) == 0
    assert capsys.readouterr().out.count("\n---\n") == 1


def test_a_tokenizer_and_shards(tokenizer, capsys):
    assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    for data, output in (("corpus-shards", "a"), ("corpus.txt", "b")):
        assert main(["gpt", "train", data, "-t", "corpus.pybpe", "-o", output, *SMALL]) == 0
        assert load_model(Path(output, "model.safetensors")).fingerprint == tokenizer.fingerprint
    assert f"{tokenizer.n_vocab:,} ids" in capsys.readouterr().out


def test_the_folder_of_a_demo_speaks(corpus, capsys):
    assert main(["demo", "corpus.txt", "--vocab-size", "280", "--steps", "2"]) == 0
    capsys.readouterr()
    assert main(["gpt", "sample", "pybpe-demo", "--tokens", "5", "--seed", "1"]) == 0
    assert capsys.readouterr().out


def test_ctrl_c_and_going_on(corpus, capsys, monkeypatch):
    assert main(["gpt", "train", "corpus.txt", "-o", "whole", *SMALL]) == 0
    step = Screen.step

    def press(self, made, results):
        step(self, made, results)
        if made.step == 7:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Screen, "step", press)
    capsys.readouterr()
    assert main(["gpt", "train", "corpus.txt", "-o", "half", *SMALL]) == 0
    captured = capsys.readouterr()
    assert "interrupted after 7 of 12 steps; what was learned is kept" in captured.err
    assert "pybpe gpt train --resume half" in captured.out
    monkeypatch.setattr(Screen, "step", step)
    assert main(["gpt", "train", "--resume", "half"]) == 0
    assert "continuing after step 7" in capsys.readouterr().err
    assert Path("half/metrics.jsonl").read_bytes() == Path("whole/metrics.jsonl").read_bytes()


def test_a_second_ctrl_c_says_what_is_left(corpus, fails, monkeypatch):
    def press(self, made, results):
        if made.step == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(Screen, "step", press)
    assert "nothing was written" in fails(130, "gpt", "train", "corpus.txt", *SMALL, told=True)
    assert not Path("corpus-gpt").exists()
    arguments = ("gpt", "train", "corpus.txt", *SMALL, "--save-every", "3")
    assert "pybpe gpt train --resume corpus-gpt" in fails(130, *arguments, told=True)
    assert load_model(Path("corpus-gpt/model.safetensors")).step == 6


def test_an_earlier_run_stays_unless_forced(corpus, fails):
    assert main(["gpt", "train", "corpus.txt", *SMALL]) == 0
    before = Path("corpus-gpt/model.safetensors").read_bytes()
    message = fails(1, "gpt", "train", "corpus.txt", *SMALL, "--seed", "1")
    assert "--resume corpus-gpt" in message
    assert "--force" in message
    assert Path("corpus-gpt/model.safetensors").read_bytes() == before
    assert main(["gpt", "train", "corpus.txt", *SMALL, "--seed", "1", "--force"]) == 0
    assert Path("corpus-gpt/model.safetensors").read_bytes() != before


def test_the_preset_of_microgpt(workplace, capsys):
    Path("names.txt").write_text("ada\ngrace\nalan\n\nken\n", encoding="utf-8")
    assert main(["gpt", "train", "names.txt", "--preset", "microgpt", "--steps", "60"]) == 0
    assert "training loss" in capsys.readouterr().out
    assert main(["gpt", "sample", "names-gpt", "--seed", "3"]) == 0


@pytest.mark.parametrize(
    ("status", "arguments", "message"),
    [
        (2, ["train"], "--resume FOLDER"),
        (2, ["train", "--resume", "x", "--lr", "3"], "leave out --lr"),
        (2, ["train", "--resume", "x", "--text-field", "body"], "leave out --text-field"),
        (2, ["train", "corpus.txt", "--text-field", "body"], "goes with .jsonl and .parquet files only"),
        (2, ["train", "corpus.txt", "--seconds", "0"], "must be above 0"),
        (2, ["train", "--resume", "x", "--seed", "0"], "leave out --seed"),
        (1, ["train", "--resume", "x", "corpus.txt"], "holds no run.json"),
        (1, ["train", "--resume", "x"], "holds no run.json"),
        (1, ["train", "nope.txt"], "no such file"),
        (2, ["train", "corpus.txt", "--lines", "--batch-size", "3"], "leave out --batch-size"),
        (2, ["train", "corpus.txt", "--pattern", "gpt4"], "--pattern goes with --tokenizer"),
        (1, ["train", "corpus.txt", "--warmup", "2"], "warmup is 2.0"),
        (2, ["train", "corpus.txt", "--engine", "steam"], "is none of"),
        (2, ["train", "corpus.txt", "--lr", "-1"], "must be 0 or above"),
        (2, ["train", "corpus.txt", "--lr", "nan"], "not a number"),
        (1, ["train", "corpus.txt", "--dtype", "bfloat16"], "dtype bfloat16 is for the torch engine"),
        (2, ["train", "corpus.txt", "--stps", "3"], "did you mean --steps?"),
        (2, ["nonsense"], "is none of"),
        (2, ["sample"], "FOLDER"),
        (1, ["sample", "nope"], "not the folder of a model"),
    ],
)
def test_what_is_typed_wrongly(corpus, fails, status, arguments, message):
    assert message in fails(status, "gpt", *arguments)
    assert sorted(path.name for path in Path().iterdir()) == ["corpus.txt"]


def test_shapes_that_cannot_be(corpus, fails):
    for option, value, message in (("--n-head", "3", "multiple of n_head"), ("--block-size", "100000", "1..65536")):
        assert message in fails(1, "gpt", "train", "corpus.txt", option, value, told=True)
        assert not Path("corpus-gpt").exists()


def test_bad_prompts_and_settings_of_samples(corpus, fails):
    assert main(["gpt", "train", "corpus.txt", *SMALL]) == 0
    assert "no character 'Ω'" in fails(1, "gpt", "sample", "corpus-gpt", "--prompt", "Ω")
    assert "top_p is 2.0" in fails(1, "gpt", "sample", "corpus-gpt", "--top-p", "2")


def test_text_that_is_shorter_than_the_context_is_measured_whole(corpus, fails, capsys):
    assert main(["gpt", "train", "corpus.txt", *SMALL]) == 0
    Path("short.txt").write_text("The cat", encoding="utf-8")
    Path("one.txt").write_text("T", encoding="utf-8")
    capsys.readouterr()
    assert main(["gpt", "eval", "corpus-gpt", "short.txt"]) == 0
    assert "6 of 6 predictions, in windows of 6 tokens" in capsys.readouterr().out
    assert "the text holds 1 token, " in fails(1, "gpt", "eval", "corpus-gpt", "one.txt")
    assert "holds no best.safetensors" in fails(1, "gpt", "eval", "corpus-gpt", "--best")


def test_text_that_is_none(workplace, fails):
    Path("binary.txt").write_bytes(b"\xff\xfe\x00")
    assert "not text in UTF-8" in fails(1, "gpt", "train", "binary.txt")
    Path("empty.txt").write_bytes(b"")
    assert "empty" in fails(1, "gpt", "train", "empty.txt")
    assert "empty" in fails(1, "gpt", "train", "empty.txt", "--lines")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("more", [(), ("--prepare",)])
def test_a_bad_command_costs_no_earlier_run(corpus, tokenizer, fails, more):
    assert main(["gpt", "train", "corpus.txt", *SMALL]) == 0
    before = contents(Path("corpus-gpt"))
    Path("binary.txt").write_bytes(b"\xff\xfe\x00")
    Path("empty.txt").write_bytes(b"")
    Path("short.txt").write_text("to be", encoding="utf-8")
    Path("shards").mkdir()
    for arguments, message in (
        (("nope.txt",), "no such file"),
        (("binary.txt",), "not text in UTF-8"),
        (("empty.txt",), "empty"),
        (("empty.txt", "--lines"), "empty"),
        (("short.txt",), "needs at least"),
        (("shards", "-t", "corpus.pybpe"), "a folder without text files"),
        (("corpus.txt", "-t", "nope.pybpe"), "no file, folder or public encoding"),
        (("corpus.txt", "--n-head", "3"), "multiple of n_head"),
        (("corpus.txt", "--block-size", "100000"), "1..65536"),
        (("corpus.txt", "--dtype", "bfloat16"), "add --engine torch"),
        (("corpus.txt", "--warmup", "2"), "warmup is 2.0"),
    ):
        assert message in fails(1, "gpt", "train", *arguments, *more, "-o", "corpus-gpt", "--force")
        assert contents(Path("corpus-gpt")) == before


def test_an_earlier_run_is_back_if_the_new_one_does_not_come_far(corpus, fails, monkeypatch):
    assert main(["gpt", "train", "corpus.txt", *SMALL]) == 0
    before = contents(Path("corpus-gpt"))

    def press(self, made, results):
        if made.step == 7:
            assert not Path("corpus-gpt/model.safetensors").exists()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Screen, "step", press)
        message = fails(130, "gpt", "train", "corpus.txt", *SMALL, "--seed", "5", "--force", told=True)
        assert "earlier run" in message
        assert contents(Path("corpus-gpt")) == before
    assert main(["gpt", "train", "corpus.txt", *SMALL, "--seed", "5", "--force"]) == 0
    assert sorted(contents(Path("corpus-gpt"))) == sorted(before)
    assert read_run(Path("corpus-gpt")).settings.seed == 5


def test_a_new_run_stays_from_its_first_checkpoint_on(corpus, fails, monkeypatch):
    assert main(["gpt", "train", "corpus.txt", *SMALL]) == 0

    def press(self, made, results):
        if made.step == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(Screen, "step", press)
    arguments = ("--seed", "5", "--save-every", "3", "--force")
    message = fails(130, "gpt", "train", "corpus.txt", *SMALL, *arguments, told=True)
    assert "--resume corpus-gpt" in message
    assert load_model(Path("corpus-gpt/model.safetensors")).step == 6
    assert read_run(Path("corpus-gpt")).settings.seed == 5
