"""The server with scripted answers, which drives the page in the tests in a browser: what it sends."""

from __future__ import annotations

import http.client
import json
import threading

from hypothesis import given
from hypothesis import strategies as st
from support.chat_server import ChatServer, Output, Script, Token, ids_of, words

from pybpe.gpt.serve.page import page, policy


def request(server: ChatServer, method: str, path: str, body: object = None, key: str | None = None):
    """Return (status, headers, content) of a request; content as bytes, what came of it if the connection breaks."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    try:
        content = response.read()
    except http.client.IncompleteRead as error:
        content = error.partial + b"(broken)"
    connection.close()
    return response.status, response.headers, content


def chat(server: ChatServer, question: str, key: str | None = None, **more: object):
    body = {"messages": [{"role": "user", "content": question}], "stream": True, **more}
    return request(server, "POST", "/v1/chat/completions", body, key)


def chunks(content: bytes) -> list[dict]:
    events = content.decode().removesuffix("(broken)").split("\n\n")
    return [json.loads(event.removeprefix("data: ")) for event in events if event and event != "data: [DONE]"]


ANSWER = (
    *words("Let me count."),
    Token(1, "", "python", special="<|python_start|>"),
    Token(2, "print(3)", "python", others=(Token(7, "print(4)", logprob=-2.0),)),
    Token(3, "", "python", special="<|python_end|>"),
    Output((4, 5, 6), "3"),
    *words("It is 3.", 200),
)


def test_the_server_sends_the_page_with_its_policy():
    with ChatServer() as server:
        status, headers, content = request(server, "GET", "/")
    assert (status, headers["Content-Security-Policy"], content.decode()) == (200, policy(), page())


def test_an_answer_is_sent_in_chunks():
    with ChatServer({"count": Script(ANSWER)}) as server:
        status, headers, content = chat(server, "count")
    assert status == 200
    assert headers["Content-Type"].startswith("text/event-stream")
    assert content.endswith(b"data: [DONE]\n\n")
    first, *middle, last, usage = chunks(content)
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert last["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == len(ids_of(ANSWER))
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in middle) == "Let me count.It is 3."
    assert [id_ for chunk in middle for id_ in chunk["pybpe"]["ids"]] == ids_of(ANSWER)
    assert [chunk["pybpe"]["text"] for chunk in middle if chunk["pybpe"]["forced"]] == ["3"]
    top = [chunk["choices"][0]["logprobs"]["content"][0] for chunk in middle if not chunk["pybpe"]["forced"]][4]
    assert [entry["token"] for entry in top["top_logprobs"]] == ["print(3)", "print(4)"]


@given(n_tokens=st.integers(0, len(ANSWER)))
def test_an_answer_is_continued_after_its_ids(n_tokens):
    with ChatServer({"count": Script(ANSWER)}) as server:
        _, _, content = chat(server, "count", continue_ids=ids_of(ANSWER[:n_tokens]))
    rest = [id_ for chunk in chunks(content) for id_ in chunk.get("pybpe", {}).get("ids", [])]
    assert rest == ids_of(ANSWER[n_tokens:])


def test_other_ids_are_continued_by_the_script_for_them():
    with ChatServer({"count": Script(ANSWER)}) as server:
        _, _, content = chat(server, "count", continue_ids=[100, 42])
    assert "".join(chunk.get("pybpe", {}).get("text", "") for chunk in chunks(content)) == " and on."


def test_errors_breaks_and_keys():
    scripts = {
        "busy": Script(status=429, retry_after=7, message="full"),
        "cut": Script(words("one two three"), end="cut"),
        "error": Script(words("one two"), end="error", message="out of memory"),
    }
    with ChatServer(scripts, key="secret") as server:
        assert chat(server, "busy")[0] == 401
        assert request(server, "GET", "/v1/models")[0] == 401
        assert request(server, "GET", "/nothing", key="secret")[0] == 404
        status, headers, content = chat(server, "busy", "secret")
        assert (status, headers["Retry-After"], json.loads(content)["error"]["message"]) == (429, "7", "full")
        assert chat(server, "cut", "secret")[2].endswith(b"(broken)")
        assert chunks(chat(server, "error", "secret")[2])[-1]["error"]["message"] == "out of memory"
        server.loading = True
        assert json.loads(request(server, "GET", "/v1/models/scripted", key="secret")[2])["pybpe"]["loading"] is True


def test_characters_are_sent_byte_by_byte_and_a_gate_holds_tokens_back():
    gate = threading.Semaphore(0)
    with ChatServer({"ü": Script(words("Größe 🙂"), by_byte=True), "wait": Script(words("a b"), gate=gate)}) as server:
        assert "".join(chunk.get("pybpe", {}).get("text", "") for chunk in chunks(chat(server, "ü")[2])) == "Größe 🙂"
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
        body = {"messages": [{"role": "user", "content": "wait"}], "stream": True}
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        response = connection.getresponse()
        assert b"assistant" in response.readline()
        gate.release()
        response.readline()
        assert b'"a"' in response.readline()
        gate.release()
        assert response.read().endswith(b"[DONE]\n\n")
        connection.close()
