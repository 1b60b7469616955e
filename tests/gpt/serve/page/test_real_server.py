"""The page's view of the real server: its page and its fields, and, in the browser, a whole conversation."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from support.chat_models import FakeSandbox, chat_tokenizer, script
from support.chat_page import Chat
from support.chat_server import ChatServer, Output, Script, Token

from pybpe.gpt.conversation import PYTHON_END, PYTHON_START
from pybpe.gpt.serve.page import page, policy

from ..conftest import serving

END = "<|assistant_end|>"
ANSWER = (
    Token(1, "a"),
    Token(2, "", "python", special=PYTHON_START, others=(Token(9, "b"),)),
    Token(3, "1", "python"),
    Token(4, "", "python", special=PYTHON_END),
    Output((5, 6, 7), "7"),
    Token(8, "c"),
)


def get(url: str, path: str, body: object = None):
    """Return (headers, content) of a request."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    content = None if body is None else json.dumps(body)
    connection.request("GET" if body is None else "POST", path, content, {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    assert response.status == 200, content
    return response.headers, content


def stream(url: str, **more: object) -> list[dict]:
    body = {
        "messages": [{"role": "user", "content": "x"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "logprobs": True,
        "top_logprobs": 2,
        "truncate": True,
        **more,
    }
    events = get(url, "/v1/chat/completions", body)[1].decode().strip().split("\n\n")
    assert events.pop() == "data: [DONE]"
    return [json.loads(event.removeprefix("data: ")) for event in events]


def shape(value: object) -> object:
    """Return the names of fields in a JSON value, and the types of what they hold."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def covers(real: object, scripted: object) -> bool:
    """Return True if a shape has all that another has. A list of the scripted server may be longer."""
    if isinstance(real, dict) and isinstance(scripted, dict):
        return all(name in real and covers(real[name], each) for name, each in scripted.items())
    if isinstance(real, list) and isinstance(scripted, list):
        return not scripted or (bool(real) and covers(real[0], scripted[0]))
    return real == scripted


def test_the_page_is_served_with_its_policy(shared_server):
    headers, content = get(shared_server.url, "/")
    assert content.decode() == page()
    assert headers["Content-Security-Policy"] == f"{policy()}; frame-ancestors 'none'"


def test_the_scripted_server_sends_what_the_real_one_sends(folder, monkeypatch):
    script(monkeypatch, chat_tokenizer(), "a", PYTHON_START, "1", PYTHON_END, "c", END)
    with serving(folder, FakeSandbox()) as server, ChatServer({"x": Script(ANSWER)}) as scripted:
        real, fake = stream(server.url), stream(scripted.url)
        assert [chunk.get("pybpe", {}).get("part") for chunk in real[1:-2]] == [
            *("text", "python", "python", "python", "output", "text")
        ]
        for left, right in zip(real, fake, strict=True):
            assert covers(shape(left), shape(right)), (left, right)
        one, two = (json.loads(get(each.url, "/v1/models")[1])["data"][0] for each in (server, scripted))
        assert covers(shape(one), shape(two))
        assert covers(shape(json.loads(get(server.url, f"/v1/models/{one['id']}")[1])), shape(two))


def test_code_that_was_written_before_is_run(folder, monkeypatch):
    """An answer can be stopped, or be given another token, between its code and the output."""
    tokenizer = chat_tokenizer()
    script(monkeypatch, tokenizer, "c", END)
    begun = [tokenizer.special_tokens[PYTHON_START], 49, tokenizer.special_tokens[PYTHON_END]]
    with serving(folder, FakeSandbox()) as server:
        pieces = [chunk.get("pybpe", {}) for chunk in stream(server.url, continue_ids=begun)]
    assert [(piece["part"], piece["text"]) for piece in pieces if piece.get("ids")] == [("output", "7"), ("text", "c")]


@pytest.mark.browser
def test_a_conversation_with_the_real_server(open_tabs, folder, monkeypatch):
    tokenizer = chat_tokenizer()
    left = script(monkeypatch, tokenizer, "Hä? ", PYTHON_START, "3+4", PYTHON_END, "It is 7.", END)
    with serving(folder, FakeSandbox()) as server:
        chat = Chat(open_tabs(server.url), server.url).ready()
        chat.page.locator("#open-settings").click()
        assert "in the sandbox “fake”" in chat.page.locator("#about").inner_text()
        chat.say("3+4?")
        blocks = [text.strip() for text in chat.page.locator(".block").all_inner_texts()]
        assert blocks == ["Hä?", "PYTHON\n3+4", "OUTPUT\n7", "It is 7."]
        assert left == []
        chat.button("Tokens").click()
        assert chat.page.locator(".token.special").all_inner_texts() == ["python_start", "python_end"]
        assert chat.page.locator(".token.bytes").all_inner_texts() == ["c3"]
        chat.look("real")

        # Another token in place of the "7" after the output: the model goes on from there.
        left += [*tokenizer.encode_ordinary("."), tokenizer.special_tokens[END]]
        chat.page.locator(".block.text .token", has_text="7").click()
        other = chat.page.locator(".alternative:enabled").first
        other.click()
        chat.done()
        assert chat.page.locator(".branches").inner_text().replace("\n", "") == "‹2/2›"
        assert chat.page.locator(".problem").count() == 0

        # An answer of the first branch that is cut at its limit is continued inside of its code.
        chat.button("Previous version").click()
        left += [tokenizer.special_tokens[PYTHON_START], *tokenizer.encode_ordinary("3")]
        chat.page.locator("#max_tokens").fill("2")
        chat.button("Regenerate").click()
        chat.expect(".message.assistant .note", "limit of tokens")
        left += [*tokenizer.encode_ordinary("+4"), tokenizer.special_tokens[PYTHON_END]]
        left += [*tokenizer.encode_ordinary("7"), tokenizer.special_tokens[END]]
        chat.page.locator("#max_tokens").fill("20")
        chat.button("Continue").click()
        chat.expect(".block.output", "7")
        chat.done()
        assert chat.page.locator(".block.python pre").inner_text() == "python_start3+4python_end"
        chat.page.locator("#temperature").fill("")
        chat.page.locator("#max_tokens").fill("")


@pytest.mark.browser
def test_a_model_that_loads_slowly(open_tabs, folder):
    import threading

    from pybpe.gpt.serve.served import open_served

    gate = threading.Event()

    def load():
        assert gate.wait(60)
        return open_served(folder, "cpu")

    with serving(load, wait=False, key="secret") as server:
        chat = Chat(open_tabs(server.url), server.url)
        chat.page.locator("#key").fill("secret")
        chat.button("Use this key").click()
        chat.page.locator('#state[data-state="loading"]', has_text="is being loaded").wait_for()
        gate.set()
        chat.ready()
        chat.say("Hello")
        assert chat.page.locator(".problem").count() == 0
