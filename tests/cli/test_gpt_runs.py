"""`pybpe gpt train`: the text it takes, its log, how it ends, and the commands that it prints; with both engines."""

import gzip
import html
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import pybpe
from pybpe import Tokenizer
from pybpe.cli.gpt_next import example_prompt
from pybpe.cli.gpt_screen import Screen
from pybpe.cli.main import main
from pybpe.gpt.characters import Characters
from pybpe.gpt.engines import load_model
from pybpe.gpt.runs.folder import read_run
from pybpe.gpt.runs.settings_table import LABELS, settings_rows
from pybpe.gpt.settings import PRESETS, Settings
from pybpe.gpt.vocabulary import load_vocabulary

SHAPE = (
    *("--n-layer", "1", "--n-head", "2", "--n-embd", "16", "--block-size", "16"),
    *("--batch-size", "2", "--steps", "12", "--eval-every", "5"),
)
TORCH = ("--engine", "torch", "--device", "cpu", "--threads", "1")


def python(*arguments):
    """Run Python with this pybpe, in the current folder; returns its exit status and what it printed."""
    paths = os.pathsep.join([str(Path(pybpe.__file__).parents[1]), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(params=["micro", "torch"])
def small(request):
    if request.param == "micro":
        return SHAPE
    pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
    return (*SHAPE, *TORCH)


def press_at(monkeypatch, number, at):
    step = Screen.step

    def press(self, made, results):
        step(self, made, results)
        if made.step == at:
            signal.raise_signal(number)

    monkeypatch.setattr(Screen, "step", press)


def next_command(printed):
    """The arguments of the command that is printed as the next to type."""
    (line,) = re.findall(r"^next:  (.+)$", printed, re.MULTILINE)
    words = shlex.split(line)
    assert words[0] == "pybpe"
    return words[1:]


def test_sigterm_keeps_a_checkpoint_and_has_its_own_exit_status(corpus, small, fails, monkeypatch, capsys):
    assert main(["gpt", "train", "corpus.txt", "-o", "whole", *small]) == 0
    with monkeypatch.context() as patch:
        press_at(patch, signal.SIGTERM, 7)
        message = fails(143, "gpt", "train", "corpus.txt", "-o", "half", *small, told=True)
    assert "terminated; what was learned in 7 of 12 steps is kept" in message
    assert load_model(Path("half/model.safetensors")).step == 7
    assert main(shlex.split(message.partition("continue with: ")[2])[1:]) == 0
    assert Path("half/metrics.jsonl").read_bytes() == Path("whole/metrics.jsonl").read_bytes()


def test_a_time_limit_and_more_steps(corpus, small, capsys):
    steps = ("--steps", "1000000", "--eval-every", "1000000")
    assert main(["gpt", "train", "corpus.txt", *small, *steps, "--seconds", "0.3"]) == 0
    captured = capsys.readouterr()
    taken = load_model(Path("corpus-gpt/model.safetensors")).step
    assert 0 <= taken < 1_000_000
    assert f"the time limit ended training after {taken:,} of 1,000,000 steps" in captured.err
    assert next_command(captured.out) == ["gpt", "train", "--resume", "corpus-gpt"]
    for more in (taken + 5, taken + 9):  # a run that was stopped, then one that ended
        assert main(["gpt", "train", "--resume", "corpus-gpt", "--steps", str(more)]) == 0
        assert load_model(Path("corpus-gpt/model.safetensors")).step == more
        assert read_run(Path("corpus-gpt")).settings.steps == more
        assert next_command(capsys.readouterr().out) == ["gpt", "sample", "corpus-gpt"]


def test_fewer_steps_than_were_taken_are_refused(corpus, fails):
    assert main(["gpt", "train", "corpus.txt", *SHAPE]) == 0
    message = fails(1, "gpt", "train", "--resume", "corpus-gpt", "--steps", "11")
    assert "steps is 11; the run in corpus-gpt has taken 12 already" in message


def test_a_log_shows_each_held_out_loss_once(corpus, small, capsys, monkeypatch):
    monkeypatch.setattr("pybpe.cli.training_screen.PLAIN_SECONDS", 0.0)  # a line for every step
    assert main(["gpt", "train", "corpus.txt", *small]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("step ")]
    assert len(lines) == 12
    shown = {int(re.search(r"step (\d+)", line)[1]) for line in lines if "held out" in line}
    measured = {
        entry["step"]
        for entry in map(json.loads, Path("corpus-gpt/metrics.jsonl").read_text(encoding="utf-8").splitlines())
        if "val_loss" in entry
    }
    assert shown <= measured - {0}
    assert {5, 10} <= shown


def write_documents(folder, times=40):
    texts = ["the cat sat on a mat", "the dog ran to the river"] * times
    lines = "".join(json.dumps({"body": text}) + "\n" for text in texts)
    (folder / "docs.jsonl").write_text(lines, encoding="utf-8")
    (folder / "docs.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return set("".join(texts))


@pytest.mark.parametrize("name", ["docs.jsonl", "docs.jsonl.gz"])
def test_documents_and_not_their_json_are_learned(workplace, small, fails, name):
    characters = write_documents(workplace)
    assert "name the one that holds the text with" in fails(1, "gpt", "train", name, *small)
    assert main(["gpt", "train", name, *small, "--text-field", "body"]) == 0
    vocabulary = load_vocabulary(Path("docs-gpt"))
    assert isinstance(vocabulary, Characters)
    assert set(vocabulary.characters) == characters
    assert main(["gpt", "train", "--resume", "docs-gpt", "--steps", "14"]) == 0
    assert main(["gpt", "eval", "docs-gpt", name, "--text-field", "body"]) == 0
    assert main(["gpt", "eval", "docs-gpt"]) == 0


def test_folders_of_text_are_taken_sorted_and_said(workplace, corpus, fails, capsys):
    books = workplace / "books"
    for name, text in (("b.txt", "second "), ("a.md", "first "), ("sub/c.txt", "third "), (".hidden/d.txt", "fourth")):
        (books / name).parent.mkdir(exist_ok=True, parents=True)
        (books / name).write_text(text * 40, encoding="utf-8")
    (books / "picture.png").write_bytes(b"\x89PNG")
    assert main(["gpt", "train", "books", *SHAPE]) == 0
    assert "books is a folder: its 3 text files are taken, a.md to sub/c.txt, sorted" in capsys.readouterr().err
    run = read_run(Path("books-gpt"))
    assert [Path(path).relative_to(books).as_posix() for path in run.data] == ["a.md", "b.txt", "sub/c.txt"]
    assert main(["gpt", "eval", "books-gpt", "books"]) == 0
    assert "759 of 759 predictions" in capsys.readouterr().out  # 40 times 19 characters, measured whole
    Tokenizer.train(corpus, 280, progress=False).save("corpus.pybpe")
    assert main(["encode", "corpus.pybpe", "books", "-o", "ids"]) == 0  # all commands take them
    assert main(["count", "corpus.pybpe", "books"]) == 0
    (workplace / "empty").mkdir()
    assert "empty is a folder without text files" in fails(1, "gpt", "train", "empty")
    assert "to continue it: --resume books-gpt" in fails(2, "gpt", "train", "books-gpt")
    assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    message = fails(2, "gpt", "train", "corpus-shards", "corpus.txt", "-t", "corpus.pybpe")
    assert "corpus-shards is a folder of shards, which must be the only data" in message


def test_many_passes_are_a_note(workplace, capsys):
    (workplace / "tiny.txt").write_text("to be or not to be\n" * 10, encoding="utf-8")
    for steps, told in (("3", False), ("700", True)):
        assert main(["gpt", "train", "tiny.txt", *SHAPE, "--steps", steps, "--dry-run"]) == 0
        assert ("passes over the 171 tokens of training text" in capsys.readouterr().err) == told


@pytest.mark.parametrize("special_tokens", [["<|endoftext|>"], []])
def test_the_next_command_of_each_command_runs(corpus, small, capsys, special_tokens):
    """Also for a vocabulary without a token that begins a text."""
    Tokenizer.train(corpus, 280, special_tokens=special_tokens, progress=False).save("corpus.pybpe")
    assert main(["gpt", "train", "corpus.txt", "-t", "corpus.pybpe", "-o", "a run", *small]) == 0
    arguments = next_command(capsys.readouterr().out)
    assert ("--prompt" in arguments) == (special_tokens == [])
    assert main([*arguments, "--tokens", "3"]) == 0
    if "torch" not in small:
        return
    assert main(["gpt", "convert", "a run", "-o", "converted"]) == 0
    assert main([*next_command(capsys.readouterr().out), "--tokens", "3"]) == 0


@pytest.mark.parametrize(("accumulate", "processes"), [("1", "1"), ("2", "2"), ("3", "1"), ("4", "2")])
def test_the_command_that_begins_a_prepared_run_runs(corpus, capsys, accumulate, processes):
    pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
    arguments = (*SHAPE, *TORCH, "--accumulate", accumulate, "--prepare")
    assert main(["gpt", "train", "corpus.txt", *arguments]) == 0
    words = shlex.split(re.search(r"^next:  (.+)$", capsys.readouterr().out, re.MULTILINE)[1])
    assert words[:2] == ["torchrun", f"--nproc_per_node={processes}"]
    status, printed = python("-m", "torch.distributed.run", "--standalone", *words[1:-1], Path(words[-1]).resolve())
    assert status == 0, printed
    assert load_model(Path("corpus-gpt/model.safetensors")).step == 12


def test_a_prepared_run_of_the_micro_engine_is_resumed(corpus, capsys):
    assert main(["gpt", "train", "corpus.txt", *SHAPE, "--prepare"]) == 0
    assert main(next_command(capsys.readouterr().out)) == 0
    assert load_model(Path("corpus-gpt/model.safetensors")).step == 12


def test_the_command_after_ctrl_c_runs(corpus, small, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        press_at(patch, signal.SIGINT, 7)
        assert main(["gpt", "train", "corpus.txt", *small]) == 0
    assert main(next_command(capsys.readouterr().out)) == 0
    assert load_model(Path("corpus-gpt/model.safetensors")).step == 12


@pytest.mark.parametrize("characters", ["abc", "xyz-", "\n\t é", "日本", "-'\" "])
def test_an_example_of_a_prompt_can_be_encoded_and_typed(characters):
    prompt = example_prompt(Characters(characters, end=False))
    assert Characters(characters, end=False).encode_ordinary(prompt)
    assert shlex.split(shlex.quote(prompt)) == [prompt]
    assert not prompt.startswith("-")


def test_the_page_of_a_run_names_its_settings_in_words(corpus, small):
    assert LABELS.keys() == {field.name for field in fields(Settings)}
    assert main(["gpt", "train", "corpus.txt", *small]) == 0
    page = Path("corpus-gpt/report.html").read_text(encoding="utf-8")
    rows = settings_rows(read_run(Path("corpus-gpt")).settings)
    for label, value in (*rows, ("layers", "1"), ("one document a step", "no"), ("context, tokens", "16")):
        assert (label, value) in rows
        assert html.escape(label) in page
    assert not re.findall(r">(?:False|True|None|[a-z]+_[a-z_]+)<", page)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_value_of_the_settings_is_in_words(preset):
    rows = settings_rows(Settings(**PRESETS[preset]))
    assert len({label for label, _ in rows}) == len(rows)
    assert not {"True", "False", ""} & {value for _, value in rows}


@pytest.mark.parametrize("name", ["docs.jsonl", "docs.jsonl.gz"])
def test_a_demo_on_documents_learns_their_text(workplace, fails, name):
    write_documents(workplace, 200)
    small = ("--vocab-size", "280", "--steps", "2")
    assert "name the one that holds the text with" in fails(1, "demo", name, *small, told=True)
    assert main(["demo", name, *small, "--text-field", "body"]) == 0
    tokens = Tokenizer.load("pybpe-demo/tokenizer.pybpe")
    assert not any(b'"' in token or b"body" in token for token in tokens.mergeable_ranks if len(token) > 1)
    (workplace / "texts").mkdir()
    assert "is a folder; name its files" in fails(1, "demo", "texts", *small, "--force")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that Python can catch")
def test_sigterm_to_the_demo_keeps_what_it_learned(corpus, monkeypatch, capsys):
    from pybpe.cli.demo_screen import Screen as DemoScreen

    monkeypatch.setattr(DemoScreen, "step", lambda self, step, results: signal.raise_signal(signal.SIGTERM))
    assert main(["demo", "corpus.txt", "--vocab-size", "280", "--steps", "50"]) == 143
    assert "terminated; what was learned in 1 steps is kept in pybpe-demo" in capsys.readouterr().err
    assert load_model(Path("pybpe-demo/model.safetensors")).step == 1


def test_the_page_names_no_settings_that_do_not_apply():
    new, further, chat = (
        dict(settings_rows(Settings(engine="torch", form="gpt2", **changes)))
        for changes in ({}, {"init": "a-run"}, {"chat": True, "held_out": 0.25})
    )
    assert (new["form of the model"], new["windows a batch"]) == ("gpt2", "12")
    assert new.keys() - further.keys() == {"form of the model", "standard deviation of the initial weights"}
    assert further["initial weights from"] == "a-run"
    assert (chat["fraction of the conversations held out"], chat["rows a batch"]) == ("0.25", "12")
    assert "special tokens read in text files" not in chat
