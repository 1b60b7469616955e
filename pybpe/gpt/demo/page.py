"""The report of a demonstration: one HTML file that needs nothing else, no network and no scripts."""

from __future__ import annotations

import shlex
from html import escape
from pathlib import Path

from pybpe.gpt.demo.results import DemoFacts, Sample, Stage
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
}


def write_report(path: PathLike, facts: DemoFacts, folder: Path) -> None:
    """Write the page, completely or not at all. folder: where its reader will find tokenizer and model."""
    write_atomic(path, render(facts, folder).encode())


def render(facts: DemoFacts, folder: Path) -> str:
    """The whole page."""
    sections = (_head(facts), _learning(facts), _samples(facts), _tokens(facts), _vocabulary(facts), _time(facts))
    return render_page(f"pybpe: {facts.corpus.name}", (*sections, _next(folder)), facts.tokenizer.fingerprint, STYLE)


def _head(facts: DemoFacts) -> str:
    loss = facts.held_out_loss
    time = seconds(sum(stage.seconds for stage in facts.stages)).replace(" ", "&nbsp;")
    notice = (
        f'<p class="notice">Training was interrupted after {len(facts.losses):,} steps. What was learned until then is '
        "kept, and this page shows it.</p>"
        if facts.interrupted
        else ""
    )
    headline = [
        (f"{facts.tokenizer.n_vocab:,}", "tokens in the vocabulary"),
        (f"{facts.held_out_bytes_per_token:.2f}", "bytes per token on held-out text"),
        (f"{facts.bits_per_byte(loss):.2f}", "bits per byte on held-out text"),
        (f"{facts.n_params / 1e6:.2f} M", "parameters in the model"),
    ]
    used = (
        ""
        if facts.corpus.size == facts.corpus.n_bytes
        else f", of which the first {size(facts.corpus.n_bytes)} were used"
    )
    lead = f"From {size(facts.corpus.size)} of text{used} to a tokenizer and a small language model, in {time}."
    return head("pybpe demo", facts.corpus.name, lead, headline, notice)


def _learning(facts: DemoFacts) -> str:
    first, last = facts.held_out_losses[0][1], facts.held_out_loss
    config = facts.config
    return (
        "<h2>What the model learned</h2>"
        f"<p>On text that it never saw, its loss went from {first:.2f} to {last:.2f} nats per token, which is "
        f"{facts.bits_per_byte(first):.2f} to {facts.bits_per_byte(last):.2f} bits per byte. Knowing how frequent each "
        f"token is, and nothing more, would give {facts.unigram:.2f}: that is the dashed line to beat.</p>"
        + loss_chart(facts.curves)
        + legend()
        + f"<p><br>A GPT of {config.n_layer} layers, {config.n_head} heads and width {config.n_embd} that sees "
        f"{config.block_size} tokens at once. It took {len(facts.losses):,} steps through a text of "
        f"{facts.n_train_ids:,} tokens.</p>"
    )


def _samples(facts: DemoFacts) -> str:
    return (
        "<h2>What it says</h2><p>The same beginnings from the held-out text, continued by the model with the same "
        "random numbers, before and after training.</p>" + "".join(map(_sample, facts.samples))
    )


def _sample(sample: Sample) -> str:
    return (
        f'<div class="pair"><h3>{escape(sample.prompt)}\u2009\u2026</h3>'
        f'<div><p class="label">before training</p><div class="sample before">{shown(sample.before)}</div></div>'
        f'<div><p class="label">after training</p><div class="sample">{shown(sample.after)}</div></div></div>'
    )


def _tokens(facts: DemoFacts) -> str:
    return (
        "<h2>A passage in tokens</h2><p>Held-out text as the tokenizer cuts it. Where the colour changes, a new token "
        "begins; rest the pointer on one for its id and bytes.</p>"
        f'<div class="tokens">{to_html(facts.tokenizer, facts.passage)}</div>'
    )


def _vocabulary(facts: DemoFacts) -> str:
    tokenizer = facts.tokenizer
    rows = [
        ("bytes, the first tokens", "256"),
        ("merges learned", f"{len(tokenizer.merges):,}"),
        ("special tokens", f"{len(tokenizer.special_tokens):,}"),
        ("bytes per token, training text", f"{facts.train_bytes_per_token:.3f}"),
        ("bytes per token, held-out text", f"{facts.held_out_bytes_per_token:.3f}"),
    ]
    return (
        "<h2>The vocabulary</h2>"
        + table((), rows)
        + "<h3>First merges</h3>"
        + chips(tokenizer, ((token, "") for token in first_merges(tokenizer, SHOWN_TOKENS)))
        + "<h3>Longest tokens</h3>"
        + chips(tokenizer, ((token, "") for token in longest_tokens(tokenizer, SHOWN_TOKENS)))
        + "<h3>Most used tokens, with their share of the training text</h3>"
        + chips(tokenizer, ((token, f"{count / facts.n_train_ids:.1%}") for token, count in facts.most_used))
    )


def _time(facts: DemoFacts) -> str:
    rows = [(STAGES.get(stage.name, stage.name), seconds(stage.seconds), *_speed(stage)) for stage in facts.stages]
    return "<h2>Where the time went</h2>" + table(("stage", "time", "amount", "speed"), rows)


def _speed(stage: Stage) -> tuple[str, str]:
    speed = stage.amount / max(stage.seconds, 1e-9)
    if stage.unit == "bytes":
        return size(stage.amount), f"{size(speed)}/s"
    return f"{stage.amount:,.0f} tokens", f"{speed:,.0f} tokens/s"


def _next(folder: Path) -> str:
    tokenizer, model = folder / "tokenizer.pybpe", folder / "model.safetensors"
    commands = (
        shlex.join(["pybpe", "info", str(tokenizer)]),
        shlex.join(["pybpe", "encode", str(tokenizer), "--show", "--text", "Hello world"]),
        "pybpe demo your-text.txt -o your-demo",
        "pybpe-train your-text.txt --vocab-size 32768",
    )
    python = (
        "from pybpe import Tokenizer\n"
        "from pybpe.gpt.micro import MicroGPT\n\n"
        f"tokenizer = Tokenizer.load({str(tokenizer)!r})\n"
        f"model = MicroGPT.load({str(model)!r})\n"
        'ids = model.generate(tokenizer.encode("The "), max_tokens=100, seed=1)\n'
        "print(tokenizer.decode(list(ids)))"
    )
    return (
        "<h2>How to go on</h2><p>In a terminal, in the folder where the demo was started:</p>"
        f"<pre>{escape(chr(10).join(commands))}</pre><p></p><p>In Python:</p>"
        f'<pre class="python">{escape(python)}</pre>'
    )
