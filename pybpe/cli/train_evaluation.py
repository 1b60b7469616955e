"""The evaluation of a new tokenizer by `pybpe train`: --report, --held-out and --eval."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import check_inputs, check_output_file, place, share, whole
from pybpe.cli.console import UsageError, escaped, note, out, print_columns, progress
from pybpe.util.units import ratio, size

if TYPE_CHECKING:
    from pybpe import Tokenizer
    from pybpe.cli.train_counts import AnyCorpus
    from pybpe.reports.evaluation.measure import Evaluation, Kind
    from pybpe.reports.evaluation.texts import Passage

SHOWN_KINDS = 8
LEAST_SHARE = 0.001  # the minimum share of the text for a row of its own


def add_evaluation_options(parser: argparse.ArgumentParser) -> None:
    """Add --report, --held-out, --seed and --eval."""
    group = parser.add_argument_group("evaluation, in the terminal and as a report")
    group.add_argument("--report", type=place, metavar="HTML", help="write a report on the tokenizer's compression")
    group.add_argument(
        "--held-out",
        type=share,
        metavar="SHARE",
        help="share of the text to measure on and not to train on, in parts from all over it (0.01: one percent)",
    )
    group.add_argument("--seed", type=whole(0), default=0, metavar="N", help="seed of the choice of --held-out (0)")
    group.add_argument("--eval", nargs="+", default=[], metavar="FILE", help="measure on these files instead")


class EvaluationText:
    """The text that the options name to measure on, if any."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        if options.eval and options.held_out:
            raise UsageError("--eval and --held-out both say what to measure on; leave out one of them")
        self.files = check_inputs(options.eval) if options.eval else []
        self._passages: list[Passage] = []

    def check(self, output: Path, corpus: AnyCorpus) -> None:
        """Check the path of the report, and read the text of --eval, before the training."""
        from pybpe.reports.evaluation.texts import sample_passages

        report: Path | None = self._options.report
        if report:
            inputs = [*corpus.files, *self.files]
            check_output_file(report, inputs, self._options.force, "--report", "report.html")
            if report.resolve() == output.resolve():
                raise UsageError(f"the tokenizer and the page cannot both be {output}; name another file with --report")
        if self.files:
            self._passages = sample_passages(self.files, corpus.cut, corpus.text_field)
            if not self._passages:
                raise ValueError("there is nothing to measure on: every file of --eval is empty")

    def measure(self, tokenizer: Tokenizer, output: Path, corpus: AnyCorpus) -> dict[str, Any] | None:
        """Measure the compression, write the report, and print a table, or return its data for --json.

        Returns None if nothing is to be measured.
        """
        from pybpe.reports.evaluation.measure import evaluate
        from pybpe.reports.evaluation.page import About, write_report

        options = self._options
        if not (options.report or options.held_out or options.eval):
            return None
        about = About(
            name=corpus.files[0].name if len(corpus.files) == 1 else output.name,
            corpus_bytes=corpus.n_bytes,
            text="given" if options.eval else "held out" if options.held_out else "training",
        )
        try:
            with progress("bytes") as callback:
                evaluation = evaluate(
                    tokenizer,
                    self._passages or corpus.passages(),
                    public_encodings(),
                    progress=lambda done, total: callback("evaluating", done, total),
                )
            if options.report:
                write_report(options.report, tokenizer, evaluation, about)
        except KeyboardInterrupt as stop:  # raised for SIGTERM too
            raise type(stop)(f"{output} is complete; it was not evaluated") from None
        if options.json:
            return as_json(evaluation, about.text, options.report)
        print_table(evaluation, about.measured_on)
        if options.report:
            out().print(f"more of this: {escaped(str(options.report))}", soft_wrap=True)
        return None


def as_json(evaluation: Evaluation, measured_on: str, report: Path | None) -> dict[str, Any]:
    """Return an evaluation for --json: {"text", "bytes", "tokens": {tokenizer: n}, "kinds", "unused", "report"}."""

    def tokens(kind: Kind) -> dict[str, int]:
        return dict(zip(evaluation.names, kind.n_tokens, strict=True))

    kinds = {kind.name: {"bytes": kind.n_bytes, "tokens": tokens(kind)} for kind in evaluation.shown_kinds()}
    facts = {"text": measured_on, "bytes": evaluation.total.n_bytes, "tokens": tokens(evaluation.total)}
    return {**facts, "kinds": kinds, "unused": len(evaluation.unused), "report": str(report) if report else None}


def public_encodings() -> dict[str, Tokenizer]:
    """Return {name: tokenizer} of the public encodings on this machine; wrong files are left out with a note."""
    from pybpe import Tokenizer
    from pybpe.encodings.registry import local_files

    found = {}
    for name, path in local_files().items():
        try:
            found[name] = Tokenizer.from_tiktoken(path)
        except (OSError, ValueError) as error:
            note(f"{name} is left out: {error}")
    if not found:
        note("no public encoding is on this machine to compare with; to get one, type: pybpe info cl100k_base")
    return found


def print_table(evaluation: Evaluation, measured_on: str) -> None:
    """Print a table of bytes per token by kind of text and tokenizer."""
    total = evaluation.total
    rows = [("text", "share", *evaluation.names)]
    kinds = [kind for kind in evaluation.shown_kinds() if kind.n_bytes >= LEAST_SHARE * total.n_bytes]
    for kind in [total, *kinds[:SHOWN_KINDS]]:
        compressed = (ratio(kind.n_bytes, n_tokens) for n_tokens in kind.n_tokens)
        rows.append((kind.name, f"{kind.n_bytes / total.n_bytes:.1%}", *compressed))
    console = out()
    title = f"bytes per token on {size(total.n_bytes)} of {escaped(measured_on)}"
    console.print(f"\n{title}", style="bold", soft_wrap=True)
    print_columns(rows, left=0)
    console.print(f"{len(evaluation.unused):,} of {evaluation.n_ordinary:,} tokens do not occur in it", soft_wrap=True)
