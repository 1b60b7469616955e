"""Views of tokens: coloured in a terminal, as spans in HTML, and as short readable strings.

Colours only separate neighbours. Spaces and line ends are shown as signs, and bytes that are not a whole character,
such as those of a letter that two tokens share, as hexadecimal values.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pybpe.tokenizer import Tokenizer

if TYPE_CHECKING:
    from rich.text import Text

# Of the 256 colours: black on light backgrounds, to be readable on dark and light terminals.
TERMINAL_STYLES = ("black on color(152)", "black on color(223)", "black on color(151)", "black on color(217)")
HTML_CLASSES = ("t0", "t1", "t2", "t3")

_SIGNS = {" ": "·", "\n": "↵", "\r": "␍", "\t": "→"}


def readable(token: bytes, limit: int | None = None) -> str:
    """Return a token as one line of text: · for a space, ↵ for a line end, \\xe4 for a byte that is no character.

    limit: the maximum length in characters; a longer result is cut and ends with an ellipsis. None for no limit.
    """
    text = "".join(_readable_char(char) for char in token.decode("utf-8", "surrogateescape"))
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


def longest_tokens(tokenizer: Tokenizer, n: int) -> list[int]:
    """Return the ids of the n ordinary tokens with the most bytes, the longest first."""
    vocab = tokenizer.vocab
    ordinary = vocab.keys() - {*tokenizer.special_tokens.values(), *tokenizer.added_tokens.values()}
    return sorted(ordinary, key=lambda token: (-len(vocab[token]), token))[:n]


def first_merges(tokenizer: Tokenizer, n: int) -> list[int]:
    """Return the ids of the first n ordinary tokens of more than one byte, which merges made."""
    special = set(tokenizer.special_tokens.values())
    return [token for token, content in tokenizer.vocab.items() if len(content) > 1 and token not in special][:n]


def to_terminal(tokenizer: Tokenizer, ids: Iterable[int], bar: str = "") -> Text:
    """Return the text of ids for a rich console, each token in a colour. Line ends are shown and also end the line.

    bar: a separator between tokens, for consoles without colours.
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
    """Return the text of ids as HTML: a span per token, of class t0 to t3 in turn, with id and bytes as its title."""
    return "".join(_span(token, tokenizer.token_bytes(token), place) for place, token in enumerate(ids))


def _span(token: int, content: bytes, place: int) -> str:
    """Return the span of one token; signs are in <i> elements, so that a style can make them faint."""
    title = html.escape(f"{token}  {content!r}")
    shown = "".join(_html_char(char) for char in content.decode("utf-8", "surrogateescape"))
    return f'<span class="{HTML_CLASSES[place % len(HTML_CLASSES)]}" title="{title}">{shown}</span>'


def _html_char(char: str) -> str:
    shown = html.escape(_readable_char(char))
    if char == "\n":
        return f"<i>{shown}</i>\n"
    return f"<i>{shown}</i>" if shown != html.escape(char) else shown


def _lines(content: bytes) -> list[str]:
    """Return a token as readable lines, split after its line ends; the last is empty if it ends with one."""
    parts = content.split(b"\n")
    return [readable(part + b"\n") for part in parts[:-1]] + [readable(parts[-1])]


def _readable_char(char: str) -> str:
    """Return a sign for white space, an escape for an unprintable character, else the character itself."""
    if char in _SIGNS:
        return _SIGNS[char]
    if "\udc80" <= char <= "\udcff":  # a byte that is not part of a character
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char if char.isprintable() else char.encode("unicode_escape").decode()
