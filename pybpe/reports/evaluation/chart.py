"""The chart of compression by the size of the vocabulary."""

from __future__ import annotations

from pybpe.reports.evaluation.measure import Evaluation
from pybpe.reports.svg import HEIGHT, WIDTH, Scale, circle, grid, log_scale, nice_ticks, polyline, scale, svg, text

LEFT, RIGHT, TOP, BOTTOM = 52, 24, 34, 46
LABEL_CHAR = 11  # the width of a character on a narrow page, where letters are larger in the chart
LABEL_STEP = 17  # the distance of two labels, one below the other


def size_chart(evaluation: Evaluation) -> str:
    """Return a chart of bytes per token by vocabulary size: a curve for the tokenizer, a dot for each other one."""
    others = [
        (name, n_vocab, evaluation.total.n_bytes / n_tokens)
        for name, n_vocab, n_tokens in zip(
            evaluation.names[1:], evaluation.n_vocab[1:], evaluation.total.n_tokens[1:], strict=True
        )
    ]
    known = [ratio for _, ratio in evaluation.sizes] + [ratio for *_, ratio in others]
    ticks = nice_ticks(min(known), max(known), 6)
    largest = max(size for size in [*(size for size, _ in evaluation.sizes), *(size for _, size, _ in others), 512])
    x = log_scale(256, largest, LEFT + 12, WIDTH - RIGHT)
    y = scale(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)
    curve = [(x(size), y(ratio)) for size, ratio in evaluation.sizes]
    parts = [
        *grid("bytes per token", ticks, y, LEFT, WIDTH - RIGHT),
        *_bottom_axis(largest, x),
        polyline("held", curve),
        *(circle("held", *place) for place in curve),
        *_labelled([(name, x(size), y(ratio)) for name, size, ratio in others]),
    ]
    return svg("Bytes per token by size of the vocabulary", parts)


def _bottom_axis(largest: int, x: Scale) -> list[str]:
    parts = [text("unit", WIDTH - RIGHT, HEIGHT - 4, "tokens in the vocabulary", "end")]
    size = 256
    while size <= largest:
        parts.append(text("tick", x(size), HEIGHT - BOTTOM + 20, f"{size:,}", "middle"))
        size *= 4 if largest > 16384 else 2
    return parts


def _labelled(dots: list[tuple[str, float, float]]) -> list[str]:
    """Return dots with their names to the left, or to the right if there is no room.

    Names that would overlap are moved down.
    """
    parts = []
    free = 0.0
    for name, x, y in sorted(dots, key=lambda dot: dot[2]):
        place = max(y + 4, free)
        free = place + LABEL_STEP
        left = x - 9 - LABEL_CHAR * len(name) >= LEFT
        parts += [circle("beat", x, y), text("beat", x - 9 if left else x + 9, place, name, "end" if left else "")]
    return parts
