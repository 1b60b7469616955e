"""The report of a chat demo: a self-contained HTML file, without scripts or network access."""

from __future__ import annotations

import shlex
from html import escape
from pathlib import Path

from pybpe.gpt.chat_evaluation import Attempt
from pybpe.gpt.demo.chat_results import ChatResults
from pybpe.gpt.demo.page import time_table
from pybpe.gpt.runs.chart import Curves, legend, loss_chart
from pybpe.gpt.runs.page import RunResults
from pybpe.gpt.runs.style import STYLE, shown
from pybpe.reports.html import head, render_page, table
from pybpe.util.files import PathLike, write_atomic
from pybpe.util.units import seconds, size

TEST_SETS = {
    "words": "letters of words that are in no conversation",
    "sums": "sums that are in no conversation",
    "templates": "new words and sums, in questions phrased as in no conversation",
}
STOPPED = {"seconds": "ended by its time limit", "interrupt": "interrupted", "terminate": "terminated"}
CHAT_STYLE = """
.call { font: 13px/1.6 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; margin: 4px 0 0; }
.call b { color: var(--soft); font-weight: normal; }
"""


def write_chat_report(path: PathLike, results: ChatResults, folder: Path) -> None:
    """Write the report, completely or not at all. folder: the folder of the demo, for the commands in the report."""
    write_atomic(path, render_chat(results, folder).encode("utf-8", "replace"))


def render_chat(results: ChatResults, folder: Path) -> str:
    """Return the report as HTML."""
    sections = (_head(results), _questions(results), _scores(results), _learning(results), time_table(results.stages))
    return render_page(
        f"pybpe: {results.corpus.name}, a model that talks",
        (*sections, _next(folder)),
        results.chat.vocabulary.fingerprint,
        STYLE + CHAT_STYLE,
    )


def _head(results: ChatResults) -> str:
    scores = results.after.scores if results.after else {}
    figures = [
        *((f"{score.right:.1%}", f"right answers, {name}") for name, score in scores.items()),
        (f"{results.chat.n_params / 1e6:.2f} M", "parameters in the model"),
    ]
    notice = (
        f'<p class="notice">Fine-tuning was {STOPPED[results.stopped]} after {results.chat.steps:,} of '
        f"{results.chat.run.settings.steps:,} steps. What was learned until then is kept, and this page shows it.</p>"
        if results.stopped in STOPPED
        else ""
    )
    time = seconds(results.seconds).replace(" ", "&nbsp;")
    lead = (
        f"From {size(results.corpus.n_bytes)} of text and {results.n_conversations:,} conversations to a model that "
        f"counts letters and adds numbers by writing Python, in {time}."
    )
    return head("pybpe demo --chat", results.corpus.name, lead, figures, notice)


def _questions(results: ChatResults) -> str:
    after = results.after.shown if results.after else ()
    pairs = [
        f'<div class="pair"><h3>{escape(before.exchange.question)}</h3>'
        f'<div><p class="label">before fine-tuning</p><div class="sample before">{_answer(before)}</div></div>'
        f'<div><p class="label">after fine-tuning</p><div class="sample">{_answer(attempt)}</div></div></div>'
        for before, attempt in zip(results.before.shown, after, strict=bool(after))
    ]
    lead = "The model writes the code; the output is what running it gave. No conversation has these words or this sum."
    return f"<h2>Questions</h2><p>{lead}</p>{''.join(pairs)}" if pairs else ""


def _answer(attempt: Attempt) -> str:
    """Return an answer as HTML, with its code and the output of the code in lines of their own."""
    return "".join(
        shown(part.text) if part.kind == "text" else f'<div class="call"><b>{part.kind}</b> {shown(part.text)}</div>'
        for part in attempt.parts
    )


def _scores(results: ChatResults) -> str:
    rows = []
    for name, before in results.before.scores.items():
        after = results.after.scores[name] if results.after else None
        rows.append(
            (
                TEST_SETS[name],
                f"{before.exact_calls:.1%}, {before.right:.1%} of {before.n:,}",
                f"{after.exact_calls:.1%}, {after.right:.1%} of {after.n:,}" if after else "not tested",
            )
        )
    titles = ("questions", "before: exact code, right answer", "after: exact code, right answer")
    return "<h2>Test</h2><p>Greedy answers. The code must be exactly the expected one.</p>" + table(titles, rows)


def _learning(results: ChatResults) -> str:
    base, chat = results.base, results.chat
    settings = chat.run.settings
    return (
        f"<h2>Pretraining</h2><p>{base.steps:,} steps on a text of {base.n_train_ids:,} tokens.</p>"
        + _chart(base)
        + f"<h2>Fine-tuning</h2><p>{chat.steps:,} steps on {results.n_conversations:,} conversations. The loss counts "
        "what the assistant writes, and neither the questions nor the output of code.</p>"
        + _chart(chat)
        + f"<p><br>The model is a GPT of {settings.n_layer} layers, {settings.n_head} heads and width "
        f"{settings.n_embd} with a context of {settings.block_size} tokens and a vocabulary of "
        f"{chat.vocabulary.n_vocab:,}.</p>"
    )


def _chart(results: RunResults) -> str:
    metrics = results.metrics
    curves = Curves(metrics.losses, metrics.val_losses, results.unigram, results.bits_a_nat)
    return loss_chart(curves) + legend(results.held_out)


def _next(folder: Path) -> str:
    commands = "\n".join(
        (
            shlex.join(["pybpe", "gpt", "chat", str(folder)]),
            shlex.join(["pybpe", "gpt", "serve", str(folder)]),
            shlex.join(["pybpe", "gpt", "sample", str(folder / "base"), "--prompt", "The "]),
        )
    )
    return (
        "<h2>Next steps</h2><p>In a terminal, in the folder where the demo was started:</p>"
        f"<pre>{escape(commands)}</pre>"
    )
