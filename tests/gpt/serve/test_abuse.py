"""Clients that go away, do not read, are slow, are many, or send what is wrong: the server goes on for the others."""

import json
import socket
import struct
import threading
import time
import zlib

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from .conftest import (
    CHAT,
    NAME,
    ask,
    connect,
    head,
    hello,
    idle,
    read_response,
    request,
    response,
    serving,
    until,
)

WITHIN = 20.0  # seconds for the next request; on a busy machine, 10 times as long as it must be elsewhere


@pytest.fixture(scope="module")
def patient_server(long_folder):
    """A server with few slots, for tests that leave it as it was."""
    with serving(long_folder, slots=4, queue=8) as server:
        yield server


def works(server):
    """A normal request is answered soon."""
    began = time.monotonic()
    status, _, body = ask(server, body=hello(max_tokens=1))
    assert status == 200, body
    assert time.monotonic() - began < WITHIN


def vanish(connection):
    """Close a connection at once, without a proper end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_abandoned_requests_leave_no_slot(patient_server, slow):
    """Streams and whole answers; the clients leave before or after the first token, with and without a proper end."""
    for round_ in range(4):
        opened = []
        for number in range(10):
            connection = connect(patient_server)
            connection.sendall(request(patient_server, body=hello(stream=number % 2 == 0, max_tokens=4000)))
            opened.append(connection)
        if round_ % 2:
            until(lambda: patient_server.worker.running == 4)
            time.sleep(0.05)
        for number, connection in enumerate(opened):
            (vanish if number % 3 else socket.socket.close)(connection)
    began = time.monotonic()
    until(lambda: idle(patient_server))
    assert time.monotonic() - began < WITHIN
    works(patient_server)


def test_a_client_that_leaves_is_dropped_within_a_token(patient_server, monkeypatch, slow):
    chosen = patient_server.worker.metrics
    with connect(patient_server) as connection:
        connection.sendall(request(patient_server, body=hello(stream=True, max_tokens=4000)))
        connection.recv(100)
    until(lambda: idle(patient_server))
    assert chosen.text([]).count("pybpe_answers_cancelled_total 0\n") == 0


def test_a_burst_is_refused_beyond_the_queue(patient_server, slow):
    """12 of 40 requests have a place: 4 slots and 8 in the queue. The others are refused at once."""
    connections = [connect(patient_server) for _ in range(40)]
    for connection in connections:
        connection.sendall(request(patient_server, body=hello(max_tokens=200)))
    found = [response(connection) for connection in connections]
    for connection in connections:
        connection.close()
    statuses = [status for status, _, _ in found]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= 12
    refused = next(each for each in found if each[0] == 429)
    assert refused[1]["retry-after"] == "1"
    assert json.loads(refused[2])["error"]["code"] == "queue_full"
    works(patient_server)


def test_a_request_for_more_answers_than_there_are_places(long_folder):
    with serving(long_folder, slots=1, queue=2) as server:
        status, _, body = ask(server, body=hello(n=4))
        assert (status, body["error"]["param"]) == (400, "n")
        assert ask(server, body=hello(n=3, max_tokens=1))[0] == 200


def test_health_does_not_wait_for_the_model(patient_server, monkeypatch):
    """A step of the model takes a second; /health answers in less."""
    from pybpe.gpt import batching

    def choose(logits, *rest):
        time.sleep(1.5)
        return [97 for _ in logits]

    monkeypatch.setattr(batching, "choose_rows", choose)
    with connect(patient_server) as connection:
        connection.sendall(request(patient_server, body=hello(max_tokens=2)))
        until(lambda: patient_server.worker.running == 1)
        for _ in range(3):
            began = time.monotonic()
            status, _, body = ask(patient_server, "/health", "GET")
            assert time.monotonic() - began < 1.0
            assert (status, body["status"], body["running"]) == (200, "ok", 1)
        assert response(connection)[0] == 200


def test_a_client_that_does_not_read_is_dropped_alone(long_folder, impatient, monkeypatch):
    from pybpe.gpt import batching

    monkeypatch.setattr(batching, "choose_rows", lambda logits, *rest: [97 for _ in logits])
    with serving(long_folder, slots=8) as server:
        server._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)  # accepted sockets have it, too
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
            deaf.connect(("127.0.0.1", server.port))
            deaf.sendall(request(server, body=hello(stream=True, n=8, logprobs=True, top_logprobs=20)))
            until(lambda: server.worker.running == 8)
            until(lambda: idle(server))  # it was dropped, long before the answers had come to their end
            assert "pybpe_answers_cancelled_total 8\n" in server.worker.metrics.text([])
            works(server)


def test_slow_clients_are_closed(long_folder, impatient):
    """Half a head, half a body, nothing at all: each connection ends, and others are served meanwhile."""
    from pybpe.gpt.serve.body import Bodies

    with serving(long_folder) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bodies, "read", _with_time_limit(Bodies.read))
        halves = [b"", b"GET /health HT", request(server, body=hello())[:60], head(server, content_length=100) + b"{"]
        opened = []
        for half in halves:
            connection = connect(server)
            connection.sendall(half)
            opened.append(connection)
        works(server)
        ends = []
        for connection in opened:
            content = b""
            while part := _received(connection):
                content += part
            ends.append(content.partition(b"\r\n")[0])
            connection.close()
        assert ends == [b"", b"", b"", b"HTTP/1.1 408 Request Timeout"]
        works(server)


def _received(connection):
    try:
        return connection.recv(1000)
    except ConnectionResetError:
        return b""


def _with_time_limit(read):
    async def quick(self, request):
        self._seconds = 0.5
        return await read(self, request)

    return quick


def test_too_many_connections_push_out_the_idle_ones(long_folder, monkeypatch, slow):
    from pybpe.gpt.serve.connections import Connection

    monkeypatch.setattr(Connection, "most", 10)
    with serving(long_folder) as server, connect(server) as busy:
        busy.sendall(request(server, body=hello(max_tokens=300)))
        until(lambda: server.worker.running == 1)
        opened = [connect(server) for _ in range(30)]
        for connection in opened:
            connection.sendall(b"GET / HTTP/1.1\r\n")
        works(server)
        assert response(busy)[0] == 200  # a request that is being answered is never pushed out
        for connection in opened:
            connection.close()


def sent_in_pieces(server, body, **headers):
    """Send a body in chunks of 64 KB until the server answers; returns the response."""
    with connect(server) as connection:
        connection.sendall(head(server, **headers))
        answers = []
        reader = threading.Thread(target=lambda: answers.append(response(connection)))
        reader.start()
        try:
            for begin in range(0, len(body), 1 << 16):
                if answers:
                    break
                connection.sendall(body[begin : begin + (1 << 16)])
        except OSError:
            pass
        reader.join(60)
    return answers[0]


def test_large_bodies_are_refused_early(patient_server):
    large = 50 << 20
    with connect(patient_server) as connection:  # by its length, before any of it has come
        connection.sendall(head(patient_server, content_length=large))
        status, _, body = response(connection)
    assert (status, json.loads(body)["error"]["code"]) == (413, "body_too_large")
    assert sent_in_pieces(patient_server, b" " * large, content_length=large)[0] == 413
    chunked = (b"10000\r\n" + b" " * (1 << 16) + b"\r\n") * 800  # by counting
    assert sent_in_pieces(patient_server, chunked, transfer_encoding="chunked")[0] == 413
    with connect(patient_server) as connection:
        connection.sendall(head(patient_server, content_length="9" * 30))
        assert connection.makefile("rb").readline().split()[1] in (b"400", b"413")
    works(patient_server)


BODIES = {
    "nothing": b"",
    "not JSON": b"{",
    "deep lists": b"[" * 200_000,
    "deep lists in an object": b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "bad UTF-8": b'{"messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "UTF-16": json.dumps(hello()).encode("utf-16"),
    "a mark before it": b"\xef\xbb\xbf{}",
    "half a surrogate": b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    "a null byte in JSON": b'{"messages": "\x00"}',
    "a list": b"[]",
    "a number": b"1",
    "NaN": b'{"messages": [{"role": "user", "content": "a"}], "temperature": NaN}',
    "infinity": b'{"messages": [{"role": "user", "content": "a"}], "temperature": 1e999}',
    "a long number": b'{"messages": [{"role": "user", "content": "a"}], "seed": ' + b"9" * 5000 + b"}",
    "a longer number": b'{"messages": [{"role": "user", "content": "a"}], "seed": ' + b"9" * 4000 + b"}",
    "many messages": json.dumps({"messages": [{"role": "user", "content": ""}] * 5000}).encode(),
    "many characters": json.dumps({"messages": [{"role": "user", "content": "x" * 900_000}]}).encode(),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies_that_are_wrong(patient_server, name):
    status, _, body = ask(patient_server, body=BODIES[name])
    assert status == 400
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert len(body["error"]["message"]) < 500
    works(patient_server)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_encoding": "gzip"}, 415),
        ({"content_encoding": "deflate, br"}, 415),
        ({"content_type": None}, 415),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"content_type": "application/json; charset=utf-16"}, 415),
        ({"content_type": "application/json; charset=UTF-8"}, 200),
        ({"content_encoding": "identity"}, 200),
    ],
)
def test_kinds_of_bodies(patient_server, headers, status):
    body = json.dumps(hello(max_tokens=1)).encode()
    if headers.get("content_encoding") == "gzip":
        body = zlib.compress(b" " * (1 << 24))  # would be 16 MB
    assert ask(patient_server, body=body, **headers)[0] == status


def test_paths_and_methods(patient_server):
    for method, path, status in [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/models/", 404),
        ("POST", "/v1", 404),
        ("GET", "/..%2f..%2fetc/passwd", 404),
        ("GET", CHAT, 405),
        ("OPTIONS", CHAT, 405),
        ("DELETE", "/v1/models", 405),
        ("POST", "/health", 405),
        ("GET", "/", 200),
        ("GET", f"/v1/models/{NAME}", 200),
        ("GET", "/v1/models/other%0a", 404),
    ]:
        found, headers, body = ask(patient_server, path, method, content_type=None)
        assert found == status, (method, path, body)
        if status >= 400:
            assert set(body["error"]) == {"message", "type", "param", "code"}
        if status == 405:
            assert "allow" in headers
        assert "access-control-allow-origin" not in headers
        assert headers["x-content-type-options"] == "nosniff"


def test_bytes_that_are_not_http(patient_server):
    for content in (
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: " + b"b" * 100_000,
    ):
        with connect(patient_server) as connection:
            connection.sendall(content)
            with connection.makefile("rb") as file:
                assert read_response(file)[0] == 400
    works(patient_server)


def test_two_requests_on_one_connection(patient_server):
    with connect(patient_server) as connection:
        connection.sendall(request(patient_server, body=hello(max_tokens=1)) * 2)
        with connection.makefile("rb") as file:
            assert [read_response(file)[0] for _ in range(2)] == [200, 200]


def test_an_error_of_the_server_itself(patient_server, monkeypatch, caplog):
    from pybpe.gpt.serve.body import Bodies

    with monkeypatch.context() as patch:
        patch.setattr(Bodies, "read", lambda *_: 1 / 0)
        status, headers, body = ask(patient_server, body=hello())
    assert (status, body["error"]["code"]) == (500, "internal_error")
    assert "ZeroDivisionError" not in body["error"]["message"]
    assert headers["x-content-type-options"] == "nosniff"
    until(lambda: "ZeroDivisionError" in caplog.text)
    works(patient_server)
