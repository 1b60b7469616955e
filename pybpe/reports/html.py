"""Parts of reports, which are single HTML files without scripts or external resources."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from pybpe.reports.style import STYLE
from pybpe.reports.view import readable
from pybpe.tokenizer import Tokenizer


def render_page(title: str, sections: Iterable[str], fingerprint: str, style: str = "") -> str:
    """Return a whole page. sections: HTML. fingerprint: that of the tokenizer. style: CSS for this page only."""
    body = "\n".join(sections)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}{style}</style>\n</head>\n<body>\n<main>\n{body}\n"
        f"<footer>Tokenizer {fingerprint[:16]}. "
        "This page is one file and loads nothing from elsewhere.</footer>\n</main>\n</body>\n</html>\n"
    )


def head(kicker: str, title: str, lead: str, figures: Iterable[tuple[str, str]], notice: str = "") -> str:
    """Return the head of a page. figures: four of (value, label). lead, notice: HTML."""
    shown = "".join(f"<div><dd>{escape(value)}</dd><dt>{escape(words)}</dt></div>" for value, words in figures)
    return (
        f'<header><p class="kicker">{escape(kicker)}</p><h1>{escape(title)}</h1><p class="lead">{lead}</p>{notice}'
        f'<dl class="facts">{shown}</dl></header>'
    )


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table, with names in its first column, in a box that scrolls sideways on narrow pages."""
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in titles)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    titled = f"<thead><tr>{cells}</tr></thead>" if cells else ""
    return f'<div class="wide" tabindex="0"><table>{titled}<tbody>{body}</tbody></table></div>'


def chips(tokenizer: Tokenizer, tokens: Iterable[tuple[int, str]]) -> str:
    """Return a list of tokens side by side, each with a note. tokens: (id, note)."""
    items = []
    for token, words in tokens:
        shown = escape(readable(tokenizer.token_bytes(token), 32))
        small = f"<small>{escape(words)}</small>" if words else ""
        items.append(f'<li title="{token}">{shown}{small}</li>')
    return f'<ul class="chips">{"".join(items)}</ul>'
