"""The report of a demo: a self-contained HTML file, without scripts or network access."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from html import escape
from pathlib import Path

from pybpe.gpt.demo.results import DemoResults, Sample, Stage
from pybpe.gpt.runs.chart import legend, loss_chart
from pybpe.gpt.runs.style import STYLE, shown
from pybpe.reports.html import chips, head, render_page, table
from pybpe.reports.view import first_merges, longest_tokens, to_html
from pybpe.util.files import PathLike, write_atomic
from pybpe.util.units import seconds, size

SHOWN_TOKENS = 20
STAGES = {
    "read": "read the text",
    "tokenizer": "train the tokenizer",
    "encode": "encode into shards",
    "sample before": "sample, untrained",
    "pretrain": "pretrain the model",
    "sample after": "sample, trained",
    "curriculum": "write the conversations",
    "test before": "test before fine-tuning",
    "finetune": "fine-tune the model",
    "test after": "test after fine-tuning",
}


def write_report(path: PathLike, results: DemoResults, folder: Path) -> None:
    """Write the report, completely or not at all. folder: the folder of the demo, for the commands in the report."""
    write_atomic(path, render(results, folder).encode())


def render(results: DemoResults, folder: Path) -> str:
    """Return the report as HTML."""
    sections = (
        _head(results),
        _learning(results),
        _samples(results),
        _tokens(results),
        _vocabulary(results),
        time_table(results.stages),
    )
    return render_page(
        f"pybpe: {results.corpus.name}", (*sections, _next(folder)), results.tokenizer.fingerprint, STYLE
    )


def _head(results: DemoResults) -> str:
    time = seconds(sum(stage.seconds for stage in results.stages)).replace(" ", "&nbsp;")
    notice = (
        f'<p class="notice">Training was interrupted after {results.run.steps:,} steps. What was learned until then '
        "is kept, and this page shows it.</p>"
        if results.interrupted
        else ""
    )
    headline = [
        (f"{results.tokenizer.n_vocab:,}", "tokens in the vocabulary"),
        (f"{results.held_out_bytes_per_token:.2f}", "bytes per token on held-out text"),
        (f"{results.bits_per_byte(results.run.loss):.2f}", "bits per byte on held-out text"),
        (f"{results.run.n_params / 1e6:.2f} M", "parameters in the model"),
    ]
    used = (
        ""
        if results.corpus.size == results.corpus.n_bytes
        else f", of which the first {size(results.corpus.n_bytes)} were used"
    )
    lead = f"From {size(results.corpus.size)} of text{used} to a tokenizer and a small language model, in {time}."
    return head("pybpe demo", results.corpus.name, lead, headline, notice)


def _learning(results: DemoResults) -> str:
    first, last = results.run.metrics.val_losses[0][1], results.run.loss
    shape = results.run.run.settings
    return (
        "<h2>Loss</h2>"
        f"<p>In training, the loss on held-out text went from {first:.2f} to {last:.2f} nats per token, or from "
        f"{results.bits_per_byte(first):.2f} to {results.bits_per_byte(last):.2f} bits per byte. The dashed line is "
        f"the loss of token frequencies alone, {results.run.unigram:.2f} nats per token.</p>"
        + loss_chart(results.curves)
        + legend()
        + f"<p><br>The model is a GPT of {shape.n_layer} layers, {shape.n_head} heads and width {shape.n_embd} with "
        f"a context of {shape.block_size} tokens. It was trained for {results.run.steps:,} steps on a text of "
        f"{results.n_train_ids:,} tokens.</p>"
    )


def _samples(results: DemoResults) -> str:
    return (
        "<h2>Samples</h2><p>Prompts from the held-out text, continued by the model with the same "
        "random numbers, before and after training.</p>" + "".join(map(_sample, results.samples))
    )


def _sample(sample: Sample) -> str:
    return (
        f'<div class="pair"><h3>{escape(sample.prompt)}\u2009\u2026</h3>'
        f'<div><p class="label">before training</p><div class="sample before">{shown(sample.before)}</div></div>'
        f'<div><p class="label">after training</p><div class="sample">{shown(sample.after)}</div></div></div>'
    )


def _tokens(results: DemoResults) -> str:
    return (
        "<h2>A passage in tokens</h2><p>Held-out text as the tokenizer cuts it. Where the colour changes, a new token "
        "begins; rest the pointer on one for its id and bytes.</p>"
        f'<div class="tokens">{to_html(results.tokenizer, results.passage)}</div>'
    )


def _vocabulary(results: DemoResults) -> str:
    tokenizer = results.tokenizer
    rows = [
        ("bytes, the first tokens", "256"),
        ("merges learned", f"{len(tokenizer.merges):,}"),
        ("special tokens", f"{len(tokenizer.special_tokens):,}"),
        ("bytes per token, training text", f"{results.train_bytes_per_token:.3f}"),
        ("bytes per token, held-out text", f"{results.held_out_bytes_per_token:.3f}"),
    ]
    return (
        "<h2>The vocabulary</h2>"
        + table((), rows)
        + "<h3>First merges</h3>"
        + chips(tokenizer, ((token, "") for token in first_merges(tokenizer, SHOWN_TOKENS)))
        + "<h3>Longest tokens</h3>"
        + chips(tokenizer, ((token, "") for token in longest_tokens(tokenizer, SHOWN_TOKENS)))
        + "<h3>Most used tokens, with their share of the training text</h3>"
        + chips(tokenizer, ((token, f"{count / results.n_train_ids:.1%}") for token, count in results.most_used))
    )


def time_table(stages: Sequence[Stage]) -> str:
    """Return a table of the time and speed of stages, with its title, as HTML."""
    rows = [(STAGES.get(stage.name, stage.name), seconds(stage.seconds), *_speed(stage)) for stage in stages]
    return "<h2>Time</h2>" + table(("stage", "time", "amount", "speed"), rows)


def _speed(stage: Stage) -> tuple[str, str]:
    speed = stage.amount / max(stage.seconds, 1e-9)
    if stage.unit == "bytes":
        return size(stage.amount), f"{size(speed)}/s"
    return f"{stage.amount:,.0f} {stage.unit}", f"{speed:,.0f} {stage.unit}/s"


def _next(folder: Path) -> str:
    tokenizer = folder / "tokenizer.pybpe"
    commands = (
        shlex.join(["pybpe", "gpt", "sample", str(folder), "--prompt", "The "]),
        shlex.join(["pybpe", "encode", str(tokenizer), "--show", "--text", "Hello world"]),
        "pybpe demo your-text.txt -o your-demo",
        "pybpe-train your-text.txt --vocab-size 32768",
    )
    python = (
        "from pybpe.gpt.inference import open_model\n\n"
        f"model = open_model({str(folder)!r})\n"
        'print("".join(model.stream_text("The ", 100, seed=1)))'
    )
    return (
        "<h2>Next steps</h2><p>In a terminal, in the folder where the demo was started:</p>"
        f"<pre>{escape(chr(10).join(commands))}</pre><p></p><p>In Python:</p>"
        f'<pre class="python">{escape(python)}</pre>'
    )
