"""Every command that a command prints as the next to type works as it stands, typed in the same folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pybpe import Tokenizer
from pybpe.cli.main import main

pytestmark = pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="there is no bash to type in")

ODD_PATTERN = r"-?\p{L}+|[^\p{L}]+?'x'|\s|."
SMALL = ("--vocab-size", "280", "--steps", "2")


def printed_commands(shown: str) -> list[str]:
    """The commands behind "next:", with those on the lines below it."""
    behind = shown.split("\nnext:  ")[1] if "\nnext:  " in shown else ""
    return [line.strip() for line in behind.splitlines() if line.strip().startswith("pybpe ")]


def type_in(command: str) -> str:
    """Type a command into a shell; returns its standard output. It must succeed, and say nothing but notes."""
    python = f"{shlex.quote(sys.executable)} -m pybpe"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'pybpe() {{ {python} "$@"; }}; {command}'],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, (command, done.stderr)
    assert all(line.startswith("note: ") for line in done.stderr.splitlines()), (command, done.stderr)
    return done.stdout


@pytest.fixture
def files(corpus, tokenizer, monkeypatch) -> Path:
    """Tokenizers and texts of many kinds."""
    tokenizer.to_tiktoken("ranks.tiktoken")
    tokenizer.to_huggingface("hf")
    Path("-odd name's.txt").write_bytes(corpus.read_bytes())
    lines = "".join(json.dumps({"body": f"the cat {number} sat"}) + "\n" for number in range(50))
    Path("a.jsonl").write_text(lines, encoding="utf-8")
    odd = Tokenizer.train(corpus, 270, pattern=ODD_PATTERN, progress=False)
    odd.save("odd.pybpe")
    several = Tokenizer.train(corpus, 270, pattern=[r"\p{N}", "gpt2"], progress=False)
    several.save("several.pybpe")
    tokenizer.to_tiktoken("vocabs.tiktoken")
    monkeypatch.setenv("PYBPE_VOCABS", str(Path().resolve()))
    return corpus


COMMANDS = {
    "train": ["train", "corpus.txt", "--vocab-size", "280", "--force"],
    "train -o": ["train", "./-odd name's.txt", "--vocab-size", "280", "-o", "a new $name.pybpe"],
    "train on a glob": ["train", "corpus*.txt", "--vocab-size", "280", "-o", "b.pybpe"],
    "train on fields": ["train", "a.jsonl", "--text-field", "body", "--vocab-size", "260"],
    "train --extend": [
        "train",
        "corpus.txt",
        "--extend",
        "ranks.tiktoken",
        "--pattern",
        "gpt4",
        "--vocab-size",
        "310",
        "-o",
        "x.pybpe",
    ],
    "encode": ["encode", "corpus.pybpe", "corpus.txt"],
    "encode with a pattern": ["encode", "ranks.tiktoken", "corpus.txt", "--pattern", "gpt4", "-o", "ids"],
    "encode, odd pattern": ["encode", "ranks.tiktoken", "corpus.txt", f"--pattern={ODD_PATTERN}", "--output=-ids"],
    "encode a set": ["encode", "hf", "a.jsonl", "--text-field", "body", "--set", "val"],
    "convert": ["convert", "corpus.pybpe", "out.json"],
    "convert to ranks": ["convert", "corpus.pybpe", "out.tiktoken"],
    "convert to ranks, odd pattern": ["convert", "odd.pybpe", "out.tiktoken"],
    "convert to ranks, several patterns": ["convert", "several.pybpe", "out.tiktoken"],
    "convert to a folder": ["convert", "ranks.tiktoken", "folder", "--pattern", "gpt4"],
    "demo": ["demo", "corpus.txt", *SMALL, "-o", "a demo"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_is_printed_works(files, capsys, command):
    assert main(command) == 0
    commands = printed_commands(capsys.readouterr().out)
    assert commands
    for each in commands:
        type_in(each)


def test_after_training_on_standard_input(files, capsys, monkeypatch):
    with Path("corpus.txt").open(encoding="utf-8") as text:
        monkeypatch.setattr(sys, "stdin", text)
        assert main(["train", "-", "--vocab-size", "280"]) == 0
    (command,) = printed_commands(capsys.readouterr().out)
    ids = [int(word) for word in type_in(command).split()]
    assert Tokenizer.load("tokenizer.pybpe").decode(ids) == "Hello world"


def test_a_tokenizer_by_its_name(vocabs, corpus, capsys, monkeypatch):
    monkeypatch.setenv("PYBPE_VOCABS", str(vocabs))
    assert main(["encode", "r50k_base", "corpus.txt"]) == 0
    (command,) = printed_commands(capsys.readouterr().out)
    assert corpus.read_text(encoding="utf-8").startswith(type_in(command))
    assert main(["convert", "gpt2", "out.tiktoken"]) == 0
    (command,) = printed_commands(capsys.readouterr().out)
    assert "50,257" in type_in(command)


def test_the_page_of_a_demo(files):
    assert main(["demo", "corpus.txt", *SMALL]) == 0
    page = Path("pybpe-demo/report.html").read_text(encoding="utf-8")
    commands = re.search(r"<pre>(.*?)</pre>", page, re.DOTALL)[1].replace("&#x27;", "'").splitlines()
    for command in commands:
        if "your-" not in command:  # a text that the reader has
            type_in(command)


@pytest.mark.parametrize("tokenizer_option", [[], ["-t", "corpus.pybpe"]])
def test_gpt(files, capsys, tokenizer_option):
    assert main(["gpt", "train", "corpus.txt", "--steps", "2", "-o", "run", *tokenizer_option]) == 0
    for each in printed_commands(capsys.readouterr().out):
        type_in(each)


def test_gpt_eval_as_json(files, capsys):
    assert main(["gpt", "train", "corpus.txt", "--steps", "2", "-o", "run"]) == 0
    capsys.readouterr()
    assert main(["gpt", "eval", "run", "--json"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    facts = json.loads(shown)
    assert main(["gpt", "eval", "run"]) == 0
    table = capsys.readouterr().out
    assert f"{facts['loss']:.4f} nats per token" in table
    assert f"{facts['bits_per_byte']:.4f} bits per byte, {facts['bytes_per_token']:.2f} bytes per token" in table
    assert f"{facts['parameters']:,} parameters after {facts['steps']} steps" in table
    assert (facts["model"], facts["data"], facts["steps"]) == ("run", [], 2)


@pytest.mark.parametrize("mistake", [["train", "corpus.txt"], ["encode", "other.pybpe", "corpus.txt"]])
def test_the_way_out_of_an_error(files, fails, mistake):
    assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    Tokenizer.train(files, vocab_size=270, progress=False).save("other.pybpe")
    assert "--force" in fails(1, *mistake)
    assert main([*mistake, "--force"]) == 0
