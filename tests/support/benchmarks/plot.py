"""The README's picture of a report: megabytes a second of each package, one text to numpy and to a list, as SVG."""

from __future__ import annotations

from html import escape

from .results import OURS, Report
from .tables import main_encoding, number

PANELS = {"numpy": "to numpy", "list": "to list"}
ORDER = ("pybpe", "gigatoken", "toktok", "quicktok", "splintr", "tiktoken")

WIDTH, MARGIN = 880, 24
PANEL_WIDTH = (WIDTH - 3 * MARGIN) / 2
NAMES, VALUES = 74, 46  # widths kept for the package names before the bars and the figures behind them
BAR, STEP, GAP = 13, 19, 32
TOP = 84

# The picture brings its own background, so that it can be read wherever it is shown.
STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
.title { font-size: 15px; font-weight: 600; }
.panel, .group, .ours { font-weight: 600; }
.soft { fill: #59636e; }
.card { fill: #ffffff; stroke: #d1d9e0; }
.bar { fill: #a9b4c0; }
.bar.ours { fill: #0a69da; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .soft { fill: #9198a1; }
  .card { fill: #0d1117; stroke: #3d444d; }
  .bar { fill: #4b5563; }
  .bar.ours { fill: #4493f8; }
}
"""


def plot(report: Report) -> str:
    """The whole picture, as the text of an SVG file."""
    encoding = main_encoding(report)
    speeds = {
        (row, text): result.values
        for row in PANELS
        for text in report.conditions["texts"]
        for result in report.of(row, encoding=encoding, text=text)
    }
    texts = list(dict.fromkeys(text for _, text in speeds))  # of those that other rows are about, nothing is shown
    names = [name for name in ORDER if any(name in values for values in speeds.values())]
    height = TOP + len(texts) * (len(names) * STEP + GAP) - GAP + 10 + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="Megabytes a second of {", ".join(names)} on {", ".join(texts)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        _text(MARGIN, 32, f"One text, one thread, {encoding}: MB/s, more is better", "title"),
    ]
    for place, (row, title) in enumerate(PANELS.items()):
        left = MARGIN + place * (PANEL_WIDTH + MARGIN)
        parts.append(_text(left, 58, title, "panel"))
        parts += _panel(left, [(text, speeds.get((row, text), {})) for text in texts], names)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(left: float, groups: list[tuple[str, dict[str, float]]], names: list[str]) -> list[str]:
    """One kind of result: for each text a group of bars, all on one scale."""
    largest = max((value for _, values in groups for value in values.values()), default=1)
    scale = (PANEL_WIDTH - NAMES - VALUES) / largest
    parts, y = [], TOP
    for text, values in groups:
        parts.append(_text(left, y, text, "soft group"))
        y += 10
        for name in names:
            parts += _bar(left, y, name, values.get(name), scale)
            y += STEP
        y += GAP - 10
    return parts


def _bar(left: float, y: float, name: str, value: float | None, scale: float) -> list[str]:
    """One package: its name, its bar, its figure; a dash where it has none."""
    ours = "ours" if name == OURS else ""
    parts = [_text(left + NAMES - 8, y + 11, name, ours, "end")]
    if value is None:
        return [*parts, _text(left + NAMES, y + 11, "–", "soft")]
    kind = f"bar {ours}".strip()
    width = max(1.0, value * scale)
    parts.append(f'<rect class="{kind}" x="{left + NAMES:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR}" rx="2"/>')
    return [*parts, _text(left + NAMES + width + 6, y + 11, number(value), ours)]


def _text(x: float, y: float, content: str, kind: str = "", anchor: str = "start") -> str:
    attributes = f' class="{kind}"' if kind else ""
    attributes += f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(content)}</text>'
