"""Errors in the browser: keys, a busy server, streams that break, a server that is away or not ready."""

from __future__ import annotations

import threading

import pytest
from support.chat_page import IMAGE, Chat, wait_until
from support.chat_server import ChatServer, Script, words

pytestmark = pytest.mark.browser


def test_a_key_is_asked_for(open_tabs):
    with ChatServer(key="secret") as server:
        chat = Chat(open_tabs(server.url), server.url)
        for key in ("wrong", "secret"):
            dialog = chat.page.locator("#key-dialog[open]")
            dialog.wait_for()
            chat.look("key")
            chat.page.locator("#key").fill(key)
            chat.button("Use this key").click()
            chat.page.wait_for_function("() => document.querySelector('#key').value === ''")
        chat.ready()
        chat.say("hello")
        assert chat.texts() == ["hello", "You said: hello"]
        assert chat.page.evaluate("JSON.stringify(localStorage).includes('secret')") is False
        server.key = "changed"
        chat.type("more")
        chat.page.locator("#key-dialog[open]").wait_for()
        chat.page.locator("#key").fill("changed")
        chat.page.keyboard.press("Enter")
        chat.expect(".message.assistant .body", "You said: more")


def test_no_key_is_given(open_tabs):
    with ChatServer(key="secret") as server:
        chat = Chat(open_tabs(server.url), server.url)
        chat.button("Cancel").click()
        chat.page.locator('#state[data-state="locked"]').wait_for()
        chat.type("hello")
        chat.page.locator("#key").fill("secret")
        chat.button("Use this key").click()
        chat.ready()
        assert chat.page.locator("#input").input_value() == "hello"
        chat.button("Send").click()
        chat.expect(".message.assistant .body", "You said: hello")


def test_a_busy_server(chat, server):
    server.scripts["busy"] = Script(status=429, retry_after=7)
    chat.say("busy")
    chat.expect(".problem", "The server is busy")
    chat.expect(".problem", "7 seconds")
    chat.look("busy")
    del server.scripts["busy"]
    chat.button("Try again").click()
    chat.expect(".message.assistant .body", "You said: busy")
    assert chat.page.locator(".branches").count() == 0  # the answer that failed was empty


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (400, "the model has room for 1,024 tokens", "room for 1,024 tokens"),
        (413, "at most 1 MB", "too long for the server. at most 1 MB"),
        (500, IMAGE, IMAGE),
        (503, "still loading", "not ready yet"),
    ],
)
def test_errors_are_words(chat, server, status, message, said):
    server.scripts["bad"] = Script(status=status, message=message)
    chat.say("bad")
    chat.expect(".problem", said)
    assert chat.page.locator(".problem img").count() == 0


@pytest.mark.parametrize("end", ["cut", "error"])
def test_a_stream_that_breaks(chat, server, end):
    gate = threading.Semaphore(2)
    server.scripts["break"] = Script(words("one two"), end=end, message="no memory", gate=gate)
    chat.type("break")
    chat.expect(".message.assistant .body", "one two")
    gate.release()
    chat.expect(".problem", "ended in the middle" if end == "cut" else "broke off the answer. no memory")
    assert chat.texts()[-1] == "one two"
    chat.look(f"broken-{end}")
    server.scripts["break"] = Script(words("one two three"))
    chat.button("Continue").click()
    chat.expect(".message.assistant .body", "one two three")
    assert chat.page.locator(".problem").count() == 0
    server.scripts["break"] = Script(words("four five"), end=end, gate=gate)
    gate.release(2)
    chat.button("Regenerate").click()
    chat.expect(".message.assistant .body", "four five")
    gate.release()
    chat.expect(".problem", "the answer")
    server.scripts["break"] = Script(words("whole"))
    chat.button("Try again").click()
    chat.expect(".message.assistant .body", "whole")
    assert chat.page.locator(".branches").inner_text().replace("\n", "") == "‹3/3›"


def test_a_stream_is_closed_after_an_error(chat, server):
    server.scripts["error"] = Script(words("one"), end="error", gate=threading.Semaphore(1))
    chat.type("error")
    chat.expect(".problem", "broke off the answer")
    wait_until(chat, lambda: server.broken == 1)


def test_a_server_that_goes_away_and_comes_back(open_tabs):
    with ChatServer() as server:
        chat = Chat(open_tabs(server.url), server.url).ready()
        chat.say("hello")
        port = server.server_port
        idle = server.url
    chat.type("more")
    chat.expect(".problem", "cannot be reached")
    chat.page.locator('#state[data-state="gone"]').wait_for()
    assert chat.button("Send").is_disabled()
    chat.look("gone")
    with ChatServer(port=port) as server:
        assert server.url == idle
        chat.ready()
        chat.button("Try again").click()
        chat.expect(".message.assistant .body", "You said: more")


def test_a_model_that_is_being_loaded(open_tabs, server):
    server.loading = True
    chat = Chat(open_tabs(server.url), server.url)
    chat.page.locator('#state[data-state="loading"]', has_text="is being loaded").wait_for()
    assert chat.button("Send").is_disabled()
    chat.page.locator("#input").fill("early")
    chat.page.keyboard.press("Enter")
    chat.look("loading")
    server.loading = False
    chat.ready()
    assert chat.page.locator("#input").input_value() == "early"
    assert server.requests == []
    chat.page.keyboard.press("Enter")
    chat.expect(".message.assistant .body", "You said: early")
