import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from pybpe.cli.main import main  # noqa: E402
from pybpe.gpt.runs.folder import read_run  # noqa: E402

SMALL = (
    *("--engine", "torch", "--n-layer", "1", "--n-head", "2", "--n-embd", "16", "--block-size", "16"),
    *("--batch-size", "2", "--steps", "12", "--eval-every", "5", "--device", "cpu", "--threads", "1"),
)


def test_train_sample_eval_convert_and_go_on(corpus, tokenizer, capsys):
    assert (
        main(["gpt", "train", "corpus.txt", "-t", "corpus.pybpe", *SMALL, "--form", "gpt2", "--sample-every", "6"]) == 0
    )
    captured = capsys.readouterr()
    assert "training the torch GPT" in captured.err
    assert "sample after step 6:" in captured.err
    assert "best.safetensors" in captured.out
    settings = read_run(Path("corpus-gpt")).settings
    assert (settings.form, settings.steps, settings.clip) == ("gpt2", 12, 1.0)
    texts = []
    for seed in ("1", "1", "2"):
        arguments = ("--tokens", "30", "--seed", seed, "--min-p", "0.001", "--repetition-penalty", "1.1", "--best")
        assert main(["gpt", "sample", "corpus-gpt", "--prompt", "The ", *arguments]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != texts[2]
    assert main(["gpt", "eval", "corpus-gpt"]) == 0
    assert "bits per byte" in capsys.readouterr().out
    assert main(["gpt", "eval", "corpus-gpt", "corpus.txt", "--windows", "3"]) == 0
    assert "48 of 5,394 predictions, in windows of 16 tokens" in capsys.readouterr().out
    assert main(["gpt", "convert", "corpus-gpt", "--to", "huggingface", "-o", "hf"]) == 0
    assert sorted(path.name for path in Path("hf").iterdir()) == [
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    ]
    assert main(["gpt", "convert", "hf", "-t", "corpus.pybpe", "-o", "back"]) == 0
    capsys.readouterr()
    said = []
    for folder in ("corpus-gpt", "back"):
        assert main(["gpt", "sample", folder, "--prompt", "The ", "--tokens", "20", "--temperature", "0"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert main(["gpt", "train", "corpus.txt", "--init", "back", "--steps", "3", "--threads", "1", "-o", "more"]) == 0
    assert read_run(Path("more")).settings.n_embd == 16


def test_eval_of_the_micro_engine_and_its_way_to_torch(corpus, capsys):
    assert main(["gpt", "train", "corpus.txt", *SMALL[2:-4], "--threads", "1"]) == 0
    assert main(["gpt", "convert", "corpus-gpt", "-o", "torch"]) == 0
    capsys.readouterr()
    losses = []
    for folder in ("corpus-gpt", "torch"):
        assert main(["gpt", "eval", folder, "corpus.txt"]) == 0
        losses.append(next(line for line in capsys.readouterr().out.splitlines() if line.startswith("loss")))
    assert losses[0] == losses[1]
    assert main(["gpt", "convert", "torch", "--to", "micro", "-o", "micro"]) == 0
    assert main(["gpt", "sample", "micro", "--tokens", "5"]) == 0


def test_dry_run_and_prepare(corpus, capsys):
    assert main(["gpt", "train", "corpus.txt", *SMALL, "--dry-run", "--accumulate", "4"]) == 0
    printed = capsys.readouterr().out
    assert "nothing was written" in printed
    assert "1,536" in printed  # tokens: 12 steps of 4 batches of 2 windows of 16
    assert sorted(path.name for path in Path().iterdir()) == ["corpus.txt"]
    assert main(["gpt", "train", "corpus.txt", *SMALL, "--prepare"]) == 0
    assert "torchrun --nproc_per_node=1 -m pybpe.gpt.train corpus-gpt" in capsys.readouterr().out
    assert sorted(path.name for path in Path("corpus-gpt").iterdir()) == ["characters.json", "run.json"]
    assert main(["gpt", "train", "--resume", "corpus-gpt", "--threads", "1"]) == 0


@pytest.mark.parametrize(
    ("status", "arguments", "message"),
    [
        (1, ["train", "corpus.txt", "--dropout", "0.1"], "add --engine torch"),
        (2, ["train", "corpus.txt", "--preset", "gpt2-124m"], "--tokenizer FILE"),
        (1, ["train", "corpus.txt", "--engine", "torch", "--dropout", "2"], "dropout is 2.0"),
        (1, ["train", "corpus.txt", "--init", "nope"], "o such file"),
        (1, ["convert", "nope", "-o", "x"], "no such file"),
        (1, ["convert", "corpus.txt", "-o", "x"], "no file of weights"),
        (2, ["convert", "corpus.txt"], "-o"),
        (1, ["eval", "nope"], "not the folder of a model"),
        (1, ["sample", "nope", "--best"], "not the folder of a model"),
    ],
)
def test_what_is_typed_wrongly(corpus, fails, status, arguments, message):
    assert message in fails(status, "gpt", *arguments)
    assert sorted(path.name for path in Path().iterdir()) == ["corpus.txt"]


def test_what_the_engine_refuses(corpus, fails):
    for option, message in (
        (("--lines",), "goes with the micro engine"),
        (("--n-head", "3"), "multiple of n_head"),
        (("--dtype", "float16", "--device", "cpu"), "float16 loses gradients"),
    ):
        assert message in fails(1, "gpt", "train", "corpus.txt", "--engine", "torch", *option, told=True)
    assert sorted(path.name for path in Path().iterdir()) == ["corpus.txt"]


@pytest.mark.parametrize("more", [(), ("--prepare",)])
def test_a_bad_command_costs_no_earlier_run(corpus, tokenizer, fails, more):
    assert main(["gpt", "train", "corpus.txt", *SMALL]) == 0
    assert main(["gpt", "train", "corpus.txt", "-t", "corpus.pybpe", *SMALL, "-o", "other"]) == 0
    before = {path.name: path.read_bytes() for path in Path("corpus-gpt").iterdir()}
    for option, message in (
        (("--n-head", "3"), "multiple of n_head"),
        (("--dtype", "float16"), "float16 loses gradients"),
        (("--optimizer", "muon", "--dtype", "float16"), "muon is not made"),
        (("--muon-lr", "0.1"), "add --optimizer muon"),
        (("--form", "modern", "--n-head", "16"), "even width"),
        (("--init", "nope"), "o such file"),
        (("--init", "other", "--block-size", "17"), "block_size 17 is too large"),
        (("--init", "other", "-t", "chars"), "another vocabulary"),
        (("--init", "other", "--n-layer", "3"), "leave out --n-layer"),
        (("--init", "other", "--form", "gpt2"), "leave out --form"),
        (("--init", "corpus-gpt"), "name another folder"),
        (("--device", "mps"), "torch finds no mps"),
    ):
        if option[0] == "--device" and torch.backends.mps.is_available():
            continue
        assert message in fails(
            2 if message in ("name another folder", "leave out --form") else 1,
            *("gpt", "train", "corpus.txt", *SMALL, *option, *more, "-o", "corpus-gpt", "--force"),
        )
        assert {path.name: path.read_bytes() for path in Path("corpus-gpt").iterdir()} == before


def test_models_and_tokenizers_that_do_not_go_together(corpus, tokenizer, fails, capsys):
    assert main(["gpt", "train", "corpus.txt", "-t", "corpus.pybpe", *SMALL, "--form", "gpt2"]) == 0
    assert main(["gpt", "convert", "corpus-gpt", "--to", "huggingface", "-o", "hf"]) == 0
    assert main(["train", "corpus.txt", "--vocab-size", "260", "-o", "other.pybpe"]) == 0
    assert "another" in fails(1, "gpt", "convert", "hf", "-t", "other.pybpe", "-o", "x")
    assert "another vocabulary" in fails(1, "gpt", "convert", "corpus-gpt", "-t", "other.pybpe", "-o", "x")
    assert "only the form micro" in fails(1, "gpt", "convert", "corpus-gpt", "--to", "micro", "-o", "x")
    Path("hf/tokenizer.json").unlink()
    assert "no tokenizer lies in hf" in fails(2, "gpt", "convert", "hf", "-o", "x")
    assert main(["gpt", "train", "corpus.txt", *SMALL, "-o", "of-characters"]) == 0
    before = {path.name: path.read_bytes() for path in Path("of-characters").iterdir()}
    message = fails(1, "gpt", "convert", "hf", "-t", "corpus.pybpe", "-o", "of-characters", "--force")
    assert "of a training run, which stays" in message
    assert {path.name: path.read_bytes() for path in Path("of-characters").iterdir()} == before
    assert main(["gpt", "convert", "of-characters", "-o", "y"]) == 0
    assert main(["gpt", "convert", "hf", "-t", "corpus.pybpe", "-o", "y", "--force"]) == 0
    assert sorted(path.name for path in Path("y").iterdir()) == ["model.safetensors", "tokenizer.pybpe"]
    assert main(["gpt", "sample", "y", "--tokens", "3"]) == 0
    assert not Path("x").exists()
    assert "exists already" in fails(1, "gpt", "convert", "corpus-gpt", "-o", "hf")


def test_without_torch(corpus, fails, monkeypatch):
    assert main(["gpt", "train", "corpus.txt", *SMALL]) == 0
    before = sorted(Path("corpus-gpt").iterdir())
    monkeypatch.setitem(sys.modules, "torch", None)
    for arguments in (("train", "corpus.txt", "--engine", "torch", "--force"), ("convert", "x", "-o", "y")):
        assert "pip install 'pybpe[gpt]'" in fails(1, "gpt", *arguments)
    assert sorted(Path("corpus-gpt").iterdir()) == before
