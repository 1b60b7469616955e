"""A report as Markdown: the compact tables of the README, and the full ones."""

from __future__ import annotations

import re
from typing import Any

from .results import OURS, Report, Result
from .rows import NORMAL, REGEX, ROWS
from .texts import CJK

ON_TEXTS = (
    "numpy", "first", "list", "documents numpy", "documents numpy one", "documents list", "documents list one",
    "count", "documents count", "documents count one", "strings list", "strings policy", "strings face",
    "strings numpy", "strings count", "page list", "decode numpy", "decode list",
    "transformers call", "transformers encode", "transformers batch", "pattern",
)  # fmt: skip
MAIN_ENCODING = "cl100k_base"


def main_encoding(report: Report) -> str:
    """The encoding that the compact tables and the plot show."""
    names = report.conditions["encodings"]
    return MAIN_ENCODING if MAIN_ENCODING in names else str(names[0])


def number(value: float) -> str:
    """Three digits, and no more than are there."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def compact(report: Report) -> list[str]:
    """The tables of the README."""
    return [
        f"Encoding `{main_encoding(report)}`: pybpe, and how many times as fast as the fastest other package.",
        "",
        *_on_texts(report),
        "",
        *_on_other_things(report),
        "",
        *_training(report),
        *_gpt(report),
        *conditions_lines(report.conditions),
    ]


def _on_texts(report: Report) -> list[str]:
    shown = {result.text for row in ON_TEXTS for result in report.of(row, encoding=main_encoding(report))}
    texts = [name for name in report.conditions["texts"] if name in shown]
    lines = [f"| what | {' | '.join(texts)} |", "|---" * (len(texts) + 1) + "|"]
    for row in ON_TEXTS:
        found = {result.text: result for result in report.of(row, encoding=main_encoding(report))}
        if found:
            cells = [_cell(found[text]) if text in found else "" for text in texts]
            lines.append(f"| {ROWS[row]} | {' | '.join(cells)} |")
    return lines


def _cell(result: Result) -> str:
    """pybpe's figure, and its lead over the best peer; of the row on patterns, over `regex`."""
    ours = f"{number(result.values[OURS])} {result.unit}"
    peer = REGEX if REGEX in result.ratios else result.best_peer
    return f"{ours}, {times(result.ratios[peer])} {peer}" if peer else ours


def times(ratio: float) -> str:
    """A ratio, short; two digits where one would hide it."""
    return f"{ratio:.1f}x" if ratio >= 0.95 else f"{ratio:.2g}x"


def _on_other_things(report: Report) -> list[str]:
    encoding = main_encoding(report)
    rows = [
        (f"{CJK} only, {ROWS[row]}", _cell(result))
        for row in ("numpy", "list")
        for result in report.of(row, encoding=encoding, text=CJK)
    ]
    for row in ("open", "import"):
        rows += [(ROWS[row], _cell(result)) for result in report.of(row) if result.encoding in ("", encoding)]
    rows += _hostile(report, encoding)
    for result in report.of("memory", encoding=encoding):
        grown = ", ".join(f"{name} +{number(value)} MiB" for name, value in result.values.items())
        rows.append((ROWS["memory"], f"{grown} ({'; '.join(result.notes)})"))
    return ["| what | pybpe |", "|---|---|", *(f"| {what} | {cell} |" for what, cell in rows)]


def _hostile(report: Report, encoding: str) -> list[tuple[str, str]]:
    """The worst of each row on hostile inputs."""
    rows = []
    found = report.of("adversarial", encoding=encoding)
    if found:
        worst = max(found, key=lambda result: result.values[OURS])
        beside_normal = worst.values[OURS] / worst.values[NORMAL]
        rows.append(
            (
                f"{ROWS['adversarial']}, worst of {len(found)} kinds",
                f"{number(worst.values[OURS])} s ({worst.text}), {beside_normal:.2g} times that of normal text",
            )
        )
    steps = [
        (step, result.text, result) for result in report.of("growth", encoding=encoding) for step in _steps(result)
    ]
    if steps:
        step, kind, result = max(steps, key=lambda item: item[0])
        rows.append(
            (ROWS["growth"], f"at most {step:.2f} times the time ({kind}), from 1M to {list(result.values)[-1]}")
        )
    rows += [(ROWS["spaces"], f"{number(result.values[OURS])} s") for result in report.of("spaces", encoding=encoding)]
    return rows


def _steps(result: Result) -> list[float]:
    times = list(result.values.values())
    return [later / earlier for earlier, later in zip(times, times[1:], strict=False)]


