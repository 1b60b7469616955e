"""Conversations in the browser's storage: reloads, two tabs, and browsers that are full or keep nothing."""

from __future__ import annotations

import threading

import pytest
from support.chat_page import COUNT, TOOL, Chat
from support.chat_server import Script, words

pytestmark = pytest.mark.browser


def test_a_reload_keeps_the_conversation(chat, server):
    chat.say(COUNT)
    server.scripts[COUNT] = Script(words("once more"))
    chat.button("Regenerate").click()
    chat.expect(".message.assistant .body", "once more")
    chat.done()
    chat.page.reload()
    chat.ready()
    chat.expect(".message.assistant .body", "once more")
    assert chat.page.locator("#conversations .title").inner_text() == COUNT
    chat.button("Previous version").click()
    chat.button("Tokens").click()
    assert chat.page.locator(".token").count() == len(TOOL)


def test_a_reload_in_the_middle_of_an_answer(chat, server):
    gate = threading.Semaphore(0)
    server.scripts["long"] = Script(words("one two three four"), gate=gate)
    chat.type("long")
    gate.release()
    chat.expect(".message.assistant .body", "one")
    chat.page.wait_for_timeout(2100)  # answers are saved every two seconds
    gate.release()
    chat.expect(".message.assistant .body", "two")
    chat.page.reload()
    chat.ready()
    chat.expect(".message.assistant .note", "was not finished")
    assert chat.texts()[-1] == "one two"
    gate.release(10)
    chat.button("Continue").click()
    chat.expect(".message.assistant .body", "one two three four")


def test_two_tabs_keep_each_others_conversations(open_tabs, server):
    context = open_tabs(server.url)
    left, right = (Chat(context, server.url).ready() for _ in range(2))
    left.say("from the left")
    right.say("from the right")
    for tab in (left, right):
        tab.page.wait_for_function("() => document.querySelectorAll('#conversations li').length === 2")
    left.page.reload()
    left.ready()
    assert left.texts() == ["from the left", "You said: from the left"]
    left.button("from the right").click()
    left.expect(".message.assistant .body", "from the right")
    left.say("both")  # now in both tabs
    right.expect(".message.assistant .body", "You said: both")
    server.scripts["both"] = Script(words("again"))
    gate = threading.Semaphore(0)
    server.scripts["slow"] = Script(words("slow answer"), gate=gate)
    left.type("slow")
    gate.release()
    left.expect(".message.assistant .body", "slow")
    right.button("Regenerate").nth(1).click()  # while the left tab is written to
    right.expect(".message.assistant .body", "again")
    right.done()
    gate.release()
    left.expect(".message.assistant .body", "slow answer")
    left.done()
    right.page.reload()
    right.ready()
    family = right.page.evaluate(STORED)
    assert sorted(family["texts"]) == sorted(
        ["from the right", "You said: from the right", "both", "You said: both", "again", "slow", "slow answer"]
    )
    left.page.get_by_label("Delete “from the right”").click()
    right.expect("#toast", "deleted in another tab")
    assert right.texts() == []
    left.button("Undo").click()
    right.page.wait_for_function("() => document.querySelectorAll('#conversations li').length === 2")


def test_tabs_that_do_not_hear_of_each_other(open_tabs, server):
    """Where no message goes between tabs, or none has yet, what is stored is merged when it is written."""
    context = open_tabs(server.url)
    context.add_init_script("delete window.BroadcastChannel")
    left, right = (Chat(context, server.url).ready() for _ in range(2))
    left.say("first")
    right.page.reload()
    right.ready()
    right.button("first").click()
    right.expect(".message.assistant .body", "You said: first")
    right.say("of the right tab")
    left.say("of the other tab")
    assert right.texts()[2:] == ["of the right tab", "You said: of the right tab"]
    family = left.page.evaluate(STORED)
    assert sorted(family["texts"]) == sorted(
        f"{said}{text}" for text in ("first", "of the right tab", "of the other tab") for said in ("", "You said: ")
    )
    left.page.reload()
    left.ready()
    assert left.texts()[2:] == ["of the other tab", "You said: of the other tab"]
    assert "/2" in left.page.locator(".branches").inner_text()


STORED = """() => new Promise((resolve) => {
  const request = indexedDB.open("pybpe-chat");
  request.onsuccess = () => {
    const all = request.result.transaction("conversations").objectStore("conversations").getAll();
    all.onsuccess = () => {
      const nodes = all.result.flatMap((conversation) => [...conversation.nodes.values()]);
      const own = nodes.filter((node) => !JSON.stringify(node.parts).includes("left"));
      resolve({ texts: own.map((node) => node.parts.map((part) => part.text).join("")) });
      request.result.close();
    };
  };
})"""


# Writing ends as it does where the quota is used up: the transaction is aborted, with this error.
FULL = """const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (...values) {
  if (!window.full) return put.apply(this, values);
  if (Object.hasOwn(this.transaction, "error")) return;
  this.transaction.abort();
  Object.defineProperty(this.transaction, "error", { value: new DOMException("full", "QuotaExceededError") });
};"""


def test_a_full_browser_is_told(open_tabs, server):
    context = open_tabs(server.url)
    context.add_init_script(FULL)
    chat = Chat(context, server.url).ready()
    chat.say("kept")
    chat.page.evaluate("window.full = true")
    chat.say("hello")
    chat.expect("#toast", "The storage of this browser is full")
    chat.look("full")
    assert chat.texts()[2:] == ["hello", "You said: hello"]
    chat.page.evaluate("window.full = false")
    chat.say("room again")
    chat.page.reload()
    chat.ready()
    assert chat.texts()[4:] == ["room again", "You said: room again"]


def test_a_browser_that_keeps_nothing(open_tabs, server):
    context = open_tabs(server.url)
    context.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };"
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });"
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('no', 'SecurityError'); } });"
    )
    chat = Chat(context, server.url).ready()
    chat.expect("#toast", "cannot be kept in this browser")
    chat.say("hello")
    chat.button("New conversation").click()
    chat.say("bye")
    chat.button("hello").click()
    assert chat.texts() == ["hello", "You said: hello"]
