"""Where a report is shown: the block in the README, docs/benchmarks.md, the plot, and the JSON they are made from."""

from __future__ import annotations

from pathlib import Path

from .plot import plot
from .results import Report
from .tables import compact, full

ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"
DATA = ROOT / "docs" / "benchmarks.json"
PAGE = ROOT / "docs" / "benchmarks.md"
PLOT = ROOT / "docs" / "benchmarks.svg"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def readme_block(report: Report) -> str:
    """What stands between the README's markers."""
    picture = f"![Speed of pybpe beside other tokenizers]({PLOT.relative_to(ROOT).as_posix()})"
    more = f"All encodings, all packages: [{PAGE.relative_to(ROOT).as_posix()}]({PAGE.relative_to(ROOT).as_posix()})."
    return "\n".join(["", picture, "", *compact(report), "", more, ""])


def page(report: Report) -> str:
    """docs/benchmarks.md."""
    opening = [
        "# Benchmarks",
        "",
        "Written by `scripts/bench.py`. In parentheses: how many times as good as that package pybpe was, the median",
        "of the ratios within a round. Every result was checked before it was timed.",
        "",
    ]
    return "\n".join([*opening, *full(report)]) + "\n"


def publish(report: Report) -> None:
    """Write all four from one report."""
    report.write(DATA)
    report = Report.read(DATA)  # rounded as the file is, so that the pages can be made from it again
    PAGE.write_text(page(report), encoding="utf-8")
    PLOT.write_text(plot(report), encoding="utf-8")
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    README.write_text(before + BEGIN + readme_block(report) + END + rest.split(END)[1], encoding="utf-8")
