"""The settings of the page in the browser: parameters, the tool, colours."""

from __future__ import annotations

import re

import pytest
from support.chat_page import COUNT, Chat

pytestmark = pytest.mark.browser


def test_parameters_are_sent(chat, server):
    chat.page.locator("#open-settings").click()
    values = {"temperature": 0.7, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "max_tokens": 77, "seed": 12}
    for name, value in values.items():
        chat.page.locator(f"#{name}").fill(str(value))
    chat.page.locator("#system").fill("Be brief.")
    assert "jail" in chat.page.locator("#about").inner_text()
    chat.page.get_by_label("Let the model run Python").uncheck()
    chat.look("settings")
    chat.say("hello")
    body = server.requests[-1]
    assert {name: body[name] for name in values} == values
    assert body["tool_choice"] == "none"
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    chat.page.locator("#temperature").fill("3")
    chat.page.locator("#top_k").fill("1.5")
    chat.page.locator("#seed").fill("")
    assert "temperature, top_k" in chat.page.locator("#parameters-note").inner_text()
    chat.page.get_by_label("Let the model run Python").check()
    chat.say("hello")
    assert not {"temperature", "top_k", "seed", "tool_choice"} & server.requests[-1].keys()
    chat.page.reload()
    chat.ready()
    assert chat.page.locator("#max_tokens").input_value() == "77"
    chat.page.locator("#open-settings").click()
    assert chat.page.locator("#system").input_value() == "Be brief."


def test_a_server_without_the_tool(open_tabs, server):
    server.tools = None
    chat = Chat(open_tabs(server.url), server.url).ready()
    chat.page.locator("#open-settings").click()
    assert "off: the server runs no code" in chat.page.locator("#about").inner_text()
    assert chat.page.get_by_label("Let the model run Python").is_disabled()


def test_a_model_that_cannot_talk(open_tabs, server):
    server.chat = False
    chat = Chat(open_tabs(server.url), server.url)
    chat.page.locator('#state[data-state="gone"]', has_text="pybpe gpt finetune").wait_for()
    assert chat.button("Send").is_disabled()


def luminance_of_page(chat: Chat) -> int:
    colour = chat.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3])


def test_dark_and_light(open_tabs, server):
    chat = Chat(open_tabs(server.url, color_scheme="dark"), server.url).ready()
    assert luminance_of_page(chat) < 200
    chat.say(COUNT)
    chat.button("Tokens").click()
    chat.page.locator(".token", has_text="is").hover()
    chat.look("dark-tokens")
    chat.page.locator("#open-settings").click()
    chat.look("dark-settings")
    chat.page.locator("#theme").click()
    assert chat.page.locator("#theme").get_attribute("aria-label") == "Colours: light"
    assert luminance_of_page(chat) > 600
    chat.page.reload()
    chat.ready()
    assert luminance_of_page(chat) > 600
    chat.page.emulate_media(color_scheme="light")
    chat.page.locator("#theme").click()
    assert luminance_of_page(chat) < 200
    chat.page.locator("#theme").click()
    assert luminance_of_page(chat) > 600
