"""The report of a training run: a self-contained HTML file, without scripts or network access."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pybpe.gpt.finetune.answers import Answered
from pybpe.gpt.finetune.page import answers_section
from pybpe.gpt.runs.chart import Curves, legend, loss_chart
from pybpe.gpt.runs.folder import Metrics, Run
from pybpe.gpt.runs.settings_table import settings_rows
from pybpe.gpt.runs.style import STYLE, shown
from pybpe.gpt.vocabulary import Vocabulary, bits_per_byte
from pybpe.reports.html import head, render_page, table
from pybpe.util.files import PathLike, write_atomic
from pybpe.util.units import seconds

TEMPERATURE = 0.8  # sampling temperature of the samples
STOPPED = {"seconds": "stopped by its time limit", "interrupt": "interrupted", "terminate": "terminated"}
RECENT = 100  # last steps whose mean training loss is shown if nothing is held out


@dataclass
class RunResults:
    """The results of a run, updated during training.

    unigram: loss of token frequencies alone, in nats per token, on the held-out text, or on the training text if
    nothing is held out. first_step: steps taken before this process continued the run. seconds, tokens_per_second: of
    this process. stopped: why it ended, one of stopping.REASONS. samples: texts that the trained model generated.
    answers: of a run on conversations, in place of samples: questions with the answers before and after. facts: rows of
    a table on the data, (name, value).
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
    answers: list[Answered] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """The number of steps taken, those before the run was continued included."""
        return len(self.metrics.losses)

    @property
    def interrupted(self) -> bool:
        """True if a signal or a time limit ended the run before its last step."""
        return self.stopped != "steps"

    @property
    def held_out(self) -> bool:
        """True if text was held out and its loss measured."""
        return bool(self.metrics.val_losses)

    @property
    def loss(self) -> float:
        """The last held-out loss, or the mean of the last RECENT training losses, in nats per token."""
        if self.held_out:
            return self.metrics.val_losses[-1][1]
        recent = self.metrics.losses[-RECENT:]
        return sum(recent) / max(1, len(recent))

    @property
    def bytes_a_token(self) -> float:
        """The mean number of bytes per token, of the same text as `unigram`."""
        return self.metrics.bytes_a_token

    @property
    def bits_a_nat(self) -> float:
        """The factor that converts nats per token to bits per byte."""
        return bits_per_byte(1.0, self.bytes_a_token)

    @property
    def bits_per_byte(self) -> float:
        """The loss in bits per byte."""
        return bits_per_byte(self.loss, self.bytes_a_token)


def write_run_report(path: PathLike, results: RunResults, folder: Path) -> None:
    """Write the report, completely or not at all. folder: the folder of the run, which names the page."""
    sections = (_head(results, folder), _learning(results), _samples(results), _settings(results))
    page = render_page(f"pybpe: {folder.name}", sections, results.vocabulary.fingerprint, STYLE)
    write_atomic(path, page.encode("utf-8", "replace"))


def _head(results: RunResults, folder: Path) -> str:
    settings = results.run.settings
    held_out, data = ("held-out answers", "conversations") if settings.chat else ("held-out text", "training text")
    text = held_out if results.held_out else f"the last {min(RECENT, results.steps)} steps"
    figures = [
        (f"{results.loss:.3f}", f"nats per token on {text}"),
        (f"{results.bits_per_byte:.3f}", f"bits per byte on {text}"),
        (f"{results.n_params / 1e6:.2f} M" if results.n_params > 99_999 else f"{results.n_params:,}", "parameters"),
        (f"{results.tokens_per_second:,.0f}", "tokens per second"),
    ]
    notice = (
        f'<p class="notice">Training was {STOPPED[results.stopped]} after {results.steps:,} of '
        f"{settings.steps:,} steps; <code>{settings.command} --resume</code> continues.</p>"
        if results.interrupted
        else ""
    )
    way = f"{results.steps:,} steps on {results.n_train_ids:,} tokens of {data}"
    lead = f"{way}. Training took {seconds(results.seconds)} since it was last started or continued."
    return head(f"{settings.command}, engine {settings.engine}", folder.name, lead, figures, notice)


def _learning(results: RunResults) -> str:
    if not results.metrics.losses:
        return ""
    curves = Curves(
        results.metrics.losses,
        results.metrics.val_losses,
        results.unigram,
        results.bits_a_nat,
    )
    return "<h2>Loss</h2>" + loss_chart(curves) + legend(results.held_out)


def _samples(results: RunResults) -> str:
    if results.answers:
        return answers_section(results.answers)
    texts = "".join(f'<div class="alone"><div class="sample">{shown(text)}</div></div>' for text in results.samples)
    return f"<h2>Samples</h2><p>From the beginning of a text, at temperature {TEMPERATURE:g}.</p>{texts}"


def _settings(results: RunResults) -> str:
    data = [("data", ", ".join(results.run.data)), ("vocabulary", f"{results.vocabulary.n_vocab:,} ids")]
    return "<h2>Settings</h2>" + table((), [*data, *results.facts, *settings_rows(results.run.settings)])
