"""Export and import in the browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.chat_page import COUNT, Chat

from pybpe.gpt.conversation import read_conversations

pytestmark = pytest.mark.browser


def exported(chat: Chat, button: str, what: str, folder: Path) -> Path:
    if not chat.page.locator(".files[open]").count():
        chat.page.get_by_text("Export and import").click()
    chat.page.locator("#export-what").select_option(what)
    with chat.page.expect_download() as download:
        chat.page.get_by_role("button", name=re.compile(re.escape(button))).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_an_export_is_what_finetune_reads(chat, server, tmp_path):
    chat.page.locator("#open-settings").click()
    chat.page.locator("#system").fill("Be brief.")
    chat.say(COUNT)
    chat.say('Ünïcode 🙂 \u2028 and "quotes"\nin two lines')
    chat.button("New conversation").click()
    chat.page.locator("#system").fill("")
    chat.say("another")
    path = exported(chat, ".jsonl", "all", tmp_path)
    second, first = list(read_conversations(path))
    assert [message.role for message in first] == ["system", "user", "assistant", "user", "assistant"]
    assert first[0].text == "Be brief."
    assert [(part.kind, part.text) for part in first[2].parts] == [
        ("text", "Let me count."),
        ("python", "'strawberry'.count('r')"),
        ("output", "3"),
        ("text", "It is 3.\n"),
    ]
    assert first[3].text == 'Ünïcode 🙂 \u2028 and "quotes"\nin two lines'
    assert [message.text for message in second] == ["another", "You said: another"]
    assert len(list(read_conversations(exported(chat, ".jsonl", "this", tmp_path)))) == 1


def test_branches_survive_export_and_import(chat, open_tabs, server, tmp_path):
    chat.say("first")
    chat.button("Edit").click()
    chat.page.get_by_label("Edited message").fill("edited")
    chat.button("Send as a new version").click()
    chat.expect(".message.assistant .body", "You said: edited")
    chat.done()
    chat.button("Previous version").click()
    chat.look("files")
    path = exported(chat, ".json, all", "all", tmp_path)
    other = Chat(open_tabs(server.url), server.url).ready()
    other.page.locator("#import-file").set_input_files(path)
    other.expect("#toast", "Imported 1 conversation.")
    assert other.texts() == ["first", "You said: first"]
    other.button("Next version").click()
    assert other.texts() == ["edited", "You said: edited"]
    other.button("Regenerate").click()
    other.done()
    assert other.page.locator(".branches").last.inner_text().replace("\n", "") == "‹2/2›"
    # Twice the same file: two conversations, and none overwrites the other.
    other.page.locator("#import-file").set_input_files(path)
    other.page.wait_for_function("() => document.querySelectorAll('#conversations li').length === 2")


def test_nanochats_files_are_imported_and_continued(chat, server, tmp_path):
    path = tmp_path / "nanochat.jsonl"
    parts = [{"type": "python", "text": "1+1"}, {"type": "python_output", "text": "2"}, {"type": "text", "text": "Tw"}]
    path.write_text(json.dumps([{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": parts}]))
    chat.page.locator("#import-file").set_input_files(path)
    chat.expect(".block.output pre", "2")
    chat.say("more")
    assert [part["type"] for part in server.requests[-1]["messages"][1]["content"]] == ["python", "output", "text"]


BAD_FILES = {
    "empty": "",
    "no JSON": "{",
    "a number": "3",
    "null": "null",
    "deep": "[" * 100_000,
    "no user": '{"messages": []}',
    "system alone": '{"messages": [{"role": "system", "content": "x"}]}',
    "assistant first": '{"messages": [{"role": "assistant", "content": "x"}]}',
    "user twice": '{"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": "x"}]}',
    "a second line": '{"messages": [{"role": "user", "content": "x"}]}\n{"messages": 1}\n',
    "content": '{"messages": [{"role": "user", "content": {"text": 1}}]}',
    "type": '{"messages": [{"role": "user", "content": [{"type": "python", "text": "x"}]}]}',
    "version": '{"format": "pybpe-chat", "version": 2, "conversations": []}',
    "no list": '{"format": "pybpe-chat", "version": 1, "conversations": {}}',
    "circle": json.dumps(
        {
            "format": "pybpe-chat",
            "version": 1,
            "conversations": [
                {
                    "nodes": [
                        {"id": "a", "parent": "b", "role": "user", "parts": []},
                        {"id": "b", "parent": "a", "role": "assistant", "parts": []},
                    ]
                }
            ],
        }
    ),
    "twice": json.dumps(
        {
            "format": "pybpe-chat",
            "version": 1,
            "conversations": [{"nodes": [{"id": "a", "parent": "", "role": "user", "parts": []}] * 2}],
        }
    ),
}


def test_bad_files_are_refused_and_change_nothing(chat, tmp_path):
    chat.say("kept")
    for name, content in BAD_FILES.items():
        path = tmp_path / f"{name}.json"
        path.write_text(content)
        chat.page.locator("#import-file").set_input_files(path)
        chat.expect("#toast", f"“{name}.json” was not imported")
    assert chat.texts() == ["kept", "You said: kept"]
    assert chat.page.locator("#conversations li").count() == 1
