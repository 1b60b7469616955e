"""The report of an evaluation, a single HTML file without scripts or external resources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Literal

from pybpe.encodings.registry import ENCODINGS
from pybpe.reports.evaluation.chart import size_chart
from pybpe.reports.evaluation.measure import Evaluation, Kind
from pybpe.reports.html import chips, head, render_page, table
from pybpe.reports.view import longest_tokens
from pybpe.tokenizer import Tokenizer
from pybpe.util.files import PathLike, write_atomic
from pybpe.util.units import ratio, size

SHOWN_TOKENS = 30
PUBLIC = tuple(encoding.name for encoding in ENCODINGS)  # to compare with

_STYLE = """
.chart circle.beat { fill: var(--beat); }
.chart text.beat { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
.legend b.beat { width: 8px; border: 4px solid var(--beat); border-radius: 50%; }
"""


@dataclass(frozen=True)
class About:
    """The subject of an evaluation. corpus_bytes: the size of the training text. text: the kind of text measured on."""

    name: str
    corpus_bytes: int
    text: Literal["held out", "given", "training"]

    @property
    def measured_on(self) -> str:
        """The kind of text measured on, in words."""
        return {"held out": "held-out text", "given": "other text", "training": "its training text"}[self.text]


def write_report(path: PathLike, tokenizer: Tokenizer, evaluation: Evaluation, about: About) -> None:
    """Write the report to a file, completely or not at all."""
    write_atomic(path, render(tokenizer, evaluation, about).encode())


def render(tokenizer: Tokenizer, evaluation: Evaluation, about: About) -> str:
    """Return the report as HTML."""
    sections = (
        _head(tokenizer, evaluation, about),
        _sizes(evaluation),
        _others(evaluation),
        _kinds(evaluation),
        _longest(tokenizer),
        _unused(tokenizer, evaluation),
    )
    return render_page(f"pybpe: {about.name}", sections, tokenizer.fingerprint, _STYLE)


def _head(tokenizer: Tokenizer, evaluation: Evaluation, about: About) -> str:
    total = evaluation.total
    where = {
        "held out": f"{size(total.n_bytes)} from all over the text, which it did not learn from",
        "given": f"{size(total.n_bytes)} of other files",
        "training": f"{size(total.n_bytes)} of the same text",
    }[about.text]
    notice = (
        '<p class="notice">Text that was learned from flatters a tokenizer. <code>--held-out 0.01</code> keeps some '
        "back to measure on, <code>--eval FILE</code> takes other text.</p>"
        if about.text == "training"
        else ""
    )
    figures = [
        (f"{tokenizer.n_vocab:,}", "tokens in the vocabulary"),
        (ratio(total.n_bytes, total.n_tokens[0]), f"bytes per token on {about.measured_on}"),
        (f"{total.n_tokens[0]:,}", "tokens in that text"),
        (f"{len(evaluation.unused):,}", "tokens that it never needs"),
    ]
    lead = f"A vocabulary learned from {size(about.corpus_bytes)} of text, measured on {where}."
    return head("pybpe train", about.name, lead, figures, notice)


def _sizes(evaluation: Evaluation) -> str:
    if not evaluation.sizes:
        return ""
    legend = '<span><b class="held"></b>this vocabulary, cut to its first merges</span>'
    if len(evaluation.names) > 1:
        legend += '<span><b class="beat"></b>public encodings</span>'
    return (
        "<h2>Compression by vocabulary size</h2>"
        "<p>The first <i>k</i> merges are the vocabulary of 256 + <i>k</i> tokens that the same text gives, so one "
        "training shows what each size would be worth. Where the curve gets flat, more tokens buy little.</p>"
        + size_chart(evaluation)
        + f'<div class="legend">{legend}</div>'
    )


def _others(evaluation: Evaluation) -> str:
    total = evaluation.total
    rows = []
    for name, n_vocab, n_tokens in zip(evaluation.names, evaluation.n_vocab, total.n_tokens, strict=True):
        share = n_tokens / total.n_tokens[0]
        rows.append((name, f"{n_vocab:,}", f"{n_tokens:,}", ratio(total.n_bytes, n_tokens), f"{share:.1%}"))
    words = "The same text in the vocabularies of other models."
    if missing := [name for name in PUBLIC if name not in evaluation.names]:
        words += (
            f" Not on this machine: {', '.join(missing)}. Encodings are compared whose files are here: in the folder "
            "that PYBPE_VOCABS names, as cl100k_base.tiktoken, or where tiktoken keeps its own. To get one, download "
            f"it once with: pybpe info {missing[0]}"
        )
    return f"<h2>Beside public encodings</h2><p>{escape(words)}</p>" + table(
        ("encoding", "vocabulary", "tokens", "bytes per token", "tokens, relative"), rows
    )


def _kinds(evaluation: Evaluation) -> str:
    rows = [_kind_row(kind, evaluation.total) for kind in [evaluation.total, *evaluation.shown_kinds()]]
    return (
        "<h2>By script</h2><p>Bytes per token, by the script of most letters between two spaces; files of program code "
        "apart. UTF-8 takes one byte for a Latin letter, two for a Cyrillic, Greek or Arabic one, three for most "
        "others.</p>" + table(("text", "share", *evaluation.names), rows)
    )


def _kind_row(kind: Kind, total: Kind) -> list[str]:
    return [kind.name, f"{kind.n_bytes / total.n_bytes:.1%}", *(ratio(kind.n_bytes, count) for count in kind.n_tokens)]


def _longest(tokenizer: Tokenizer) -> str:
    """Return the longest tokens, which are often runs of one sign, and the longest tokens of letters."""
    tokens = longest_tokens(tokenizer, tokenizer.n_vocab)
    words = [token for token in tokens if tokenizer.token_bytes(token).decode(errors="replace").strip().isalpha()]
    shown = "<h2>Longest tokens</h2>" + _sized(tokenizer, tokens[: SHOWN_TOKENS // 2])
    return shown + (f"<h3>The longest words</h3>{_sized(tokenizer, words[:SHOWN_TOKENS])}" if words else "")


def _sized(tokenizer: Tokenizer, tokens: Iterable[int]) -> str:
    return chips(tokenizer, ((token, f"{len(tokenizer.token_bytes(token))} bytes") for token in tokens))


def _unused(tokenizer: Tokenizer, evaluation: Evaluation) -> str:
    merged = [token for token in evaluation.unused if len(tokenizer.token_bytes(token)) > 1]
    n_bytes = len(evaluation.unused) - len(merged)
    words = (
        f"{len(evaluation.unused):,} of {evaluation.n_ordinary:,} tokens do not occur in the text: "
        f"{n_bytes:,} single bytes and {len(merged):,} merged tokens. Some are steps on the way to longer tokens, and "
        "a longer text needs more of them."
    )
    first = f"<h3>The first of the merged ones</h3>{chips(tokenizer, ((token, '') for token in merged[:SHOWN_TOKENS]))}"
    return f"<h2>Tokens never used</h2><p>{words}</p>{first if merged else ''}"
