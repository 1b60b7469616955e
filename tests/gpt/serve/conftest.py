"""Servers of small models on free ports of this machine, and clients for them."""

import contextlib
import json
import socket
import threading
import time

import pytest

NAME = "small"
SECONDS = 60  # that a test waits for what must happen


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return _chat_folder(tmp_path_factory.mktemp("models") / NAME)


@pytest.fixture(scope="session")
def long_folder(tmp_path_factory):
    """A model with a context that long answers fit into."""
    return _chat_folder(tmp_path_factory.mktemp("models") / NAME, context=4096)


def _chat_folder(*arguments, **options):
    from support.chat_models import chat_folder  # torch, which this module does without

    return chat_folder(*arguments, **options)


@contextlib.contextmanager
def serving(load, tool=None, *, wait=True, **settings):
    """Run a server in a thread. load: a folder, or a function that opens the model. wait: until it is loaded."""
    from pybpe.gpt.serve.served import open_served
    from pybpe.gpt.serve.server import Server, ServerSettings

    opened = load if callable(load) else lambda: open_served(load, "cpu")
    server = Server(NAME, opened, ServerSettings(port=0, **settings), tool)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        if wait:
            until(lambda: server.worker.served is not None or server.worker.failure is not None)
        yield server
    finally:
        server.stop()
        thread.join(SECONDS)
        assert not thread.is_alive()


def until(true, seconds=SECONDS):
    """Wait until a function returns something true, and return it."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
    return found


@pytest.fixture(scope="session")
def shared_server(folder):
    """A server for tests that change nothing of it."""
    with serving(folder) as server:
        yield server


@pytest.fixture
def slow(monkeypatch):
    """Let models choose the letter "a" each time, and take some milliseconds for it."""
    from pybpe.gpt import batching

    def choose(logits, *rest):
        time.sleep(0.003)
        return [97 for _ in logits]

    monkeypatch.setattr(batching, "choose_rows", choose)


@pytest.fixture
def impatient(monkeypatch):
    """Let the time limits of connections be short."""
    from pybpe.gpt.serve.connections import Connection

    monkeypatch.setattr(Connection, "head_seconds", 1.5)
    monkeypatch.setattr(Connection, "write_seconds", 1.5)


def idle(server):
    """Return True if no slot and no place in the queue is taken."""
    return server.worker.running == 0 and server.worker.queued == 0


CHAT = "/v1/chat/completions"


def connect(server, **options):
    return socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS, **options)


def head(server, path=CHAT, method="POST", **headers):
    """Return the head of a request as bytes. headers: with _ for -; None leaves one out."""
    given = {"host": f"127.0.0.1:{server.port}", "content_type": "application/json", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")


def request(server, path=CHAT, method="POST", body=b"", **headers):
    """Return a whole request as bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(server, path, method, content_length=len(content), **headers) + content


def response(connection):
    """Read a response from a socket: (status, headers, body)."""
    with connection.makefile("rb") as file:
        return read_response(file)


def read_response(file):
    status = int(file.readline().split()[1])
    headers = {}
    while (line := file.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(file.readline(), 16):
            body += file.read(size)
            file.readline()
        file.readline()
    else:
        body = file.read(int(headers.get("content-length", 0)))
    return status, headers, body


def ask(server, path=CHAT, method="POST", body=b"", **headers):
    """Send a request and return (status, headers, the JSON of the response or its bytes)."""
    with connect(server) as connection:
        connection.sendall(request(server, path, method, body, **headers))
        status, found, content = response(connection)
    return status, found, json.loads(content) if "json" in found.get("content-type", "") else content


def hello(**more):
    return {"messages": [{"role": "user", "content": "Hello"}], **more}
