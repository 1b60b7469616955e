"""The view of tokens in the browser: probabilities, alternatives, forced tokens, parts of characters."""

from __future__ import annotations

import pytest
from support.chat_page import COUNT, TOOL, TOOL_TEXT
from support.chat_server import Script, Token, ids_of, words

pytestmark = pytest.mark.browser


def test_tokens_show_their_probability_and_alternatives(chat, server):
    chat.say(COUNT)
    chat.button("Tokens").click()
    tokens = chat.page.locator(".token")
    assert tokens.count() == len(TOOL)
    assert chat.page.locator(".token.forced").inner_text() == "3"
    assert chat.page.locator(".token.forced").evaluate("(span) => getComputedStyle(span).backgroundImage") != "none"
    colours = [tokens.nth(i).evaluate("(span) => getComputedStyle(span).backgroundColor") for i in range(8)]
    assert all(left != right for left, right in zip(colours, colours[1:], strict=False))
    tokens.filter(has_text="is").hover()
    assert chat.page.locator("#popup p").first.inner_text() == "Probability 40.7 %, id 21"
    assert chat.page.locator(".alternative .name").all_inner_texts() == ["·has", "·is", "·was"]
    chat.look("tokens")
    chat.page.locator(".alternative", has_text="·has").click()
    chat.expect(".message.assistant .body", "It has and on.")
    chat.done()
    ids = ids_of(TOOL)
    assert server.requests[-1]["continue_ids"] == [*ids[: ids.index(21)], 31]
    assert chat.page.locator(".branches").inner_text().replace("\n", "") == "‹2/2›"
    chat.button("Previous version").click()
    assert chat.page.locator(".block.text").last.inner_text().strip() == "It is 3.↵"
    chat.button("Tokens").click()
    assert chat.page.locator(".token").count() == 0
    assert chat.page.locator(".block.text").last.inner_text().strip() == TOOL_TEXT


def test_an_alternative_inside_of_code_and_one_in_place_of_code(chat, server):
    chat.say(COUNT)
    chat.button("Tokens").click()
    chat.page.locator(".token", has_text="'strawberry'").click()
    chat.page.locator(".alternative", has_text="'straw'").click()
    chat.expect(".block.python pre", "'straw'")
    chat.done()
    assert server.requests[-1]["continue_ids"][-2:] == [1, 12]
    chat.button("Previous version").click()
    chat.page.locator(".token.special", has_text="python_start").click()
    chat.page.locator(".alternative", has_text="·It").click()
    chat.expect(".message.assistant .body", "Let me count. It and on.")
    chat.done()
    assert chat.page.locator(".block").count() == 1


def test_the_end_of_the_answer_is_an_alternative(chat, server):
    chat.say(COUNT)
    chat.button("Tokens").click()
    chat.page.locator(".block.text .token", has_text="3").click()
    chat.page.locator(".alternative", has_text="assistant_end").click()
    chat.button("Tokens").click()
    assert chat.page.locator(".block.text").last.inner_text() == "It is"
    assert len(server.requests) == 1
    chat.say("more")
    assert server.requests[-1]["messages"][1]["content"][-1] == {"type": "text", "text": "It is"}


def test_characters_that_arrive_in_halves(chat, server):
    smile, upside = "🙂".encode(), "🙃".encode()
    halves = (
        *words("Größe 日本 "),
        Token(50, "", content=smile[:2]),
        Token(51, "", content=smile[2:3]),
        Token(52, "🙂", content=smile[3:], others=(Token(53, "", content=upside[3:], logprob=-1.0),)),
        Token(54, "é"),
    )
    server.scripts["halves"] = Script(halves, by_byte=True)
    chat.say("halves")
    assert chat.texts()[-1] == "Größe 日本 🙂é"
    chat.button("Tokens").click()
    assert chat.page.locator(".token.bytes").all_inner_texts() == ["f0 9f", "99"]
    chat.look("halves")
    chat.page.locator(".token", has_text="🙂").click()
    chat.page.locator(".alternative", has_text="83").click()
    chat.expect(".message.assistant .body", "🙃 and on.")


def test_tokens_by_keyboard(chat):
    chat.say(COUNT)
    chat.button("Tokens").click()
    chat.page.locator(".token").first.focus()
    chat.page.keyboard.press("ArrowRight")
    chat.page.keyboard.press("ArrowRight")
    chat.page.keyboard.press("Enter")
    assert chat.page.locator("#popup-title").inner_text() == "·count."
    chat.page.keyboard.press("Escape")
    assert chat.page.locator("#popup").is_hidden()
    assert chat.page.evaluate("document.activeElement.innerText").strip() == "count."
