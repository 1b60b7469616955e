"""The layout of the page in the browser, from phones to wide windows, and its keys."""

from __future__ import annotations

import pytest
from support.chat_page import Chat
from support.chat_server import Output, Script, Token, words

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [360, 390, 640, 800, 1100, 1280])
def test_nothing_is_wider_than_the_window(open_tabs, server, width):
    server.scripts["wide"] = Script(
        (
            Token(1, "a" * 300),
            Token(2, "", "python", special="<|python_start|>"),
            Token(3, "print('" + "b" * 300 + "')", "python", others=(Token(9, "c" * 300, logprob=-1.0),)),
            Token(4, "", "python", special="<|python_end|>"),
            Output((5,), "d" * 300),
            *words("some words at the end of it"),
        ),
        finish="length",
    )
    chat = Chat(open_tabs(server.url, width=width, height=700), server.url).ready()
    assert chat.overflow() == 0
    chat.look(f"empty-{width}")
    chat.say("wide")
    chat.say("e" * 300)
    chat.button("Regenerate").last.click()
    chat.done()
    assert chat.overflow() == 0
    chat.look(f"wide-{width}")
    chat.button("Tokens").click()
    assert chat.overflow() == 0
    chat.page.locator(".block.python .token").nth(1).click()
    assert chat.page.locator("#popup").is_visible()
    assert chat.overflow() == 0
    chat.look(f"tokens-{width}")
    chat.page.keyboard.press("Escape")
    chat.page.locator("#open-settings").click()
    assert chat.overflow() == 0
    chat.look(f"settings-{width}")
    chat.page.locator("#close-settings").click()
    if width < 800:
        chat.page.locator("#open-sidebar").click()
        assert chat.overflow() == 0
        chat.look(f"sidebar-{width}")
        chat.page.keyboard.press("Escape")
        assert chat.page.locator("#sidebar").is_hidden()
        assert chat.page.evaluate("document.activeElement.id") == "open-sidebar"


def test_enter_sends_with_a_keyboard(chat, server):
    chat.page.locator("#input").focus()
    chat.page.keyboard.type("one")
    chat.page.keyboard.press("Shift+Enter")
    chat.page.keyboard.type("two")
    assert server.requests == []
    chat.page.keyboard.press("Enter")
    chat.expect(".message.assistant .body", "You said: one\ntwo")
    assert server.requests[0]["messages"][0]["content"] == "one\ntwo"


def test_enter_is_a_line_on_a_phone(open_tabs, server):
    context = open_tabs(server.url, width=390, height=844, has_touch=True, is_mobile=True)
    chat = Chat(context, server.url).ready()
    chat.page.locator("#input").tap()
    chat.page.keyboard.type("one")
    chat.page.keyboard.press("Enter")
    chat.page.keyboard.type("two")
    assert server.requests == []
    chat.button("Send").tap()
    chat.expect(".message.assistant .body", "You said: one\ntwo")
    chat.done()
    chat.button("Tokens").tap()
    chat.page.locator(".token").last.tap()
    assert chat.page.locator("#popup").is_visible()
    assert "Probability 77.9 %" in chat.page.locator("#popup").inner_text()
    chat.look("phone")
    chat.page.locator("#popup .close").tap()
    assert chat.page.locator("#popup").is_hidden()


def test_the_focus_is_seen(chat):
    chat.page.locator("#input").focus()
    for _ in range(4):
        chat.page.keyboard.press("Shift+Tab")
        outline = chat.page.evaluate("getComputedStyle(document.activeElement).outline")
        assert "solid 2px" in outline