def _training(report: Report) -> list[str]:
    if not report.of("training"):
        return []
    lines = [
        "Training from a file on two threads, and how many times the time and the memory other packages take:",
        "",
        "| text | tokens | pybpe | rustbpe, equal merges | others, with another order of ties |",
        "|---|---|---|---|---|",
    ]
    for result in report.of("training"):
        equal = _times_both(report, "training", result)
        others = _times_both(report, "training ties", result)
        memory = report.of("training memory", text=result.text, encoding=result.encoding)
        mebibytes = "".join(f", {number(found.values[OURS])} MiB" for found in memory)
        lines.append(
            f"| {result.text} | {result.encoding.removesuffix(' tokens')} "
            f"| {number(result.values[OURS])} s{mebibytes} | {', '.join(equal)} | {', '.join(others)} |"
        )
    for result in report.of("counting"):
        ratio = times(result.ratios[result.best_peer]) if result.best_peer else ""
        lines += ["", f"Counting the words of {result.text}: {number(result.values[OURS])} MB/s, {ratio} one thread."]
    for result in report.of("training whole"):
        lines += ["", f"Without a pattern, {result.text} to {result.encoding}: {number(result.values[OURS])} s."]
    return [*lines, ""]


def _gpt(report: Report) -> list[str]:
    """The micro GPT: a sentence a row."""
    lines = []
    for result in report.of("microgpt"):
        lines.append(f"{ROWS['microgpt']}, {'; '.join(result.notes)}: {_cell(result)}.")
    for result in report.of("gpt"):
        learned = ""
        for found in report.of("gpt learned", text=result.text, encoding=result.encoding):
            figures = ", ".join(f"{name} {value:.3g}" for name, value in found.values.items())
            learned = f" {found.unit[0].upper()}{found.unit[1:]} on held-out text {'; '.join(found.notes)}: {figures}."
        lines.append(f"{ROWS['gpt']}, {result.text} in {result.encoding}: {_cell(result)}.{learned}")
    return [line for spm in lines for line in (spm[0].upper() + spm[1:], "")]


def _times_both(report: Report, row: str, like: Result) -> list[str]:
    """`package 3.0x, 1.2x` of each peer: its time and its memory by pybpe's."""
    found = {}
    for name in (row, f"{row} memory"):
        for result in report.of(name, text=like.text, encoding=like.encoding):
            for peer, ratio in result.ratios.items():
                found.setdefault(peer, []).append(times(ratio))
    return [f"{peer} {' and '.join(ratios)}" for peer, ratios in found.items()]


def conditions_lines(facts: dict[str, Any]) -> list[str]:
    """Where, when and with what, as a paragraph."""
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    texts = ", ".join(
        f"{name} {text['megabytes']:.0f} MB {text['sha256'][:12]}" for name, text in facts["texts"].items()
    )
    lines = [
        f"Measured by `scripts/bench.py` on {facts['date']}: {facts['processor']}, {facts['cores']} cores, "
        f"{facts['system']}, Python {facts['python']}; {packages}; medians of {facts['rounds']} rounds, all in turn; "
        f"texts by sha256: {texts}."
    ]
    return lines + ([f"Not taking part: {'; '.join(facts['absent'])}."] if facts["absent"] else [])


def full(report: Report) -> list[str]:
    """Every result of a report: one table a row, one column a contender."""
    lines = conditions_lines(report.conditions)
    for row, title in ROWS.items():
        results = report.of(row)
        if results:
            lines += ["", f"## {title[0].upper()}{title[1:]}", "", *_full_table(results)]
    return lines


def _full_table(results: list[Result]) -> list[str]:
    names = list(dict.fromkeys(name for result in results for name in result.values))
    labels = [field for field in ("text", "encoding") if any(getattr(result, field) for result in results)]
    lines = [f"| {' | '.join([*labels, *names, 'notes'])} |", "|---" * (len(labels) + len(names) + 1) + "|"]
    for result in results:
        cells = [getattr(result, label) for label in labels]
        cells += [_full_cell(result, name) for name in names]
        lines.append(f"| {' | '.join([*cells, '; '.join(result.notes)])} |")
    return [re.sub(r" +\|", " |", line) for line in lines]


def _full_cell(result: Result, name: str) -> str:
    """A contender's figure; of a peer also how many times as good pybpe was."""
    if name not in result.values:
        return ""
    figure = f"{number(result.values[name])} {result.unit}"
    return f"{figure} ({result.ratios[name]:.2f}x)" if name in result.ratios else figure
