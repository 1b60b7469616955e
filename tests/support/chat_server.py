"""A server with scripted answers, which speaks as `pybpe gpt serve` does: for tests of the page that need every answer,
error and break to come at the moment they choose.

It serves the page at /, the models, and streams of chat completions with the extension "pybpe" in their chunks.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pybpe.gpt.serve.page import page, policy

MODEL = "scripted"
ERROR = {"message": "", "type": "invalid_request_error", "param": None, "code": None}
PATIENCE = 30.0  # seconds that an answer waits for its gate before it is given up


@dataclass(frozen=True)
class Token:
    """A token of an answer.

    others: its alternatives. special: the name of a chat token, else "". content: the bytes of a token that is no whole
    character; text is then what it completes, or "".
    """

    id: int
    text: str
    part: str = "text"
    logprob: float = -0.25
    others: tuple[Token, ...] = ()
    special: str = ""
    content: bytes | None = None

    @property
    def bytes(self) -> list[int]:
        return list((self.special or self.text).encode() if self.content is None else self.content)


@dataclass(frozen=True)
class Output:
    """Output of code, in one piece: ids that the model did not choose."""

    ids: tuple[int, ...]
    text: str


def words(text: str, first_id: int = 100) -> list[Token]:
    """Return a token for each word of a text, with the space before it."""
    found = text.split(" ")
    return [Token(first_id + i, f" {word}" if i else word) for i, word in enumerate(found)]


@dataclass
class Script:
    """What the server answers to a message.

    status: an error of this status is sent where it is not 200. end: "done", "cut" (the connection breaks after the
    last token) or "error" (an error is sent in the stream). gate: each token waits until it is released, and so does
    the end after a cut or an error: browsers drop what they have not read when a connection breaks. by_byte: every
    byte is sent by itself. afterwards: tokens that follow ids which are no beginning of this answer.
    """

    tokens: Sequence[Token | Output] = ()
    finish: str = "stop"
    status: int = 200
    message: str = "scripted"
    retry_after: int | None = None
    end: str = "done"
    gate: threading.Semaphore | None = None
    by_byte: bool = False
    afterwards: Sequence[Token | Output] = field(default_factory=lambda: words(" and on.", 900))
    dropped: int = 0


def ids_of(tokens: Sequence[Token | Output]) -> list[int]:
    """Return the ids of tokens, those of output included."""
    return [id_ for token in tokens for id_ in (token.ids if isinstance(token, Output) else (token.id,))]


class ChatServer(ThreadingHTTPServer):
    """The server, on a port of the loopback, a free one for 0. Use it as a context manager.

    scripts: by the last message of the user; other messages are repeated in the answer. requests: the bodies of the
    requests for answers so far. broken: how many clients went away in the middle of an answer.
    """

    daemon_threads = True

    def __init__(self, scripts: dict[str, Script] | None = None, key: str | None = None, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.scripts, self.key, self.loading = scripts or {}, key, False
        self.requests: list[dict[str, Any]] = []
        self.broken = 0
        self.paths: list[str] = []
        self._sockets: set[socket.socket] = set()
        self.tools: str | None = "jail"
        self.chat = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def __enter__(self) -> ChatServer:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        for connection in self._sockets:  # browsers keep connections open for further requests
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._sockets.add(connection)
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: clients of tests go away in the middle."""

    def about(self) -> dict[str, Any]:
        """Return the model as the API describes it."""
        known = {"context": 1024, "vocabulary": 4096, "chat": self.chat, "tools": self.tools, "loading": self.loading}
        return {"id": MODEL, "object": "model", "created": 0, "owned_by": "pybpe", "pybpe": known}


