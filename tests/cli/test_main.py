import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pybpe import Tokenizer, __version__
from pybpe.cli.console import escaped, typed
from pybpe.cli.entry import train_main
from pybpe.cli.main import main

COMMANDS = ("convert", "train", "encode", "decode", "count", "info", "demo")


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


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("gpt", "trian"), "train"),
        (("gpt", "train", "a.txt", "--preset", "gpt2-124"), "gpt2-124m"),
        (("convert", "a", "b", "--to", "tokenizer"), "tokenizer.json"),
        (("train", "a.txt", "--convention", "sentencepeice"), "sentencepiece"),
    ],
)
def test_a_mistyped_choice_suggests_the_nearest(fails, arguments, meant):
    assert f"did you mean '{meant}'?" in fails(2, *arguments)


def test_an_option_instead_of_a_command_is_wrong_usage(fails):
    assert "--bogus" in fails(2, "--bogus")


def test_a_missing_argument_names_the_help(fails):
    assert "pybpe train --help" in fails(2, "train")


def test_pybpe_train_is_the_command_train(corpus, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pybpe-train", str(corpus), "--vocab-size", "280"])
    assert train_main() == 0
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


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_characters_that_standard_output_cannot_encode_are_escaped(workplace, encoding):
    tok = Tokenizer.train(iter(["日本 日本 é é"] * 9), vocab_size=264, progress=False)
    tok.save("small.pybpe")
    Path("text").write_text("日本 é", encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for command in (["info", "small.pybpe"], ["encode", "small.pybpe", "-", "--show"]):
        with Path("text").open("rb") as text:
            whole = [sys.executable, "-m", "pybpe", *command]
            done = subprocess.run(whole, stdin=text, env=environment, capture_output=True, check=True)
        assert done.stderr == b""
        shown = done.stdout.decode(encoding)
        assert "日本".encode(encoding, "backslashreplace").decode(encoding) in shown
        assert "·é".encode(encoding, "backslashreplace").decode(encoding) in shown


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
    process.stdin.write(b"a cat " * 180_000)  # just more than a block: its ids come, then it waits for more
    process.stdin.flush()
    assert process.stdout.read(1).isdigit()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.decode().strip() == "pybpe: interrupted; nothing was written"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes to wait for")
def test_sigterm_cleans_up_as_ctrl_c_does(corpus, tokenizer):
    os.mkfifo("pipe")
    command = [sys.executable, "-m", "pybpe", "encode", "corpus.pybpe", "pipe", "-o", "ids"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with Path("pipe").open("wb") as pipe:
        pipe.write(b"a cat " * 1_600_000)  # more than two blocks: a shard is begun, then it waits for more
        pipe.flush()
        for _ in range(3000):
            if process.poll() is not None or list(Path().glob("ids/.*.part")):
                break
            time.sleep(0.01)
        time.sleep(0.5)  # a signal that comes between two reads is seen only when the next one ends
        process.send_signal(signal.SIGTERM)
        try:
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 143
    assert errors.decode().strip() == "pybpe: terminated; nothing was written"
    assert not Path("ids").exists()


def test_the_handler_of_sigterm_is_left_as_it_was():
    before = signal.getsignal(signal.SIGTERM)
    assert main(["--version"]) == 0
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("module", ["pybpe.cli.main", "argparse", "pybpe.errors", "pybpe.cli.train"])
def test_ctrl_c_while_the_commands_are_imported_is_one_line(tmp_path, module):
    code = f"""if True:
        import sys

        class Interrupt:
            def find_spec(self, name, *_):
                if name == "{module}":
                    raise KeyboardInterrupt

        sys.meta_path.insert(0, Interrupt())
        sys.argv = ["pybpe", "info", "x"]
        from pybpe.cli.entry import main
        sys.exit(main())
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr.strip()) == (130, "pybpe: interrupted; nothing was written")


@pytest.mark.parametrize("error", [OverflowError("int too large"), RecursionError("maximum recursion depth")])
def test_numbers_too_large_and_nesting_too_deep_are_one_line(corpus, fails, monkeypatch, error):
    def give_up(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Tokenizer, "train", give_up)
    assert "too " in fails(1, "train", "corpus.txt")


def test_a_pattern_nested_too_deeply_is_one_line(corpus, fails):
    fails(1, "train", "corpus.txt", "--pattern", "(" * 3000 + "a" + ")" * 3000)


@pytest.mark.parametrize("arguments", [("info", "corpus.pybpe"), ("encode", "corpus.pybpe", "--text", "y")])
def test_a_closed_standard_output_is_one_line(tokenizer, fails, monkeypatch, arguments):
    monkeypatch.setattr(sys, "stdout", None)
    assert "standard output is closed" in fails(1, *arguments)


@pytest.mark.parametrize("command", ["encode", "decode", "count", "train"])
def test_a_closed_standard_input_is_one_line(tokenizer, fails, monkeypatch, command):
    monkeypatch.setattr(sys, "stdin", None)
    arguments = ["-"] if command == "train" else ["corpus.pybpe", "-"]
    assert "standard input is closed" in fails(1, command, *arguments)
    assert not Path("tokenizer.pybpe").exists()


@pytest.mark.parametrize("command", ["train", "encode", "demo"])
def test_an_empty_name_of_the_output_is_wrong_usage(tokenizer, fails, command):
    files = ["corpus.pybpe", "corpus.txt"] if command == "encode" else ["corpus.txt"]
    assert "the name is empty" in fails(2, command, *files, "-o", "")


def test_names_cannot_steer_the_terminal(fails):
    assert escaped("a\x1b[31m\nö") == "a\\x1b[31m\\nö"
    assert "\\x1b[2J" in fails(2, "\x1b[2J")


@pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="there is no bash to ask")
@pytest.mark.parametrize("name", ["a.txt", "it's $HOME", "-x.txt", "a\x1b[31m\n'\\b", "\udcff1.txt", "zwölf"])
def test_a_path_to_type_is_what_the_shell_reads(name):
    shown = typed(name)
    assert shown.isprintable()
    command = ["bash", "-c", f"printf %s {shown}".encode()]
    read = subprocess.run(command, capture_output=True, check=True).stdout
    assert read == ("./" + name if name.startswith("-") else name).encode("utf-8", "surrogateescape")
