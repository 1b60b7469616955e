"""The loss curve of a training run, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pybpe.reports.svg import HEIGHT, WIDTH, Scale, circle, grid, nice_ticks, polyline, scale, svg, text

LEFT, RIGHT, TOP, BOTTOM = 52, 52, 34, 46
POINTS = 160  # maximum number of points of the training curve


@dataclass(frozen=True)
class Curves:
    """The data of a loss chart.

    losses: the training loss of each step, in nats per token. held_out_losses: (steps taken, nats per token). unigram:
    the loss of token frequencies alone, in nats per token. bits_per_nat: bits per byte for one nat per token.
    """

    losses: Sequence[float]
    held_out_losses: Sequence[tuple[int, float]]
    unigram: float
    bits_per_nat: float


def loss_chart(curves: Curves) -> str:
    """Return an SVG of training and held-out loss by step, with the loss of token frequencies as a dashed line."""
    curve = smoothed(curves.losses)
    known = [loss for _, loss in [*curve, *curves.held_out_losses]] + [curves.unigram]
    last_step = max(1, len(curves.losses))
    ticks = nice_ticks(min(known), max(known), 6)
    low, high = min(ticks[0], min(known)), max(ticks[-1], max(known))
    x = scale(0, last_step, LEFT, WIDTH - RIGHT)
    y = scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [
        *grid("nats per token", ticks, y, LEFT, WIDTH - RIGHT),
        *_right_axis(low, high, y, curves.bits_per_nat),
        *_bottom_axis(last_step, x),
        _line_to_beat(curves.unigram, y),
        polyline("train", [(x(step), y(loss)) for step, loss in curve]),
        polyline("held", [(x(step), y(loss)) for step, loss in curves.held_out_losses]),
        *(circle("held", x(step), y(loss)) for step, loss in curves.held_out_losses),
    ]
    return svg("Loss by training step", parts)


def smoothed(losses: Sequence[float]) -> list[tuple[float, float]]:
    """Return up to POINTS points (step, loss): the means of equal ranges of steps, each at the middle of its range."""
    n = min(POINTS, len(losses))
    points = []
    for i in range(n):
        start, end = len(losses) * i // n, len(losses) * (i + 1) // n
        points.append(((start + 1 + end) / 2, math.fsum(losses[start:end]) / (end - start)))
    return points


def legend(held_out: bool = True) -> str:
    """Return the legend of the loss chart as HTML. held_out: name the held-out loss, too."""
    held = '<span><b class="held"></b>held-out text</span>' if held_out else ""
    return (
        '<div class="legend"><span><b class="train"></b>training text, smoothed</span>'
        f'{held}<span><b class="beat"></b>token frequencies alone</span></div>'
    )


def _right_axis(low: float, high: float, y: Scale, bits_per_nat: float) -> list[str]:
    """Return an axis for the losses in bits per byte."""
    parts = [text("unit", WIDTH, 14, "bits per byte", "end")]
    per_bit = 1 / bits_per_nat
    for tick in nice_ticks(low / per_bit, high / per_bit, 6):
        if low <= tick * per_bit <= high:
            parts.append(text("tick", WIDTH - RIGHT + 10, y(tick * per_bit) + 4, f"{tick:g}"))
    return parts


def _bottom_axis(last_step: int, x: Scale) -> list[str]:
    parts = [text("unit", WIDTH - RIGHT, HEIGHT - 4, "steps", "end")]
    for tick in nice_ticks(0, last_step, 6):
        if tick <= last_step and tick == int(tick):
            parts.append(text("tick", x(tick), HEIGHT - BOTTOM + 20, f"{int(tick):,}", "middle"))
    return parts


def _line_to_beat(unigram: float, y: Scale) -> str:
    place = y(unigram)
    line = f'<line class="beat" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{place:.1f}" y2="{place:.1f}"/>'
    return line + text("beat", WIDTH - RIGHT - 4, place - 7, f"token frequencies alone: {unigram:.2f}", "end")
