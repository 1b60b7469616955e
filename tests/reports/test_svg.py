"""Parts of charts: round ticks, and places where they belong."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from pybpe.reports.svg import circle, grid, log_scale, nice_ticks, polyline, scale, svg, text


@pytest.mark.parametrize(("low", "high"), [(0, 974), (2.01, 6.93), (3.0, 3.0), (0, 1), (0.1, 0.13)])
def test_ticks_are_round_and_enclose_the_range(low, high):
    ticks = nice_ticks(low, high, 6)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 9 or low == high
    steps = {round(b - a, 9) for a, b in zip(ticks, ticks[1:], strict=False)}
    assert len(steps) <= 1
    assert all(f"{step:e}"[0] in "125" for step in steps)


def test_scales():
    linear = scale(10, 20, 100, 0)
    assert [linear(10), linear(15), linear(20)] == [100, 50, 0]
    assert scale(3, 3, 5, 9)(3) == 5
    by_factor = log_scale(1, 10_000, 0, 4)
    assert [round(by_factor(value), 9) for value in (1, 10, 100, 10_000)] == [0, 1, 2, 4]


def test_a_picture_of_parts():
    y = scale(0, 2, 200, 0)
    parts = [*grid("a < b", [0, 1, 2], y, 50, 700), text("tick", 3, 4, "x & y", "end"), polyline("held", [(1, 2)])]
    picture = ElementTree.fromstring(svg('some "label"', [*parts, polyline("none", []), circle("held", 1, 2)]))
    assert picture.get("aria-label") == 'some "label"'
    texts = [(found.text, found.get("x"), found.get("y"), found.get("text-anchor")) for found in picture.iter("text")]
    assert texts[0] == ("a < b", "0.0", "14.0", None)
    assert texts[2] == ("1", "40.0", "104.0", "end")
    assert texts[-1] == ("x & y", "3.0", "4.0", "end")
    assert [line.get("y1") for line in picture.iter("line")] == ["200.0", "100.0", "0.0"]
    assert [line.get("points") for line in picture.iter("polyline")] == ["1.0,2.0"]
