"""`pybpe gpt show-chat`: print conversations as ids, and which of them are trained on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import add_command, whole
from pybpe.cli.console import encodable, note, out
from pybpe.cli.tokenizers import KINDS, open_tokenizer

if TYPE_CHECKING:
    from rich.text import Text

    from pybpe import Tokenizer

TRAINED, OTHER = "black on color(151)", "color(245)"  # styles of ids that are trained on, and of others
OPEN, CLOSE = "[", "]"  # around ids that are trained on, where there are no colours


def add_show_chat(commands: Any) -> None:
    """Add `show-chat` to the parser."""
    parser = add_command(
        commands,
        "show-chat",
        "print conversations as tokens, with their loss mask",
        "Print the conversations of a file as the tokens that a model is fine-tuned on. Tokens that are trained on,\n"
        f"which the assistant says, have a background colour; without colours they stand in {OPEN}brackets{CLOSE}.",
        "examples:\n  pybpe gpt show-chat chats.jsonl -t corpus.pybpe\n"
        "  pybpe gpt show-chat chats.jsonl -t corpus.pybpe --ids --first 1",
        run_show_chat,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="conversations, one a line, in JSON")
    parser.add_argument("-t", "--tokenizer", required=True, metavar="TOKENIZER", help=KINDS)
    parser.add_argument("--pattern", metavar="NAME|REGEX", help="how text is split, for a rank file that needs it")
    parser.add_argument("--ids", action="store_true", help="print ids in place of the text of tokens")
    parser.add_argument("--first", type=whole(1), default=10, metavar="N", help="number of conversations (10)")


def run_show_chat(options: argparse.Namespace) -> None:
    """Print the conversations, each after a line with its number of tokens."""
    from pybpe.gpt.conversation import CHAT_TOKENS, ChatFormat, read_conversations

    tokenizer = open_tokenizer(options.tokenizer, options.pattern)
    if missing := [name for name in CHAT_TOKENS if name not in tokenizer.special_tokens]:
        tokenizer = tokenizer.with_special_tokens(CHAT_TOKENS)
        first = tokenizer.special_tokens[missing[0]]
        note(
            f"the tokenizer lacks {len(missing)} of the chat tokens; they get ids from {first:,} on, as in fine-tuning"
        )
    chat, console = ChatFormat(tokenizer), out()
    conversations = islice(read_conversations(options.file), options.first)
    for number, conversation in enumerate(conversations, 1):
        ids, mask = chat.encode(conversation)
        title = f"conversation {number}: {len(ids):,} tokens, {sum(mask):,} of them trained on"
        console.print(title, style="bold", soft_wrap=True)
        console.print(
            _shown(tokenizer, ids, mask, options.ids, colour=console.color_system is not None), soft_wrap=True
        )
        console.print()


def _shown(tokenizer: Tokenizer, ids: Sequence[int], mask: Sequence[int], as_ids: bool, *, colour: bool) -> Text:
    """Return tokens for a rich console, a message a line; trained ones in a style, or in brackets without colours."""
    from rich.text import Text

    from pybpe.gpt.conversation import ASSISTANT_START, USER_START
    from pybpe.reports.view import readable

    text, separator = Text(), " " if as_ids else ""
    starts = {tokenizer.special_tokens[name] for name in (USER_START, ASSISTANT_START)}
    for place, (id_, trained) in enumerate(zip(ids, mask, strict=True)):
        begins = bool(trained) and not (place and mask[place - 1])
        ends = bool(trained) and not (place + 1 < len(mask) and mask[place + 1])
        shown = str(id_) if as_ids else encodable(readable(tokenizer.token_bytes(id_)))
        text.append("\n" if id_ in starts else separator if place else "")
        text.append(OPEN if begins and not colour else "")
        text.append(shown, style=TRAINED if trained else OTHER)
        text.append(CLOSE if ends and not colour else "")
    return text
