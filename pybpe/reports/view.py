"""Tokens made visible: in colour in a terminal, as spans in HTML, and each as a short readable string.

Neighbours differ in colour; what a colour is means nothing else. Spaces and line ends show as signs, and bytes that are
no whole character, such as one part of a letter that two tokens share, as their hexadecimal value.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pybpe.tokenizer import Tokenizer

if TYPE_CHECKING:
    from rich.text import Text

# Of the 256 colours: light grounds under black letters, so that they read the same on dark and light terminals.
TERMINAL_STYLES = ("black on color(152)", "black on color(223)", "black on color(151)", "black on color(217)")
HTML_CLASSES = ("t0", "t1", "t2", "t3")

_SIGNS = {" ": "·", "\n": "↵", "\r": "␍", "\t": "→"}


def readable(token: bytes, limit: int | None = None) -> str:
    """One token on one line: 'the' is itself, a space is ·, a line end ↵, a byte that is no character \\xe4.

    limit: cut the result to so many characters, the last of them an ellipsis.
    """
    text = "".join(_readable_char(char) for char in token.decode("utf-8", "surrogateescape"))
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


def longest_tokens(tokenizer: Tokenizer, n: int) -> list[int]:
    """The ids of the n ordinary tokens with the most bytes, the longest first."""
    vocab = tokenizer.vocab
    ordinary = vocab.keys() - {*tokenizer.special_tokens.values(), *tokenizer.added_tokens.values()}
    return sorted(ordinary, key=lambda token: (-len(vocab[token]), token))[:n]


def first_merges(tokenizer: Tokenizer, n: int) -> list[int]:
    """The ids of the first n tokens that merging made: the ordinary ones of more than one byte."""
    special = set(tokenizer.special_tokens.values())
    return [token for token, content in tokenizer.vocab.items() if len(content) > 1 and token not in special][:n]


def to_terminal(tokenizer: Tokenizer, ids: Iterable[int], bar: str = "") -> Text:
    """Return the text of ids for a rich console, a colour a token. Line ends show and still end the line.

    bar: printed between tokens, for where there are no colours.
    """
    from rich.text import Text

    text = Text()
    for place, token in enumerate(ids):
        style = TERMINAL_STYLES[place % len(TERMINAL_STYLES)]
        text.append(bar if place else "")
        for number, line in enumerate(_lines(tokenizer.token_bytes(token))):
            text.append("\n" if number else "").append(line, style=style)
    return text


def to_html(tokenizer: Tokenizer, ids: Iterable[int]) -> str:
    """The text of ids as HTML, a span a token with the classes t0 to t3 in turn; its title gives id and bytes."""
    return "".join(_span(token, tokenizer.token_bytes(token), place) for place, token in enumerate(ids))


def _span(token: int, content: bytes, place: int) -> str:
    """One token: signs stand in elements of their own, so that a style can make them faint."""
    title = html.escape(f"{token}  {content!r}")
    shown = "".join(_html_char(char) for char in content.decode("utf-8", "surrogateescape"))
    return f'<span class="{HTML_CLASSES[place % len(HTML_CLASSES)]}" title="{title}">{shown}</span>'


def _html_char(char: str) -> str:
    shown = html.escape(_readable_char(char))
    if char == "\n":
        return f"<i>{shown}</i>\n"
    return f"<i>{shown}</i>" if shown != html.escape(char) else shown


def _lines(content: bytes) -> list[str]:
    """A token in readable parts, cut behind its line ends; the last part is empty if it ends with one."""
    parts = content.split(b"\n")
    return [readable(part + b"\n") for part in parts[:-1]] + [readable(parts[-1])]


def _readable_char(char: str) -> str:
    """A sign for white space, an escape for what cannot be printed, else the character itself."""
    if char in _SIGNS:
        return _SIGNS[char]
    if "\udc80" <= char <= "\udcff":  # a byte that is not part of a character
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char if char.isprintable() else char.encode("unicode_escape").decode()
