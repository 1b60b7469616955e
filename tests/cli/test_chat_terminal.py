"""`pybpe gpt chat` in a terminal: a process behind a pseudo-terminal, in which keys are pressed."""

import contextlib
import os
import re
import select
import struct
import subprocess
import sys
import time

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
pty, fcntl, termios = (
    pytest.importorskip(name, reason="this system has no pseudo-terminals") for name in ("pty", "fcntl", "termios")
)

from support.chat_models import chat_folder  # noqa: E402

from pybpe.gpt.conversation import read_conversations  # noqa: E402

# The process begins a session, so that the pseudo-terminal is the one in which Ctrl-C is pressed.
START = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "pybpe", *sys.argv[1:]])
"""
PATIENCE = 120.0  # seconds until a text must have come
CTRL_C, CTRL_D, ENTER = b"\x03", b"\x04", b"\r"


class Terminal:
    """A command in a terminal of so many columns."""

    def __init__(self, *arguments, columns=80, **environment):
        self._end, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "INPUTRC")}
        settings = {"TERM": "xterm", "INPUTRC": os.devnull, "PYTHONIOENCODING": "utf-8", **environment}
        command = [sys.executable, "-c", START, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, env={**kept, **settings})
        os.close(inner)
        self.shown = ""
        self._seen = 0

    def press(self, keys):
        os.write(self._end, keys if isinstance(keys, bytes) else keys.encode())

    def type(self, line):
        self.press(line.encode() + ENTER)

    def press_until(self, keys, text):
        """Press keys at a prompt until a text comes: CPython misses a signal just before it waits for keys."""
        for patience in (10.0, 10.0, PATIENCE):
            self.press(keys)
            with contextlib.suppress(AssertionError):
                return self.until(text, patience)
        raise AssertionError(f"{text!r} did not come, but {self.shown[self._seen :]!r}")

    def until(self, text, patience=PATIENCE):
        """Read until a text comes after what was read before; return what came before it."""
        deadline = time.monotonic() + patience
        while text not in self.shown[self._seen :]:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} did not come, but {self.shown[self._seen :]!r}")
        begin = self._seen
        self._seen = self.shown.index(text, begin) + len(text)
        return self.shown[begin : self._seen - len(text)]

    def ended(self):
        """Read to the end; return the exit status."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        return self.process.wait(timeout=PATIENCE)

    def _read(self, deadline):
        ready, _, _ = select.select([self._end], [], [], max(0.0, deadline - time.monotonic()))
        content = b""
        if ready:
            with contextlib.suppress(OSError):  # on Linux, the end of what a process writes to a terminal
                content = os.read(self._end, 1 << 16)
        self.shown += content.decode("utf-8", "replace")
        return content

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self._end)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    return {
        "chat": chat_folder(place / "chat"),
        "endless": chat_folder(place / "endless", context=1 << 14, endless=True),
    }


def takes_bracketed_pastes():
    try:
        import readline
    except ImportError:
        return False
    return "libedit" not in readline.__doc__


def test_a_conversation(folders, tmp_path):
    options = ("--no-tools", "--max-tokens", "5", "--seed", "1", "--device", "cpu", "--threads", "1")
    with Terminal("gpt", "chat", folders["chat"], *options, columns=30) as terminal:
        assert "tools off" in terminal.until("/help lists the commands")
        terminal.until("> ")
        terminal.type("first line \\")
        terminal.until("... ")
        terminal.type("second é line")
        terminal.until("tokens/s")
        terminal.until("> ")
        terminal.type(f"/save {tmp_path / 'one.jsonl'}")
        terminal.until("saved")
        terminal.until("> ")
        terminal.type("/clear")
        terminal.until("a new conversation begins")
        terminal.until("> ")
        pasted = "a\nb\nc"
        if takes_bracketed_pastes():
            terminal.press(f"\x1b[200~{pasted}\x1b[201~")
            terminal.press(ENTER)
        else:
            terminal.press(pasted.replace("\n", "\r") + "\r")
        terminal.until("tokens/s")
        terminal.until("> ")
        terminal.type(f"/save {tmp_path / 'two.jsonl'}")
        terminal.until("saved")
        terminal.until("> ")
        terminal.press(CTRL_D)
        assert terminal.ended() == 0
    ((question, _),) = read_conversations(tmp_path / "one.jsonl")
    assert question.text == "first line \nsecond é line"
    ((question, _),) = read_conversations(tmp_path / "two.jsonl")
    assert question.text == pasted


def test_pasted_lines_without_readline(folders, tmp_path):
    """In a terminal that can do nothing."""
    (tmp_path / "readline.py").write_text("raise ImportError", encoding="utf-8")
    options = ("--no-tools", "--max-tokens", "5", "--seed", "1", "--device", "cpu", "--threads", "1")
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    with Terminal("gpt", "chat", folders["chat"], *options, PYTHONPATH=paths, TERM="dumb") as terminal:
        terminal.until("> ")
        terminal.press("a\nb\nc\n")
        terminal.until("tokens/s")
        terminal.until("> ")
        terminal.type(f"/save {tmp_path / 'one.jsonl'}")
        terminal.until("saved")
        terminal.until("> ")
        terminal.press(CTRL_D)
        assert terminal.ended() == 0
    ((question, _),) = read_conversations(tmp_path / "one.jsonl")
    assert question.text == "a\nb\nc"
    assert "\x1b" not in terminal.shown


def test_ctrl_c_stops_the_answer_and_a_second_one_ends(folders):
    options = ("--no-tools", "--temperature", "0", "--device", "cpu", "--threads", "1")
    with Terminal("gpt", "chat", folders["endless"], *options) as terminal:
        terminal.until("> ")
        for _ in range(2):
            terminal.type("go")
            terminal.until("\\x00\\x00")  # the model writes NULs; they are escaped
            terminal.press(CTRL_C)
            terminal.until("stopped")
            terminal.until("> ")
        terminal.type("/tokens 3")
        terminal.until("at most 3 tokens")
        terminal.until("> ")
        terminal.type("go")
        assert "\\x00\\x00\\x00" in terminal.until("3 tokens, ")
        terminal.until("> ")
        terminal.press_until(CTRL_C, "Ctrl-C again or Ctrl-D ends")
        terminal.until("> ")
        time.sleep(1.0)  # see press_until
        terminal.press(CTRL_C)
        assert terminal.ended() == 0
    assert "\x00" not in terminal.shown


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours(folders, environment, coloured):
    options = ("--temperature", "1", "--device", "cpu", "--threads", "1", "--backend", "none", "--seed", "2")
    with Terminal("gpt", "chat", folders["chat"], *options, **environment) as terminal:
        for line in ("a", "b", "c"):
            terminal.until("> ")
            terminal.type(line)
            terminal.until("tokens/s")
        terminal.until("> ")
        terminal.press(CTRL_D)
        assert terminal.ended() == 0
    code = re.findall(r"(\x1b\[2m)?>>> ", terminal.shown)
    assert code
    assert set(code) == {"\x1b[2m" if coloured else ""}
