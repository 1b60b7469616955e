"""Answers in the browser: they are shown as they come, stopped, continued, edited and regenerated."""

from __future__ import annotations

import re
import threading

import pytest
from support.chat_page import COUNT, TOOL, TOOL_TEXT, wait_until
from support.chat_server import Script, words

pytestmark = pytest.mark.browser


def test_an_answer_is_shown_as_it_comes(chat, server):
    gate = threading.Semaphore(0)
    server.scripts[COUNT] = Script(TOOL, gate=gate)
    chat.look("empty")
    chat.type(COUNT)
    for seen in ("Let", "Let me", "Let me count."):
        gate.release()
        chat.expect(".message.assistant .body", seen)
    assert chat.page.locator(".message.assistant[aria-busy]").count() == 1
    assert chat.button("Stop").is_visible()
    for _ in range(3):
        gate.release()
    chat.expect(".block.python pre", "'strawberry'.count('r')")
    chat.look("streaming")
    gate.release(len(TOOL))
    chat.done()
    assert chat.page.locator(".block.output pre").inner_text() == "3"
    assert chat.page.locator(".block.text").last.inner_text().strip() == TOOL_TEXT
    facts = chat.page.locator(".facts").last.inner_text()
    assert re.search(r"11 tokens · [\d.]+ tokens/s · first after \d+\.\d\d s · context 24 of 1,024", facts)
    assert chat.button("Send").is_visible()
    body = server.requests[0]
    assert body["messages"] == [{"role": "user", "content": COUNT}]
    assert (body["model"], body["stream"], body["logprobs"]) == ("scripted", True, True)
    assert not {"temperature", "top_p", "top_k", "min_p", "max_tokens", "seed", "continue_ids"} & body.keys()
    chat.say("And now?")
    assert server.requests[1]["messages"][1]["content"] == [
        {"type": "text", "text": "Let me count."},
        {"type": "python", "text": "'strawberry'.count('r')"},
        {"type": "output", "text": "3"},
        {"type": "text", "text": "It is 3.\n"},
    ]
    chat.look("answered")


@pytest.mark.parametrize("how", ["button", "escape"])
def test_an_answer_is_stopped_and_continued(chat, server, how):
    gate = threading.Semaphore(0)
    server.scripts["long"] = Script(words("one two three four"), gate=gate)
    chat.type("long")
    gate.release(2)
    chat.expect(".message.assistant .body", "one two")
    if how == "button":
        chat.button("Stop").click()
    else:
        chat.page.keyboard.press("Escape")
    chat.expect(".message.assistant .note", "Stopped.")
    wait_until(chat, lambda: server.broken == 1)
    gate.release(10)
    assert chat.texts()[-1] == "one two"
    chat.button("Continue").click()
    chat.expect(".message.assistant .body", "one two three four")
    chat.done()
    assert server.requests[-1]["continue_ids"] == [100, 101]
    assert server.requests[-1]["messages"] == [{"role": "user", "content": "long"}]
    assert chat.button("Continue").count() == 0


def test_an_answer_that_reached_the_limit_is_continued(chat, server):
    server.scripts["long"] = Script(words("one two three"), finish="length")
    chat.say("long")
    chat.expect(".message.assistant .note", "limit of tokens")
    server.scripts["long"] = Script(words("one two three four"), dropped=2)
    chat.button("Continue").click()
    chat.expect(".message.assistant .body", "three four")
    chat.expect(".message.assistant .note", "The oldest 2 messages did not fit")


def test_an_edited_message_is_a_branch(chat, server):
    chat.say("first")
    chat.say("second")
    for edited in ("other", "third"):
        chat.button("Edit").first.click()
        area = chat.page.get_by_label("Edited message")
        assert area.input_value() == ("first" if edited == "other" else "other")
        area.fill(edited)
        chat.look("editing")
        area.press("Enter")
        chat.expect(".message.assistant .body", f"You said: {edited}")
        chat.done()
    assert chat.texts() == ["third", "You said: third"]
    assert chat.page.locator(".branches").first.inner_text().replace("\n", "") == "‹3/3›"
    chat.button("Previous version").first.click()
    assert chat.texts() == ["other", "You said: other"]
    chat.button("Previous version").first.focus()
    chat.page.keyboard.press("Enter")  # the focus stays on the button while the messages change
    assert chat.texts() == ["first", "You said: first", "second", "You said: second"]
    assert [len(body["messages"]) for body in server.requests] == [1, 3, 1, 1]
    chat.button("Edit").first.click()
    chat.page.get_by_label("Edited message").press("Escape")
    assert chat.page.get_by_label("Edited message").count() == 0
    chat.look("branches")


def test_a_regenerated_answer_is_a_branch(chat, server):
    chat.say("again")
    server.scripts["again"] = Script(words("something else"))
    chat.button("Regenerate").click()
    chat.expect(".message.assistant .body", "something else")
    chat.done()
    assert chat.page.locator(".branches").inner_text().replace("\n", "") == "‹2/2›"
    chat.button("Previous version").click()
    assert chat.texts() == ["again", "You said: again"]
    assert "continue_ids" not in server.requests[-1]


def test_the_view_of_tokens_changes_while_an_answer_is_written(chat, server):
    gate = threading.Semaphore(0)
    server.scripts[COUNT] = Script(TOOL, gate=gate)
    chat.type(COUNT)
    for n_tokens in range(1, len(TOOL) + 1):
        gate.release()
        chat.page.wait_for_function("(n) => [0, n].includes(document.querySelectorAll('.token').length)", arg=n_tokens)
        chat.button("Tokens").click()
    chat.done()
    if chat.page.locator(".token").count():
        chat.button("Tokens").click()
    blocks = [text.strip() for text in chat.page.locator(".block .content").all_inner_texts()]
    assert blocks == ["Let me count.", "'strawberry'.count('r')", "3", TOOL_TEXT]
    chat.button("Tokens").click()
    assert chat.page.locator(".token").count() == len(TOOL)


def test_two_conversations_are_answered_at_once(chat, server):
    gates = {name: threading.Semaphore(0) for name in ("left", "right")}
    server.scripts |= {name: Script(words(f"{name} one two"), gate=gate) for name, gate in gates.items()}
    for name, gate in gates.items():
        chat.button("New conversation").click()
        chat.type(name)
        gate.release()
        chat.expect(".message.assistant .body", name)
    gates["left"].release(2)
    gates["right"].release()
    chat.expect(".message.assistant .body", "right one")
    chat.button("left").click()
    chat.expect(".message.assistant .body", "left one two")
    chat.button("right").click()
    chat.expect(".message.assistant .body", "right one")
    assert chat.button("Stop").is_visible()
    gates["right"].release()
    chat.expect(".message.assistant .body", "right one two")
    chat.done()
    chat.page.evaluate("location.hash = ''")
    chat.page.locator(".empty").wait_for()
    chat.page.go_back()
    chat.expect(".message.assistant .body", "right one two")


def test_a_conversation_is_deleted_while_it_is_answered(chat, server):
    server.scripts["long"] = Script(words("one two"), gate=threading.Semaphore(1))
    chat.type("long")
    chat.expect(".message.assistant .body", "one")
    chat.page.get_by_label("Delete “long”").click()
    chat.page.locator(".empty").wait_for()
    wait_until(chat, lambda: server.broken == 1)
    assert chat.page.locator("#conversations li").count() == 0
    chat.page.reload()
    chat.ready()
    assert chat.page.locator("#conversations li").count() == 0
