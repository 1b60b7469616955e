"""`pybpe gpt sample` and `eval`: what they print, and what they refuse."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pybpe
from pybpe import Tokenizer
from pybpe.cli.main import main

SMALL = (
    *("--n-layer", "1", "--n-head", "2", "--n-embd", "16", "--block-size", "16"),
    *("--batch-size", "2", "--steps", "12", "--eval-every", "5"),
)


@pytest.fixture
def run(corpus, tokenizer, capsys):
    """A run on the corpus with its tokenizer."""
    assert main(["gpt", "train", "corpus.txt", "-t", "corpus.pybpe", *SMALL, "-o", "run"]) == 0
    capsys.readouterr()
    return Path("run")


def printed(capsys, *arguments):
    capsys.readouterr()
    assert main(["gpt", *arguments]) == 0
    return capsys.readouterr().out


def test_eval_says_what_it_measures(run, tokenizer, capsys):
    out = printed(capsys, "eval", "run")
    assert "run on its held-out text" in out
    val = Tokenizer.load("run/tokenizer.pybpe").encode_ordinary(Path("corpus.txt").read_text(encoding="utf-8"))
    assert "predictions, in windows of 16 tokens" in out
    out = printed(capsys, "eval", "run", "corpus.txt")
    assert "run on corpus.txt" in out
    assert f"{len(val) - 1:,} of {len(val) - 1:,} predictions" in out
    assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    assert "run on the held-out part of corpus-shards" in printed(capsys, "eval", "run", "corpus-shards")
    Path("names.txt").write_text("ada\ngrace\nken\n", encoding="utf-8")
    assert main(["gpt", "train", "names.txt", "--preset", "microgpt", "--steps", "20", "-o", "lines"]) == 0
    assert "lines on the text it was trained on, because none was held out" in printed(capsys, "eval", "lines")


@pytest.mark.parametrize("option", [("--special",), ("--text-field", "body")])
def test_eval_of_its_own_text_takes_no_options_of_reading(run, fails, option):
    assert f"leave out {option[0]}, or name DATA" in fails(2, "gpt", "eval", "run", *option)


def test_eval_of_documents(run, capsys):
    Path("a.jsonl").write_text('{"body": "The river<|endoftext|>ran."}\n{"body": "No."}\n', encoding="utf-8")
    whole = Tokenizer.load("run/tokenizer.pybpe").count
    n_ids = whole("The river") + whole("ran.") + whole("No.") + 3
    out = printed(capsys, "eval", "run", "a.jsonl", "--text-field", "body", "--special")
    assert f"{n_ids - 1:,} of {n_ids - 1:,} predictions" in out


def test_eval_of_a_run_whose_data_changed(run, fails, capsys):
    text = Path("corpus.txt").read_text(encoding="utf-8")
    Path("corpus.txt").write_text(text[:-200] + "The river ran by nobody. " * 8, encoding="utf-8")  # held out only
    assert "has changed since the run began" in fails(1, "gpt", "eval", "run")
    assert "has changed since the run began" in fails(1, "gpt", "train", "--resume", "run")
    assert "run on corpus.txt" in printed(capsys, "eval", "run", "corpus.txt")
    Path("corpus.txt").rename("elsewhere.txt")
    assert "is not there any more" in fails(1, "gpt", "eval", "run")
    Path("elsewhere.txt").write_text(text, encoding="utf-8")
    assert main(["gpt", "train", "--resume", "run", "elsewhere.txt"]) == 0
    assert "run on its held-out text" in printed(capsys, "eval", "run")


def test_special_tokens(run, fails, capsys):
    arguments = ("--prompt", "<|endoftext|>The", "--tokens", "20", "--seed", "1")
    as_text = printed(capsys, "sample", "run", *arguments)
    assert printed(capsys, "sample", "run", *arguments) == as_text
    as_token = printed(capsys, "sample", "run", *arguments, "--special")
    assert as_token != as_text
    assert as_token.startswith("<|endoftext|>The")
    Path("special.txt").write_text("The cat sat.<|endoftext|>" * 60, encoding="utf-8")
    measured = [printed(capsys, "eval", "run", "special.txt", *more) for more in ((), ("--special",))]
    tokenizer = Tokenizer.load("corpus.pybpe")
    text = Path("special.txt").read_text(encoding="utf-8")
    counts = [len(tokenizer.encode_ordinary(text)), len(tokenizer.encode(text, allowed_special="all"))]
    assert [f"{n - 1:,} of {n - 1:,} predictions" in out for n, out in zip(counts, measured, strict=True)] == [True] * 2
    assert "leave out --special" in fails(2, "gpt", "eval", "run", "--special")
    arguments = ("train", "special.txt", "-t", "corpus.pybpe", *SMALL, "--special", "-o", "special")
    assert "12 steps" in printed(capsys, *arguments)
    assert "on its held-out text" in printed(capsys, "eval", "special")


@pytest.mark.parametrize("how", [{"PYTHONIOENCODING": "ascii:strict"}, {"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "C"}])
def test_a_terminal_that_is_not_utf_8(run, how, tmp_path):
    """A prompt in Japanese, and U+FFFD in the sample, are printed as far as the encoding goes."""
    environment = {**os.environ, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", **how}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(pybpe.__file__).parents[1]), *sys.path])

    def command(*arguments):
        code = "import sys; from pybpe.cli.main import main; sys.exit(main(sys.argv[1:]))"
        line = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(line, env=environment, cwd=tmp_path, capture_output=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    sampled = command("gpt", "sample", str(run), "--prompt", "日本 é", "--tokens", "60", "--temperature", "3")
    assert sampled.startswith("?? é".encode("cp1252") if "cp1252" in str(how) else b"?? ?")
    assert b"udc" not in sampled
    text = "日本 é"
    ids = Tokenizer.load("corpus.pybpe").encode(text)
    assert command("encode", "corpus.pybpe", "--text", text).split() == [str(id_).encode() for id_ in ids]
    assert command("decode", "corpus.pybpe", *map(str, ids)) == text.encode()


def test_a_model_that_is_lost(run, fails):
    import numpy as np
    from safetensors import safe_open
    from safetensors.numpy import save_file

    path = run / "model.safetensors"
    with safe_open(path, framework="numpy") as file:
        header, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    tensors["wte"][3] = np.nan
    save_file(tensors, path, header)
    for arguments in (("sample", "run"), ("eval", "run"), ("convert", "run", "-o", "x"), ("train", "--resume", "run")):
        if arguments[0] == "convert":
            pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
        message = fails(1, "gpt", *arguments)
        assert "is lost: its weights 'wte' hold NaN or infinity" in message
    assert not Path("x").exists()
