"""Parts of charts as inline SVG, coloured by the classes of style.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

WIDTH, HEIGHT = 760, 360

Scale = Callable[[float], float]  # maps a value to a coordinate


def svg(label: str, parts: Sequence[str]) -> str:
    """Return an SVG element of the given parts. label: its description for screen readers."""
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
    return "\n".join([head, *parts, "</svg>"])


def nice_ticks(low: float, high: float, about: int) -> list[float]:
    """Return evenly spaced round numbers from at most `low` to at least `high`, about `about` of them."""
    span = max(high - low, 1e-9)
    unit = 10.0 ** math.floor(math.log10(span / about))
    step = next(unit * factor for factor in (1, 2, 5, 10) if span / (unit * factor) <= about)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(i * step, 10) for i in range(first, last + 1)]


def scale(low: float, high: float, start: float, end: float) -> Scale:
    """Return a linear scale from the values `low` to `high` to the coordinates `start` to `end`."""
    return lambda value: start + (value - low) / ((high - low) or 1.0) * (end - start)


def log_scale(low: float, high: float, start: float, end: float) -> Scale:
    """Return a logarithmic scale from the values `low` to `high` to the coordinates `start` to `end`."""
    linear = scale(math.log(low), math.log(high), start, end)
    return lambda value: linear(math.log(value))


def grid(unit: str, ticks: Sequence[float], y: Scale, left: float, right: float) -> list[str]:
    """Return horizontal lines from `left` to `right`, labelled on the left, with the unit above the labels."""
    parts = [text("unit", 0, 14, unit)]
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{left:g}" x2="{right:g}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(text("tick", left - 10, y(tick) + 4, f"{tick:g}", "end"))
    return parts


def text(kind: str, x: float, y: float, words: str, anchor: str = "") -> str:
    """Return a text at a point, which is its start, its centre (anchor "middle") or its end (anchor "end")."""
    where = f'x="{x:.1f}" y="{y:.1f}"' + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text class="{kind}" {where}>{escape(words)}</text>'


def polyline(kind: str, points: Sequence[tuple[float, float]]) -> str:
    """Return a line through points; "" for no points."""
    if not points:
        return ""
    return f'<polyline class="{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def circle(kind: str, x: float, y: float) -> str:
    """Return a small circle at a point."""
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
