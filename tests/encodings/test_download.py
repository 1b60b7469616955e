"""Downloads over loopback: what was published comes through, and nothing else."""

from __future__ import annotations

import hashlib
import http.server
import socket
import threading

import pytest

from pybpe import DownloadError
from pybpe.encodings.download import fetch

BODY = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(BODY).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by the name that is asked for."""

    def do_GET(self):
        kind = self.path[1:]
        body = {"wrong": b"x" + BODY[1:], "short": BODY[:1000], "long": BODY * 2, "empty": b""}.get(kind, BODY)
        if kind == "missing":
            return self.send_error(404)
        if kind == "redirect":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1/x")
            return self.end_headers()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (kind == "torn") * 5000))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(autouse=True)
def direct(monkeypatch):
    """No proxy stands between."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_what_was_published(server):
    assert fetch(f"{server}/right", len(BODY), SHA256) == BODY


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("wrong", "sha256 is not the published one"),
        ("short", "only 1,000 of 256,000 bytes"),
        ("empty", "only 0 of 256,000 bytes"),
        ("long", "more than 256,000 bytes"),
        ("torn", "256,000"),
        ("missing", "cannot be read: Not Found"),
        ("redirect", "cannot be read"),
    ],
)
def test_anything_else(server, kind, message):
    n_bytes = len(BODY) + 5000 * (kind == "torn")
    with pytest.raises(DownloadError, match=message) as raised:
        fetch(f"{server}/{kind}", n_bytes, SHA256)
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value, OSError)


def test_nobody_there():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(DownloadError, match=r"cannot be read: .*refused"):
        fetch(f"http://127.0.0.1:{port}/x", 5, SHA256)


def test_a_server_that_says_nothing(monkeypatch):
    monkeypatch.setattr("pybpe.encodings.download.TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DownloadError, match="timed out"):
        fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/x", 5, SHA256)


def test_a_server_that_talks_of_something_else():
    def answer(listening):
        with listening.accept()[0] as connection:
            connection.sendall(b"gibberish\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer, args=(listening,), daemon=True).start()
        with pytest.raises(DownloadError, match="cannot be read"):
            fetch(f"http://127.0.0.1:{listening.getsockname()[1]}/x", 5, SHA256)
