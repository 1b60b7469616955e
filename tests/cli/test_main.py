import os
import signal
import subprocess
import sys

import pytest

from pybpe import __version__
from pybpe.cli.main import main, train_main

COMMANDS = ("train", "encode", "decode", "count", "info", "demo")


def test_no_command_prints_help_and_is_wrong_usage(capsys):
    assert main([]) == 2
    assert "pybpe train corpus.txt" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command, capsys):
    assert main([command, "--help"]) == 0
    assert f"pybpe {command}" in capsys.readouterr().out.split("example")[1]


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"pybpe {__version__}"


def test_a_mistyped_command_suggests_the_nearest(fails):
    assert "did you mean encode?" in fails(2, "encoed", "x")


def test_a_mistyped_option_suggests_the_nearest(fails, corpus):
    assert "did you mean --vocab-size?" in fails(2, "train", str(corpus), "--vocabsize=300")


def test_an_option_instead_of_a_command_is_wrong_usage(fails):
    assert "--bogus" in fails(2, "--bogus")


def test_a_missing_argument_names_the_help(fails):
    assert "pybpe train --help" in fails(2, "train")


def test_pybpe_train_is_the_command_train(corpus):
    assert train_main([str(corpus), "--vocab-size", "280"]) == 0
    assert corpus.with_suffix(".pybpe").exists()


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_the_module_runs_as_a_process_and_a_closed_pipe_is_quiet(corpus, tokenizer, unbuffered):
    corpus.write_bytes(corpus.read_bytes() * 40)
    assert main(["encode", "corpus.pybpe", "corpus.txt"]) == 0
    command = [sys.executable, "-m", "pybpe", "decode", "corpus.pybpe", "corpus-shards"]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(20) == corpus.read_bytes()[:20]
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send to one process")
def test_ctrl_c_is_one_line_and_status_130(corpus, tokenizer):
    process = subprocess.Popen(
        [sys.executable, "-m", "pybpe", "encode", "corpus.pybpe", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"a cat " * 700_000)  # just more than a block: its ids come, then it waits for more
    process.stdin.flush()
    assert process.stdout.read(1).isdigit()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.decode().strip() == "pybpe: interrupted; nothing was written"
