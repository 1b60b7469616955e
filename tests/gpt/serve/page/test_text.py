"""Text in the browser: HTML that stays text, the policy, long messages and long conversations."""

from __future__ import annotations

import json
import threading

import pytest
from support.chat_page import IMAGE, Chat, wait_until
from support.chat_server import ChatServer, Output, Script, Token

pytestmark = pytest.mark.browser


def test_html_in_messages_is_text(chat, server):
    answer = (
        Token(1, IMAGE),
        Token(2, "", "python", special="<|python_start|>"),
        Token(3, IMAGE, "python", others=(Token(9, IMAGE, logprob=-1.0),)),
        Token(4, "", "python", special="<|python_end|>"),
        Output((5,), IMAGE),
        Token(6, "https://example.com/", others=(Token(8, "javascript:alert(1)", logprob=-1.0),)),
    )
    server.scripts[IMAGE] = Script(answer)
    chat.say(IMAGE)
    chat.page.locator("#conversations .title", has_text="<img").wait_for()
    chat.button("Tokens").click()
    chat.page.locator(".block.python .token").nth(1).click()
    assert chat.page.locator(".alternative .name").all_inner_texts() == [IMAGE.replace(" ", "·")] * 2
    assert chat.page.locator("main a, #popup a, img, main script").count() == 0
    chat.look("html")
    chat.page.get_by_label("Delete “<img").click()
    chat.expect("#toast", "Deleted “<img")
    assert "/x" not in server.paths


BREACHES = """async (elsewhere) => {
  const outcome = {};
  const nameOf = (error) => error.name;
  const set = async () => { document.createElement("p").innerHTML = "<b>x</b>"; };
  outcome.html = await set().then(() => "set", nameOf);
  outcome.fetch = await fetch(elsewhere, { mode: "no-cors" }).then(() => "sent", nameOf);
  const image = new Image();
  image.src = elsewhere;
  outcome.image = await new Promise((resolve) => {
    image.onload = () => resolve("loaded");
    image.onerror = () => resolve("blocked");
  });
  try {
    const script = document.createElement("script");
    script.append("window.breached = true");
    document.body.append(script);
  } catch {}
  outcome.script = window.breached ?? "blocked";
  return outcome;
}"""


def test_the_policy_holds_in_the_browser(browser, server):
    with ChatServer() as elsewhere, browser.new_context() as context:
        page = Chat(context, server.url).ready().page
        outcome = page.evaluate(BREACHES, elsewhere.url)
        assert outcome == {"html": "TypeError", "fetch": "TypeError", "image": "blocked", "script": "blocked"}
        assert elsewhere.paths == []


def test_a_message_of_100_kilobytes(chat, server):
    text = "lorem ipsum " * 8000 + "x" * 8000
    chat.page.locator("#input").fill(text)
    assert chat.page.locator("#input").bounding_box()["height"] < 400
    chat.button("Send").click()
    wait_until(chat, lambda: bool(server.requests))
    chat.done()
    assert server.requests[0]["messages"][0]["content"] == text
    assert chat.page.locator(".message.user .body").bounding_box()["height"] < 500
    assert chat.overflow() == 0
    chat.page.locator("#log").evaluate("(log) => { log.scrollTop = 0; }")
    chat.look("long")
    chat.page.reload()
    chat.ready()
    chat.page.locator(".message.user").wait_for()
    assert chat.page.locator(".message.user .body").evaluate("(body) => body.textContent.length") == len(text)


def test_two_hundred_messages(chat, server, tmp_path):
    messages = [{"role": ["user", "assistant"][i % 2], "content": f"message {i}"} for i in range(200)]
    path = tmp_path / "many.jsonl"
    path.write_text(json.dumps({"messages": messages}))
    chat.page.locator("#import-file").set_input_files(path)
    chat.page.locator(".message").nth(199).wait_for()
    log = chat.page.locator("#log")
    wait_until(chat, lambda: log.evaluate("(log) => log.scrollHeight - log.scrollTop - log.clientHeight") < 2)
    chat.page.locator(".message").first.evaluate("(article) => { article.kept = true; }")
    chat.say("one more")
    assert chat.page.locator(".message").count() == 202
    assert chat.page.locator(".message").first.evaluate("(article) => article.kept")  # not made anew
    assert len(server.requests[-1]["messages"]) == 201
    log.evaluate("(log) => { log.scrollTop = 0; }")
    chat.button("Go to the newest message").click()
    wait_until(chat, lambda: log.evaluate("(log) => log.scrollHeight - log.scrollTop - log.clientHeight") < 2)


def test_a_reader_who_has_scrolled_up_is_left_there(chat, server):
    gate = threading.Semaphore(0)
    server.scripts["long"] = Script([Token(i, f"line {i}\n") for i in range(100)], gate=gate)
    chat.type("long")
    gate.release(60)
    chat.expect(".message.assistant .body", "line 59")
    chat.page.locator("#log").evaluate("(log) => { log.scrollTop = 0; }")
    chat.button("Go to the newest message").wait_for()
    gate.release(40)
    chat.expect(".message.assistant .body", "line 99")
    chat.done()
    assert chat.page.locator("#log").evaluate("(log) => log.scrollTop") == 0
