"""The browser of the tests that are marked `browser`, and the server that its pages talk to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from support.chat_page import COUNT, PATIENCE, TOOL, Chat
from support.chat_server import ChatServer, Script

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright  # an extra, for these tests only

    path = os.environ.get("PYBPE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is not on the PATH: install it, or set PYBPE_CHROMIUM to it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer({COUNT: Script(TOOL)}) as server:
        yield server


@pytest.fixture
def open_tabs(browser) -> Iterator[Callable]:
    """A function that opens contexts of the browser, each with its own storage, and watches their pages."""
    contexts, faults = [], []

    def note(is_fault: bool, words: str) -> None:
        if is_fault:
            faults.append(words)

    def open_context(origin: str, width: int = 1280, height: int = 800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)

        def watch(page) -> None:
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("dialog", lambda dialog: faults.append(dialog.message))
            page.on("console", lambda message: note("Security Policy" in message.text, message.text))
            page.on(
                "request", lambda request: note(not request.url.startswith((origin, "data:", "blob:")), request.url)
            )

        context.on("page", watch)
        return context

    yield open_context
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def chat(open_tabs, server) -> Chat:
    return Chat(open_tabs(server.url), server.url).ready()
