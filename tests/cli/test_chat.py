"""`pybpe gpt chat` without a terminal, and the commands of a conversation."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from support.chat_models import FakeSandbox, chat_folder, result, script, user

from pybpe import sandbox as sandboxes
from pybpe.cli import chat_input
from pybpe.cli.chat_input import PipeInput, TerminalInput
from pybpe.cli.chat_screen import Screen
from pybpe.cli.chat_session import COMMANDS, Session, Settings, converse
from pybpe.cli.console import Terminated, visible
from pybpe.cli.main import main
from pybpe.errors import SandboxError
from pybpe.gpt.answering import open_chat
from pybpe.gpt.conversation import parse_conversation, read_conversations
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.tools import Event

END, PYTHON, PYTHON_END = "<|assistant_end|>", "<|python_start|>", "<|python_end|>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return chat_folder(tmp_path_factory.mktemp("models") / "chat")


@pytest.fixture(scope="module")
def model(folder):
    return open_chat(folder, "cpu")


@pytest.fixture
def tokenizer(model):
    return model.chat.tokenizer


class Typed:
    """Messages that are typed one after another; an exception is raised where it stands."""

    def __init__(self, *lines):
        self.lines = list(lines)

    def read(self):
        line = self.lines.pop(0) if self.lines else None
        if isinstance(line, type):
            raise line
        return line


def session(model, sandbox=None, keeps=True, **settings):
    settings.setdefault("sampling", Sampling(0))
    settings.setdefault("max_tokens", 8)
    return Session(model, sandbox, Settings(**settings), Screen(), keeps=keeps)


def piped(monkeypatch, text):
    content = text if isinstance(text, bytes) else text.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))


# ---------------------------------------------------------------------------------------------- in a pipe


def test_each_line_of_a_pipe_is_a_question(folder, tokenizer, monkeypatch, capsys):
    piped(monkeypatch, "What is 3 + 4?\r\n\n1/0?\n")
    sandbox = FakeSandbox(result("7\n"), result("", "ZeroDivisionError: division by zero"))
    monkeypatch.setattr(sandboxes, "open_sandbox", lambda backend: sandbox)
    seen = []
    format_ = type(open_chat(folder, "cpu").chat)
    encode = format_.encode_prompt
    monkeypatch.setattr(format_, "encode_prompt", lambda self, asked: seen.append(asked) or encode(self, asked))
    script(
        monkeypatch,
        tokenizer,
        *("I add.", PYTHON, "a = 3\na + 4", PYTHON_END, "It is 7", END),
        *(PYTHON, "1/0", PYTHON_END, "No.\n", END),
    )
    assert main(["gpt", "chat", str(folder), "--device", "cpu"]) == 0
    captured = capsys.readouterr()
    assert captured.out == (
        "I add.\n>>> a = 3\n... a + 4\n7\nIt is 7\n\n>>> 1/0\nZeroDivisionError: division by zero\nNo.\n"
    )
    assert captured.err == ""
    assert sandbox.codes == ["a = 3\na + 4", "1/0"]
    assert {tuple(asked) for asked in seen} == {(user("What is 3 + 4?"),), (user("1/0?"),)}


def test_the_same_seed_gives_the_same_answers(folder, monkeypatch, capsys):
    said = []
    for seed in ("1", "1", "2"):
        piped(monkeypatch, "a\na\n")
        arguments = ("--no-tools", "--seed", seed, "--max-tokens", "12", "--temperature", "1.2", "--threads", "1")
        assert main(["gpt", "chat", str(folder), *arguments]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] != said[2]


def test_a_question_that_is_too_long_does_not_end_the_others(folder, tokenizer, monkeypatch, capsys):
    piped(monkeypatch, b"x" * 500 + b"\n\xff\n")
    script(monkeypatch, tokenizer, "yes", END)
    assert main(["gpt", "chat", str(folder), "--no-tools"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "\nyes\n"  # an empty line stands between the two answers, of which one is missing
    first, last = captured.err.splitlines()
    assert "shorten it" in first
    assert last == "pybpe: 1 of 2 lines could not be answered"


def test_answers_stay_apart_where_one_is_empty(folder, tokenizer, monkeypatch, capsys):
    piped(monkeypatch, "a\nb\nc\n")
    script(monkeypatch, tokenizer, "one", END, END, "three", END)
    assert main(["gpt", "chat", str(folder), "--no-tools"]) == 0
    assert capsys.readouterr().out.split("\n\n") == ["one", "\nthree\n"]


def test_a_line_without_an_end_is_refused(folder, monkeypatch, fails):
    monkeypatch.setattr(chat_input, "MOST_LINE", 100)
    piped(monkeypatch, b"x" * 101)
    assert "longer than 100 bytes" in fails(2, "gpt", "chat", str(folder), "--no-tools")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_process_in_a_pipe(folder, encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "7", "TERM": "xterm"}
    command = [sys.executable, "-m", "pybpe", "gpt", "chat", str(folder), "--no-tools", "--seed", "3"]
    done = subprocess.run(
        command, input="日本?\nb\n/quit\nc\n".encode(), env=environment, capture_output=True, check=True, timeout=240
    )
    assert done.stderr == b""
    text = done.stdout.decode(encoding)
    assert "\x1b" not in text
    assert text.endswith("\n")


def test_ctrl_c_in_a_pipe_ends_the_command(folder, model, monkeypatch, capsys):
    piped(monkeypatch, "a\nb\n")

    def interrupt(self, event):
        raise KeyboardInterrupt

    monkeypatch.setattr(Screen, "show", interrupt)
    assert main(["gpt", "chat", str(folder), "--no-tools"]) == 130
    assert capsys.readouterr().err == "pybpe: interrupted; the last answer is not complete\n"


# ---------------------------------------------------------------------------------------------- options


def test_options_that_contradict(folder, fails):
    for options in (("--no-tools", "--unsafe-python"), ("--backend", "jail", "--no-tools")):
        assert "contradict each other" in fails(2, "gpt", "chat", str(folder), *options)
    assert "top_p is 7" in fails(1, "gpt", "chat", str(folder), "--top-p", "7")
    assert "is none of auto, jail" in fails(2, "gpt", "chat", str(folder), "--backend", "docker")


def test_without_a_sandbox_the_tool_is_off(folder, tokenizer, monkeypatch, capsys):
    def refuse(backend):
        raise SandboxError("the kernel has no Landlock")

    monkeypatch.setattr(sandboxes, "open_sandbox", refuse)
    piped(monkeypatch, "a\n")
    script(monkeypatch, tokenizer, "yes", END)
    assert main(["gpt", "chat", str(folder)]) == 0
    captured = capsys.readouterr()
    assert captured.out == "yes\n"
    assert captured.err == "note: the model can run no code: the kernel has no Landlock\n"
    piped(monkeypatch, "a\n")
    assert main(["gpt", "chat", str(folder), "--backend", "jail"]) == 1  # a sandbox that was named is not left out
    assert capsys.readouterr().err == "pybpe: the kernel has no Landlock\n"


def test_the_options_choose_the_sandbox(folder, monkeypatch, capsys):
    asked = []

    def opened(backend):
        asked.append(backend)
        return FakeSandbox()

    monkeypatch.setattr(sandboxes, "open_sandbox", opened)
    for options in ((), ("--backend", "none"), ("--unsafe-python",), ("--no-tools",)):
        piped(monkeypatch, "")
        assert main(["gpt", "chat", str(folder), *options]) == 0
    assert asked == ["auto", "none", "unsafe"]


def test_models_that_cannot_talk(tokenizer, corpus, fails):
    shape = ("--n-layer", "1", "--n-head", "2", "--n-embd", "16", "--block-size", "16", "--steps", "2")
    assert main(["gpt", "train", "corpus.txt", *shape, "-o", "run"]) == 0
    assert "pybpe gpt finetune" in fails(1, "gpt", "chat", "run", "--no-tools")
    assert "not the folder of a model" in fails(1, "gpt", "chat", "other", "--no-tools")


# ---------------------------------------------------------------------------------------------- a conversation


def test_the_conversation_goes_on(model, tokenizer, monkeypatch, capsys):
    script(monkeypatch, tokenizer, "one", END, "two", END, "three", END)
    talk = session(model, system="Be brief.")
    converse(talk, Typed("a", "b", "/clear", "c"))
    assert capsys.readouterr().out == "one\ntwo\nthree\n\n"
    assert [message.role for message in talk.conversation] == ["system", "user", "assistant"]
    assert talk.conversation[0].text == "Be brief."
    assert talk.turns[1].text == "three"


def test_how_fast_and_why_an_answer_ends(model, tokenizer, monkeypatch, capsys):
    script(monkeypatch, tokenizer, "one", END, "a" * 100)
    talk = session(model)
    converse(talk, Typed("a", "b", "/tokens 50", "/clear", "c"))
    told = [line for line in capsys.readouterr().err.splitlines() if "tokens/s" in line]
    assert told[0].startswith("4 tokens, ")
    assert told[1].startswith("8 tokens, ")
    assert told[1].endswith("; cut: /tokens allows more")
    assert told[2].startswith("50 tokens, ")
    script(monkeypatch, tokenizer, "a" * 100)
    talk.settings.max_tokens = None
    converse(talk, Typed("d"))
    assert "; cut: the model's context is full" in capsys.readouterr().err


def test_the_oldest_messages_are_dropped_with_a_note(model, capsys):
    talk = session(model)
    converse(talk, Typed(*["question"] * 9))
    captured = capsys.readouterr()
    assert "note: the conversation is too long for the model; it does not see the oldest 2 messages" in captured.err
    assert len(talk.turns) == 18


def test_regenerate(model, tokenizer, monkeypatch, capsys):
    script(monkeypatch, tokenizer, "one", END, "two", END, "three", END)
    talk = session(model)
    converse(talk, Typed("/regenerate", "a", "b", "/regenerate"))
    assert [message.text for message in talk.turns] == ["a", "one", "b", "three"]
    assert "there is no answer yet" in capsys.readouterr().err
    monkeypatch.setattr(Session, "_reply", lambda self, asked: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        talk.take("/regenerate")
    assert [message.text for message in talk.turns] == ["a", "one", "b", "three"]  # nothing is lost


def test_each_answer_has_a_seed_of_its_own(model):
    talks = [session(model, sampling=Sampling(1.2), seed=7, max_tokens=20) for _ in range(2)]
    answers = []
    for talk in talks:
        for line in ("a", "/regenerate", "/regenerate"):
            talk.take(line)
            answers.append(talk.turns[-1])
    assert answers[:3] == answers[3:]
    assert answers[0] != answers[1] != answers[2]


def test_settings(model, capsys):
    talk = session(model)
    typed = ("/temperature 0.3", "/tokens 1_000", "/system  Answer in rhyme. ", "/temperature", "/tokens", "/nothing")
    converse(talk, Typed(*typed))
    assert talk.settings.sampling == Sampling(0.3)
    assert talk.settings.max_tokens == 1000
    assert talk.settings.system == "Answer in rhyme."
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "temperature 0.3",
        "at most 1,000 tokens",
        "the system message is set",
        "temperature 0.3",
        "at most 1,000 tokens",
        "pybpe: there is no command /nothing; /help lists them; // begins a message with a slash",
    ]
    for wrong in ("/temperature -1", "/temperature x", "/tokens 0", "/tokens 1.5", "/save", "/save x.jsonl", "/hepl"):
        converse(talk, Typed(wrong))
        error = capsys.readouterr().err
        assert error.startswith("pybpe: ")
        assert error.count("\n") == 1
    assert "did you mean 'help'" in error or "help" in error
    converse(talk, Typed("/system"))
    assert talk.conversation == []


def test_help_names_every_command(model, capsys):
    converse(session(model), Typed("/help"))
    told = capsys.readouterr().err
    assert all(f"/{name} " in told for name in COMMANDS)


def test_a_message_that_begins_with_a_slash(model, tokenizer, monkeypatch, capsys):
    script(monkeypatch, tokenizer, "one", END)
    talk = session(model)
    converse(talk, Typed("//etc is a folder?", "/quit", "never asked"))
    assert talk.turns[0].text == "/etc is a folder?"
    assert len(talk.turns) == 2


LINES = st.one_of(
    st.text(max_size=20),
    st.builds("/{} {}".format, st.sampled_from(sorted({*COMMANDS} - {"save", "quit"})), st.text(max_size=9)),
    st.sampled_from(
        [
            "/temperature 0",
            "/temperature 1.5",
            "/tokens 2",
            "/system \ud800",
            "\ud800",
            "a\nb",
            "x" * 200,
            KeyboardInterrupt,
        ]
    ),
)


@settings(max_examples=25)
@given(st.lists(LINES, max_size=8))
def test_whatever_is_typed(model, lines):
    talk = session(model, FakeSandbox(), max_tokens=3)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        converse(talk, Typed(*lines))
    assert [message.role for message in talk.turns] == ["user", "assistant"] * (len(talk.turns) // 2)
    if talk.turns:
        assert parse_conversation([message.as_json() for message in talk.conversation]) == talk.conversation


def test_save_writes_what_finetune_reads(model, tokenizer, monkeypatch, capsys, workplace):
    script(monkeypatch, tokenizer, PYTHON, "1", PYTHON_END, "é", END, "b", END)
    talk = session(model, FakeSandbox(), system="S")
    converse(talk, Typed("a\nb", "/save chat.jsonl"))
    first = talk.conversation
    assert list(read_conversations(Path("chat.jsonl"))) == [first]
    assert json.loads(Path("chat.jsonl").read_text(encoding="ascii"))["messages"][1]["content"] == "a\nb"
    converse(talk, Typed("c", "/save chat.jsonl"))  # its own file is written again
    assert list(read_conversations(Path("chat.jsonl"))) == [talk.conversation]
    assert len(talk.conversation) == len(first) + 2
    other = session(model)
    other.turns = talk.turns
    capsys.readouterr()
    for name, reason in (
        ("chat.jsonl", "exists already"),
        (".", "is a folder"),
        ("no/chat.jsonl", "there is no folder"),
    ):
        converse(other, Typed(f"/save {name}", "/save ~nobody-here/x/y"))
        assert reason in capsys.readouterr().err
    assert list(read_conversations(Path("chat.jsonl"))) == [talk.conversation]


# ---------------------------------------------------------------------------------------------- Ctrl-C


class Interrupts(FakeSandbox):
    """Ctrl-C while code runs."""

    def run(self, code, timeout=5.0):
        raise KeyboardInterrupt


def test_ctrl_c_stops_an_answer_and_a_second_ends(model, tokenizer, monkeypatch, capsys):
    script(monkeypatch, tokenizer, "I add.", PYTHON, "3", PYTHON_END, "two", END)
    talk = session(model, Interrupts(), max_tokens=20)
    source = Typed("a", "b", KeyboardInterrupt, "/clear", KeyboardInterrupt, KeyboardInterrupt, "never asked")
    converse(talk, source)
    assert source.lines == ["never asked"]
    captured = capsys.readouterr()
    assert captured.out.startswith("I add.\n>>> 3\ntwo\n")
    told = captured.err.splitlines()
    assert told[0] == "stopped"
    assert told.count("Ctrl-C again or Ctrl-D ends") == 2
    script(monkeypatch, tokenizer, "I add.", PYTHON, "3", PYTHON_END)
    source = Typed("a", KeyboardInterrupt, "never asked")
    converse(talk, source)
    assert source.lines == ["never asked"]  # the second after that which stopped the answer
    assert [part.text for part in talk.turns[-1].parts] == ["I add.", "3"]  # what there is of an answer is kept


def test_a_question_without_an_answer_is_not_kept(model, tokenizer, monkeypatch, capsys):
    talk = session(model)

    def interrupt(*arguments, **more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("pybpe.gpt.batching.choose_rows", interrupt)
        converse(talk, Typed("a"))
    assert talk.turns == []
    converse(talk, Typed("x" * 500))
    assert talk.turns == []
    script(monkeypatch, tokenizer, "one", END)
    converse(talk, Typed("b"))
    assert len(talk.turns) == 2


def test_sigterm_is_no_ctrl_c(model):
    with pytest.raises(Terminated):
        converse(session(model), Typed(Terminated))


# ---------------------------------------------------------------------------------------------- what is shown


CONTROL = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\x1b\x07\r\b\x9b\u202e\u2028\n\t"))


@given(CONTROL)
def test_control_characters_are_escaped(text):
    shown = visible(text)
    assert all(char.isprintable() or char in "\n\t\u200c\u200d" or char.isspace() for char in shown)
    assert not set(shown) & set("\x1b\x07\r\b\x9b\u202e\u2028")
    plain = "日本\u3000é\xa0\U0001f468\u200d\U0001f469 a\tb\n"
    assert visible(plain) == plain
    assert visible("\x1b[31m\x9b") == "\\x1b[31m\\x9b"


@given(
    st.lists(
        st.tuples(st.sampled_from(["text", "python"]), st.text(st.sampled_from("ab\n\x1b"), max_size=4)), max_size=9
    )
)
def test_each_part_begins_a_line(pieces):
    file = io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", file)
        screen = Screen()
        for kind, text in pieces:
            screen.show(Event(kind, text, (1,)))
            if kind == "python":
                screen.show(Event("output", "out", (1,), forced=True))
        screen.end_answer()
    lines = file.getvalue().split("\n")
    assert lines[-1] == ""
    n_code = sum(kind == "python" for kind, _ in pieces)
    assert sum(line.startswith(">>> ") for line in lines) == n_code
    assert lines.count("out") == n_code
    assert "\x1b" not in file.getvalue()


# ---------------------------------------------------------------------------------------------- what is typed


def test_lines_that_go_on(monkeypatch):
    stream = io.StringIO("one \\\n two\\\nthree\nfour\\\n")
    stream.fileno = lambda: 0
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    typed = TerminalInput(stream)
    monkeypatch.setattr(typed, "_takes_pastes", True)
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    assert [typed.read() for _ in range(3)] == ["one \n two\nthree", "four", None]
    assert shown.getvalue() == "> ... ... > ... > "


def test_lines_that_follow_at_once_were_pasted(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    typed = TerminalInput(io.StringIO("one\ntwo\nthree\n"))
    follows = [True, False, False]
    monkeypatch.setattr(typed, "_more_follows", lambda: follows.pop(0))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert [typed.read(), typed.read(), typed.read()] == ["one\ntwo", "three", None]


@given(st.binary(max_size=40))
def test_any_bytes_in_a_pipe_are_lines(content):
    source = PipeInput(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
    lines = list(iter(source.read, None))
    assert len(lines) == content.count(b"\n") + (not content.endswith(b"\n") and content != b"")
    assert all("\n" not in line for line in lines)


def test_the_command_is_listed(capsys):
    assert main(["gpt", "chat", "--help"]) == 0
    assert "--unsafe-python" in capsys.readouterr().out