class _Handler(BaseHTTPRequestHandler):
    server: ChatServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        if self.path == "/":
            self._send(200, page().encode(), "text/html; charset=utf-8", {"Content-Security-Policy": policy()})
        elif not self._allowed():
            self._error(401, "no or a wrong API key")
        elif self.path == "/v1/models":
            self._json(200, {"object": "list", "data": [self.server.about()]})
        elif self.path == f"/v1/models/{MODEL}":
            self._json(200, self.server.about())
        else:
            self._error(404, "there is nothing here")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        question = next(m["content"] for m in reversed(body["messages"]) if m["role"] == "user")
        script = self.server.scripts.get(question) or Script(words(f"You said: {question}"))
        if not self._allowed():
            self._error(401, "no or a wrong API key")
        elif script.status != 200:
            headers = {} if script.retry_after is None else {"Retry-After": str(script.retry_after)}
            self._error(script.status, script.message, headers)
        else:
            try:
                self._stream(script, body)
            except OSError:
                self.server.broken += 1
                self.close_connection = True

    def _allowed(self) -> bool:
        return self.server.key is None or self.headers["Authorization"] == f"Bearer {self.server.key}"

    def _send(self, status: int, content: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _json(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(value).encode(), "application/json", headers or {})

    def _error(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self._json(status, {"error": {**ERROR, "message": message}}, headers)

    def _stream(self, script: Script, body: dict[str, Any]) -> None:
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in self._events(script, body):
            content = f"data: {event}\n\n".encode()
            for piece in (content[i : i + 1] for i in range(len(content))) if script.by_byte else (content,):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
                if script.by_byte and piece[0] >= 0x80:
                    time.sleep(0.002)  # so that a reader meets the parts of a character apart
        if script.end != "cut":
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = script.end != "done"

    def _wait(self, gate: threading.Semaphore) -> None:
        """Wait until the gate lets a token through. OSError once the client has gone away."""
        end = time.monotonic() + PATIENCE
        while not gate.acquire(timeout=0.02):
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise OSError("the client has gone away")
            if time.monotonic() > end:
                raise OSError("nobody opened the gate")

    def _events(self, script: Script, body: dict[str, Any]) -> Iterator[str]:
        """Yield the data of the events of an answer."""
        prompt = 10 * len(body["messages"]) + len(body.get("continue_ids", []))
        tokens = _rest(script, body.get("continue_ids", []))
        first = {"dropped_messages": script.dropped} if script.dropped else None
        yield _chunk({"role": "assistant", "content": ""}, extra=first)
        for token in tokens:
            if script.gate is not None:
                self._wait(script.gate)
            yield _token_chunk(token)
        if script.end == "cut":
            if script.gate is not None:
                self._wait(script.gate)
            return
        if script.end == "error":
            yield json.dumps({"error": {**ERROR, "message": script.message}})
            if script.gate is not None:
                self._wait(script.gate)
            return
        yield _chunk({}, finish=script.finish)
        completion = len(ids_of(tokens))
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        yield _chunk(None, usage=usage)
        yield "[DONE]"


def _rest(script: Script, begun: list[int]) -> Sequence[Token | Output]:
    """Return the tokens that follow the ids of an answer that has begun."""
    for n_tokens in range(len(script.tokens) + 1):
        if ids_of(script.tokens[:n_tokens]) == begun:
            return script.tokens[n_tokens:]
    return script.afterwards


def _entry(token: Token) -> dict[str, Any]:
    """Return a token as the log probabilities of an answer list it."""
    name = bytes(token.bytes).decode("utf-8", "replace")
    return {"id": token.id, "token": name, "logprob": token.logprob, "bytes": token.bytes}


def _token_chunk(token: Token | Output) -> str:
    if isinstance(token, Output):
        extension = _extension("output", token.text, token.ids, forced=True)
        return _chunk({"content": ""}, logprobs={"content": [], "refusal": None}, extra=extension)
    ranked = sorted([token, *token.others], key=lambda each: -each.logprob)
    content = [{**_entry(token), "top_logprobs": [_entry(each) for each in ranked]}]
    return _chunk(
        {"content": token.text if token.part == "text" else ""},
        logprobs={"content": content, "refusal": None},
        extra=_extension(token.part, token.text, (token.id,)),
    )


def _extension(part: str, text: str, ids: Sequence[int], forced: bool = False) -> dict[str, Any]:
    return {"part": part, "text": text, "ids": list(ids), "forced": forced}


def _chunk(
    delta: dict[str, Any] | None,
    *,
    finish: str | None = None,
    logprobs: dict[str, Any] | None = None,
    usage: dict[str, int] | None = None,
    extra: dict[str, Any] | None = None,
) -> str:
    """Return a chunk as JSON with raw UTF-8. delta: None for the last chunk, which has the usage and no choices."""
    choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
    chunk: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": MODEL,
        "system_fingerprint": None,
        "choices": [] if delta is None else [choice],
        "usage": usage,
    }
    if extra is not None:
        chunk["pybpe"] = extra
    return json.dumps(chunk, ensure_ascii=False)
