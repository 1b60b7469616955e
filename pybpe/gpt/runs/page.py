"""The report of a training run: one HTML file that needs nothing else, no network and no scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pybpe.gpt.runs.chart import Curves, legend, loss_chart
from pybpe.gpt.runs.folder import Metrics, Run
from pybpe.gpt.runs.settings_table import settings_rows
from pybpe.gpt.runs.style import STYLE, shown
from pybpe.gpt.vocabulary import Vocabulary, bits_per_byte
from pybpe.reports.html import head, render_page, table
from pybpe.util.files import PathLike, write_atomic
from pybpe.util.units import seconds

TEMPERATURE = 0.8  # of the samples
STOPPED = {"seconds": "stopped by its time limit", "interrupt": "interrupted", "terminate": "terminated"}
RECENT = 100  # steps, for the loss that is named where nothing is held out


@dataclass
class RunResults:
    """What a run found out; it fills while the run goes on.

    unigram: nats per token of token frequencies alone, of the held-out text, or of the training text where nothing is
    held out, as bytes_a_token is. first_step: where this sitting began; seconds, tokens_per_second: of this sitting.
    stopped: why it ended, one of stopping.REASONS.
    """

    run: Run
    vocabulary: Vocabulary
    metrics: Metrics
    n_train_ids: int
    unigram: float
    first_step: int = 0
    n_params: int = 0
    seconds: float = 0.0
    tokens_per_second: float = 0.0
    stopped: str = "steps"
    samples: list[str] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Steps taken, those of earlier sittings included."""
        return len(self.metrics.losses)

    @property
    def interrupted(self) -> bool:
        """True if steps are left: a signal or a time limit ended the run."""
        return self.stopped != "steps"

    @property
    def held_out(self) -> bool:
        """Whether some text was held out."""
        return bool(self.metrics.val_losses)

    @property
    def loss(self) -> float:
        """The last loss on held-out text, or the mean of the last training losses; nats per token."""
        if self.held_out:
            return self.metrics.val_losses[-1][1]
        recent = self.metrics.losses[-RECENT:]
        return sum(recent) / max(1, len(recent))

    @property
    def bytes_a_token(self) -> float:
        """What a token stands for in the mean."""
        return self.metrics.bytes_a_token

    @property
    def bits_a_nat(self) -> float:
        """What makes bits per byte, which do not depend on the vocabulary, of nats per token."""
        return bits_per_byte(1.0, self.bytes_a_token)

    @property
    def bits_per_byte(self) -> float:
        """The loss in that unit."""
        return bits_per_byte(self.loss, self.bytes_a_token)


def write_run_report(path: PathLike, results: RunResults, folder: Path) -> None:
    """Write the page, completely or not at all. folder: where its reader will find the run."""
    sections = (_head(results, folder), _learning(results), _samples(results), _settings(results))
    page = render_page(f"pybpe: {folder.name}", sections, results.vocabulary.fingerprint, STYLE)
    write_atomic(path, page.encode("utf-8", "replace"))


def _head(results: RunResults, folder: Path) -> str:
    text = "held-out text" if results.held_out else f"the last {min(RECENT, results.steps)} steps"
    figures = [
        (f"{results.loss:.3f}", f"nats per token on {text}"),
        (f"{results.bits_per_byte:.3f}", f"bits per byte on {text}"),
        (f"{results.n_params / 1e6:.2f} M" if results.n_params > 99_999 else f"{results.n_params:,}", "parameters"),
        (f"{results.tokens_per_second:,.0f}", "tokens per second"),
    ]
    notice = (
        f'<p class="notice">Training was {STOPPED[results.stopped]} after {results.steps:,} of '
        f"{results.run.settings.steps:,} steps; "
        "<code>pybpe gpt train --resume</code> goes on.</p>"
        if results.interrupted
        else ""
    )
    way = f"{results.steps:,} steps through {results.n_train_ids:,} tokens"
    lead = f"{way}, the last sitting in {seconds(results.seconds)}."
    return head(f"pybpe gpt train, engine {results.run.settings.engine}", folder.name, lead, figures, notice)


def _learning(results: RunResults) -> str:
    if not results.metrics.losses:
        return ""
    curves = Curves(
        results.metrics.losses,
        results.metrics.val_losses,
        results.unigram,
        results.bits_a_nat,
    )
    return "<h2>How it learned</h2>" + loss_chart(curves) + legend(results.held_out)


def _samples(results: RunResults) -> str:
    texts = "".join(f'<div class="alone"><div class="sample">{shown(text)}</div></div>' for text in results.samples)
    return f"<h2>What it says</h2><p>From the beginning of a text, at temperature {TEMPERATURE:g}.</p>{texts}"


def _settings(results: RunResults) -> str:
    data = [("data", ", ".join(results.run.data)), ("vocabulary", f"{results.vocabulary.n_vocab:,} ids")]
    return "<h2>The settings</h2>" + table((), [*data, *settings_rows(results.run.settings)])
