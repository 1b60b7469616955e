"""The loss curve as an inline SVG: no script, no fonts of its own, colours by the classes that report_style.py sets."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from pybpe.gpt.facts import DemoFacts

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 52, 52, 34, 46
POINTS = 160  # that the training curve is drawn with at most

Scale = Callable[[float], float]


def loss_chart(facts: DemoFacts) -> str:
    """Training and held-out loss by step, and the loss of frequencies alone as a dashed line."""
    curve = smoothed(facts.losses)
    known = [loss for _, loss in [*curve, *facts.held_out_losses]] + [facts.unigram]
    last_step = max(1, len(facts.losses))
    ticks = nice_ticks(min(known), max(known), 6)
    low, high = min(ticks[0], min(known)), max(ticks[-1], max(known))
    x = _scale(0, last_step, LEFT, WIDTH - RIGHT)
    y = _scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Loss by training step">',
        *_grid(ticks, y),
        *_right_axis(low, high, y, facts),
        *_bottom_axis(last_step, x),
        _line_to_beat(facts.unigram, y),
        _path("train", [(x(step), y(loss)) for step, loss in curve]),
        _path("held", [(x(step), y(loss)) for step, loss in facts.held_out_losses]),
        *(f'<circle class="held" cx="{x(s):.1f}" cy="{y(v):.1f}" r="3"/>' for s, v in facts.held_out_losses),
        "</svg>",
    ]
    return "\n".join(parts)


def smoothed(losses: Sequence[float]) -> list[tuple[float, float]]:
    """(step, loss): means over equal stretches of steps, each at its stretch's middle."""
    n = min(POINTS, len(losses))
    points = []
    for i in range(n):
        start, end = len(losses) * i // n, len(losses) * (i + 1) // n
        points.append(((start + 1 + end) / 2, math.fsum(losses[start:end]) / (end - start)))
    return points


def nice_ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers, evenly spaced, from the last one not above `low` to the first not below `high`."""
    span = max(high - low, 1e-9)
    unit = 10.0 ** math.floor(math.log10(span / about))
    step = next(unit * factor for factor in (1, 2, 5, 10) if span / (unit * factor) <= about)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(i * step, 10) for i in range(first, last + 1)]


def _scale(low: float, high: float, start: float, end: float) -> Scale:
    return lambda value: start + (value - low) / ((high - low) or 1.0) * (end - start)


def _grid(ticks: Sequence[float], y: Scale) -> list[str]:
    parts = ['<text class="unit" x="0" y="14">nats per token</text>']
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 10}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    return parts


def _right_axis(low: float, high: float, y: Scale, facts: DemoFacts) -> list[str]:
    """The same losses in bits per byte."""
    parts = [f'<text class="unit" x="{WIDTH}" y="14" text-anchor="end">bits per byte</text>']
    per_bit = 1 / facts.bits_per_byte(1.0)
    for tick in nice_ticks(low / per_bit, high / per_bit, 6):
        if low <= tick * per_bit <= high:
            place = y(tick * per_bit) + 4
            parts.append(f'<text class="tick" x="{WIDTH - RIGHT + 10}" y="{place:.1f}">{tick:g}</text>')
    return parts


def _bottom_axis(last_step: int, x: Scale) -> list[str]:
    parts = [f'<text class="unit" x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">steps</text>']
    for tick in nice_ticks(0, last_step, 6):
        if tick <= last_step and tick == int(tick):
            place = HEIGHT - BOTTOM + 20
            parts.append(f'<text class="tick" x="{x(tick):.1f}" y="{place}" text-anchor="middle">{int(tick):,}</text>')
    return parts


def _line_to_beat(unigram: float, y: Scale) -> str:
    place = y(unigram)
    return (
        f'<line class="beat" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{place:.1f}" y2="{place:.1f}"/>'
        f'<text class="beat" x="{WIDTH - RIGHT - 4}" y="{place - 7:.1f}" text-anchor="end">'
        f"token frequencies alone: {unigram:.2f}</text>"
    )


def _path(kind: str, points: Sequence[tuple[float, float]]) -> str:
    if not points:
        return ""
    return f'<polyline class="{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'
