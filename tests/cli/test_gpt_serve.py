"""`pybpe gpt serve` as a process: its start, its end, its log, and its errors."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from support.chat_models import chat_folder

SECONDS = 60  # that a test waits for what must happen


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return chat_folder(tmp_path_factory.mktemp("served") / "small", context=4096)


class Process:
    """A server in a process of its own."""

    def __init__(self, folder, *options):
        command = [sys.executable, "-m", "pybpe", "gpt", "serve", str(folder), "--port", "0", *options]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        line = self.process.stdout.readline()
        self.url = re.search(r"http://[^ ]+", line)[0] if line else None
        self.line = line

    def loaded(self):
        end = time.monotonic() + SECONDS
        while self.ask("/health")[0] != 200:
            assert time.monotonic() < end
            time.sleep(0.05)
        return self

    def ask(self, path, body=None, **headers):
        data = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **headers}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data, given), timeout=SECONDS) as found:
                return found.status, found.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def end(self, number):
        """Send a signal; returns (status, seconds, standard error)."""
        began = time.monotonic()
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, time.monotonic() - began, errors

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


CHAT = "/v1/chat/completions"
HELLO = {"messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no Ctrl-C for other processes")
def test_from_start_to_end(folder):
    with Process(folder, "--no-tools", "--threads", "1", "--slots", "2") as server:
        assert server.line == f"serving {folder} at {server.url} (Ctrl-C ends it)\n"
        server.loaded()
        assert json.loads(server.ask("/v1/models")[1])["data"][0]["id"] == "small"
        found, body = server.ask(CHAT, {**HELLO, "max_tokens": 5})
        assert found == 200
        assert json.loads(body)["usage"]["completion_tokens"] <= 5
        server.ask("/v1/%1b%5d0;evil%07")
        returned, seconds, errors = server.end(signal.SIGINT)
    assert returned == 130
    assert seconds < 30
    lines = errors.splitlines()
    assert lines[-1].endswith(f"the server at {server.url} has ended")
    assert any("the model is loaded" in line and "no tools" in line for line in lines)
    assert any(re.fullmatch(r"\d\d:\d\d:\d\d POST /v1/chat/completions 200 \d+ ms", line) for line in lines)
    assert any(r"GET /v1/\x1b]0;evil\x07 404" in line for line in lines)
    assert errors.replace("\n", "").isprintable()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM for other processes")
def test_streams_end_when_the_server_does(folder):
    """A stream that goes on at the end finishes, or is told why it ends; the process ends within seconds."""
    with Process(folder, "--no-tools", "--threads", "1") as server:
        server.loaded()
        host, port = server.url.removeprefix("http://").split(":")
        body = json.dumps({"prompt": "a", "stream": True, "max_tokens": 4000, "n": 8}).encode()
        with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
            connection.sendall(
                f"POST /v1/completions HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            content = connection.recv(1000)
            returned, seconds, _ = server.end(signal.SIGTERM)
            while part := connection.recv(1 << 16):
                content += part
    assert returned == 143
    assert seconds < 30
    assert b"[DONE]" in content or b'"code":"shutting_down"' in content
    assert content.endswith(b"0\r\n\r\n")  # the response is whole


def test_a_port_that_is_taken(folder, workplace, fails):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = fails(1, "gpt", "serve", str(folder), "--port", port, "--no-tools")
    assert re.fullmatch(f"pybpe: cannot listen on 127.0.0.1 port {port}: .+; choose another with --port", line)


def test_folders_that_hold_no_model(workplace, fails):
    assert "there is no folder nothing" in fails(1, "gpt", "serve", "nothing")
    (workplace / "empty").mkdir()
    assert "empty holds no tokenizer.pybpe" in fails(1, "gpt", "serve", "empty", "--port", "0", "--no-tools", told=True)


def test_keys_that_cannot_be_sent(folder, workplace, fails):
    for key in ("", " a", "a\nb", "ä"):
        assert "the API key must" in fails(2, "gpt", "serve", str(folder), "--no-tools", "--api-key", key)


def test_without_the_extra(folder, workplace, fails, monkeypatch):
    for name in ("starlette", "uvicorn"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            line = fails(1, "gpt", "serve", str(folder))
        assert line == (
            f"pybpe: the package {name} is needed to serve a model; install it with: pip install 'pybpe[chat]'"
        )


def test_a_warning_where_anybody_can_ask(folder, workplace, capsys, monkeypatch):
    from pybpe.cli.main import main
    from pybpe.gpt.serve.server import Server

    monkeypatch.setattr(Server, "run", Server.stop)
    open_ = ["gpt", "serve", str(folder), "--no-tools", "--port", "0", "--host"]
    for host, key, warned in [("0.0.0.0", [], True), ("0.0.0.0", ["--api-key", "k"], False), ("127.0.0.1", [], False)]:
        assert main([*open_, host, *key]) == 0
        assert ("asks for no key" in capsys.readouterr().err) == warned


def test_where_no_sandbox_works(folder, workplace, capsys, monkeypatch, fails):
    from pybpe import sandbox
    from pybpe.cli.main import main
    from pybpe.errors import SandboxError
    from pybpe.gpt.serve.server import Server

    def refuse(name):
        raise SandboxError(f"{name} does not work here")

    tools = []
    monkeypatch.setattr(Server, "run", lambda self: tools.append(self.worker.tool))
    monkeypatch.setattr(sandbox, "open_sandbox", refuse)
    assert main(["gpt", "serve", str(folder), "--port", "0"]) == 0
    assert tools == [None]
    assert "the model can run no code: auto does not work here" in capsys.readouterr().err
    assert "jail does not work here" in fails(1, "gpt", "serve", str(folder), "--port", "0", "--backend", "jail")
    assert tools == [None]


def test_the_options_reach_the_server(folder, workplace, monkeypatch):
    from pybpe.cli.main import main
    from pybpe.gpt.serve.server import Server

    found = []
    monkeypatch.setattr(Server, "run", lambda self: found.append((self.settings, self.worker.tool)))
    monkeypatch.delenv("PYBPE_API_KEY", raising=False)
    options = ["--slots", "3", "--queue", "5", "--max-tokens", "7", "--seconds", "9", "--allow-host", "a.example"]
    command = ["gpt", "serve", str(folder), "--port", "0", "--no-tools"]
    assert main([*command, *options]) == 0
    monkeypatch.setenv("PYBPE_API_KEY", "from-there")
    assert main(command) == 0
    assert main([*command, "--api-key", "given"]) == 0
    settings, tool = found[0]
    assert tool is None
    assert (settings.slots, settings.queue, settings.allowed_hosts) == (3, 5, ("a.example",))
    assert (settings.limits.max_tokens, settings.limits.seconds) == (7, 9)
    assert [settings.key for settings, _ in found] == [None, "from-there", "given"]


def test_the_model_runs_code_in_a_sandbox(folder, workplace, monkeypatch):
    """The sandbox of --backend is open while the server runs, and closed after it."""
    from pybpe.cli.main import main
    from pybpe.gpt.serve.server import Server

    found = []

    def run(self):
        tool = self.worker.tool
        found.append((tool.name, tool.run("417 + 86").stdout.strip()))
        monkeypatch.setattr(tool, "close", lambda: found.append("closed"))

    monkeypatch.setattr(Server, "run", run)
    assert main(["gpt", "serve", str(folder), "--port", "0", "--backend", "none"]) == 0
    assert found == [("none", "503"), "closed"]
