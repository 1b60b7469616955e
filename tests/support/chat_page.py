"""A tab of a browser with the chat page in it, as tests of the page use it, and an answer that has a tool call."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from support.chat_server import Output, Token, words

PATIENCE = 20_000  # milliseconds until what should come counts as missing
IMAGE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
COUNT = "How many r are in 'strawberry'?"
TOOL = (
    *words("Let me count."),
    Token(1, "", "python", special="<|python_start|>", others=(Token(11, " It", logprob=-2.5),)),
    Token(2, "'strawberry'", "python", logprob=-0.01, others=(Token(12, "'straw'", logprob=-5.0),)),
    Token(13, ".count('r')", "python", logprob=-1.2),
    Token(3, "", "python", special="<|python_end|>"),
    Output((4, 5, 6), "3"),
    Token(20, "It", logprob=-0.3),
    Token(21, " is", logprob=-0.9, others=(Token(31, " has", logprob=-0.6), Token(32, " was", logprob=-3.2))),
    Token(22, " 3", logprob=-3.0, others=(Token(33, "", special="<|assistant_end|>", logprob=-4.0),)),
    Token(23, ".\n", logprob=-0.1),
)
TOOL_TEXT = "It is 3."


class Chat:
    """A tab with the page."""

    def __init__(self, context, url: str) -> None:
        self.page = context.new_page()
        self.page.goto(url)

    def ready(self) -> Chat:
        self.page.locator('#state[data-state="ready"]').wait_for()
        return self

    def button(self, name: str, **options):
        return self.page.get_by_role("button", name=name, exact=True, **options)

    def type(self, text: str) -> None:
        self.page.locator("#input").fill(text)
        self.button("Send").click()

    def done(self) -> None:
        """Wait until no answer is being written."""
        self.page.wait_for_function(
            "() => document.querySelector('#stop').hidden && !document.querySelector('[aria-busy]')"
        )

    def say(self, text: str) -> None:
        self.type(text)
        self.page.locator(".message.assistant").last.wait_for()
        self.done()

    def texts(self) -> list[str]:
        """The messages that are shown, without their buttons."""
        return self.page.locator(".message .body").all_inner_texts()

    def expect(self, selector: str, text: str) -> None:
        """Wait until the last element of a selector has the text in it."""
        self.page.wait_for_function(
            "([s, t]) => [...document.querySelectorAll(s)].at(-1)?.innerText.includes(t)", arg=[selector, text]
        )

    def overflow(self) -> int:
        """By how many pixels something is wider than the window."""
        return self.page.evaluate(
            """() => Math.max(0, ...[...document.querySelectorAll("body, body *")].filter((element) =>
              element.checkVisibility() && !element.closest(".unseen, [hidden]"))
              .map((element) => Math.max(element.getBoundingClientRect().right - innerWidth,
                element.matches("body, #app, main, #log, .message, .drawer, header, form, .actions")
                  ? element.scrollWidth - element.clientWidth : 0)))"""
        )

    def look(self, name: str) -> None:
        if folder := os.environ.get("PYBPE_SCREENSHOTS"):
            self.page.wait_for_timeout(150)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


def wait_until(chat: Chat, condition: Callable[[], bool]) -> None:
    for _ in range(PATIENCE // 20):
        if condition():
            return
        chat.page.wait_for_timeout(20)
    raise AssertionError("it did not happen")
