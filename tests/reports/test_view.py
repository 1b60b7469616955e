import io
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from pybpe import Tokenizer
from pybpe.reports.view import HTML_CLASSES, first_merges, longest_tokens, readable, to_html, to_terminal

TEXT = "<b>Zwölf & 'mehr'</b>\n\tЖук 😀  end\n"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(["low lower lowest newer"] * 5, vocab_size=264, progress=False)


class Spans(HTMLParser):
    """Collects classes, titles and texts of spans, and all text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.attributes: list[dict[str, str | None]] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "span":
            self.attributes.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (b"the", "the"),
        (b" the", "·the"),
        (b"\r\n\t", "␍↵→"),
        ("ö".encode(), "ö"),
        (b"\xc3", "\\xc3"),
        (b"\xb6z", "\\xb6z"),
        (b"\x00\x1b", "\\x00\\x1b"),
        ("\u202e\u00a0".encode(), "\\u202e\\xa0"),
    ],
)
def test_readable(token, shown):
    assert readable(token) == shown


def test_readable_cuts_at_the_limit():
    assert readable(b"abcdef", 6) == "abcdef"
    assert readable(b"abcdefg", 6) == "abcde…"


def test_html_escapes_and_marks_each_token(tokenizer):
    ids = tokenizer.encode(TEXT)
    spans = Spans(to_html(tokenizer, ids))
    assert spans.tags == {"span", "i"}
    assert len(spans.attributes) == len(ids)
    assert [span["class"] for span in spans.attributes[:5]] == [*HTML_CLASSES, HTML_CLASSES[0]]
    for token, span in zip(ids, spans.attributes, strict=True):
        assert span["title"] == f"{token}  {tokenizer.token_bytes(token)!r}"
    assert spans.text.startswith("<b>Zw\\xc3\\xb6lf·&·'mehr'</b>↵\n→")


def test_terminal_text_has_a_colour_a_token_and_breaks_lines(tokenizer):
    ids = tokenizer.encode("low lower\nlow")
    text = to_terminal(tokenizer, ids)
    assert text.plain == "low·lower↵\nlow"
    assert len(text.spans) == len(ids)
    assert all(a.style != b.style for a, b in zip(text.spans, text.spans[1:], strict=False))
    file = io.StringIO()
    Console(file=file, force_terminal=True, color_system="256").print(text)
    assert re.search(r"\x1b\[[0-9;]*48;5;\d+m", file.getvalue())


def test_square_brackets_are_no_markup(tokenizer):
    assert to_terminal(tokenizer, tokenizer.encode("[red]x")).plain == "[red]x"


def test_longest_tokens_and_first_merges(tokenizer):
    longest = [tokenizer.token_bytes(token) for token in longest_tokens(tokenizer, 3)]
    lengths = sorted((len(token) for token in tokenizer.mergeable_ranks), reverse=True)
    assert [len(token) for token in longest] == lengths[:3]
    assert first_merges(tokenizer, 3) == [256, 257, 258]
