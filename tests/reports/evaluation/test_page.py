"""The page of an evaluation: whole, alone, and with its dots where they belong."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ElementTree

import pytest

from pybpe import Tokenizer
from pybpe.reports.evaluation.chart import LABEL_CHAR, LABEL_STEP, size_chart
from pybpe.reports.evaluation.measure import Evaluation, Kind, evaluate
from pybpe.reports.evaluation.page import PUBLIC, About, render, write_report
from pybpe.reports.evaluation.texts import Passage

TEXT = b"The <script>alert(1)</script> cat & the dog. " * 200
ABOUT = About("<cats> & dogs", 12_345_678, "held out")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(iter([TEXT]), vocab_size=280, progress=False)


@pytest.fixture
def evaluation() -> Evaluation:
    """Made up."""
    return Evaluation(
        names=["this one", "near", "far", "low"],
        n_vocab=[4097, 100_000, 100_001, 50_000],
        total=Kind("all of it", 6000, [2000, 1500, 1499, 3000]),
        kinds=[Kind("Latin", 1000, [250, 200, 200, 300]), Kind("Han", 5000, [1750, 1300, 1299, 2700])],
        sizes=[(256, 1.0), (1024, 2.0), (4096, 3.0)],
        unused=[0, 1, 260, 270],
        n_ordinary=4096,
    )


def test_the_dots_lie_where_the_figures_are(evaluation):
    svg = ElementTree.fromstring(size_chart(evaluation))
    ticks = [text for text in svg.iter("text") if text.get("class") == "tick"]
    across = {text.text: float(text.get("x", "0")) for text in ticks if text.get("text-anchor") == "middle"}
    up = {text.text: float(text.get("y", "0")) - 4 for text in ticks if text.get("text-anchor") == "end"}
    points = [tuple(map(float, pair.split(","))) for pair in next(svg.iter("polyline")).get("points", "").split()]
    assert points == [
        (across["256"], up["1"]),
        (pytest.approx(across["1,024"], abs=0.1), up["2"]),
        (pytest.approx(across["4,096"], abs=0.1), up["3"]),
    ]
    others = [circle for circle in svg.iter("circle") if circle.get("class") == "beat"]
    assert [float(circle.get("cy", "0")) for circle in others] == pytest.approx([up["4"], up["4"], up["2"]], abs=0.3)
    assert across["16,384"] < float(others[2].get("cx", "0")) < across["65,536"] < float(others[0].get("cx", "0"))


def test_names_do_not_lie_on_each_other_nor_outside(evaluation):
    svg = ElementTree.fromstring(size_chart(evaluation))
    names = {text.text: text for text in svg.iter("text") if text.get("class") == "beat"}
    assert list(names) == ["far", "near", "low"]
    places = [float(text.get("y", "0")) for text in names.values()]
    assert places[1] - places[0] == pytest.approx(LABEL_STEP)
    _, _, width, height = map(float, svg.get("viewBox", "").split())
    for text in svg.iter("text"):
        assert 0 <= float(text.get("x", "0")) <= width
        assert 0 <= float(text.get("y", "0")) <= height


def test_a_name_without_room_to_its_left_is_to_the_right(evaluation):
    long = dataclasses.replace(
        evaluation, names=["this one", "a" * 40, "b" * 50, "low"], n_vocab=[4097, 300, 500, 50_000]
    )
    svg = ElementTree.fromstring(size_chart(long))
    for text in svg.iter("text"):
        if text.get("class") == "beat" and text.get("text-anchor") == "end":
            assert float(text.get("x", "0")) - LABEL_CHAR * len(text.text or "") >= 0
    assert [text.get("text-anchor") for text in svg.iter("text") if text.get("class") == "beat"] == [None, None, "end"]


def test_what_is_wide_scrolls_in_a_box_of_its_own(tokenizer, evaluation):
    """So that the page is never wider than a phone: tables have a column for each encoding."""
    page = render(tokenizer, evaluation, ABOUT)
    assert page.count("<table>") == page.count('<div class="wide" tabindex="0"><table>') == 2
    style = page.split("<style>")[1].split("</style>")[0]
    assert ".wide { overflow-x: auto;" in style
    assert "h1, h2, h3, p, dd, dt, footer { overflow-wrap: anywhere; }" in style
    assert "1fr 1fr" not in style  # columns that grow with their words
    assert not re.search(r"[^-]width: \d{3,}px", style)


@pytest.mark.parametrize("sizes", [[(256, 1.0)], [(256, 1.0), (257, 1.2)]])
def test_a_chart_of_little(evaluation, sizes):
    alone = dataclasses.replace(
        evaluation, sizes=sizes, names=["this one"], n_vocab=[260], total=Kind("all of it", 9, [9])
    )
    svg = ElementTree.fromstring(size_chart(alone))
    assert len(list(svg.iter("circle"))) == len(sizes)
    assert "nan" not in size_chart(alone)


def test_the_page_is_whole_and_loads_nothing(tokenizer, evaluation):
    page = render(tokenizer, evaluation, ABOUT)
    assert not re.search(r"<script|<link|<img|@import|url\(|https?://", page)
    assert page.count("<style>") == 1
    assert "prefers-color-scheme: dark" in page
    assert "&lt;cats&gt; &amp; dogs" in page
    for tag in ("div", "span", "table", "ul", "main", "svg", "p", "dl", "td", "code", "i"):
        assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>"), tag


def test_the_page_says_the_figures(tokenizer, evaluation):
    page = render(tokenizer, evaluation, ABOUT)
    assert "<dd>3.00</dd><dt>bytes per token on held-out text</dt>" in page
    assert "learned from 12 MB of text, measured on 6.0 KB from all over the text" in page
    assert "<td>low</td><td>50,000</td><td>3,000</td><td>2.00</td><td>150.0%</td>" in page
    assert "<td>Han</td><td>83.3%</td><td>2.86</td><td>3.85</td><td>3.85</td><td>1.85</td>" in page
    assert page.index("<td>all of it</td>") < page.index("<td>Han</td>") < page.index("<td>Latin</td>")
    assert "4 of 4,096 tokens do not occur in the text: 2 single bytes and 2 merged tokens" in page
    assert 'class="notice"' not in page


def test_what_was_measured_on_is_said(tokenizer, evaluation):
    given = render(tokenizer, evaluation, dataclasses.replace(ABOUT, text="given"))
    assert "measured on 6.0 KB of other files" in given
    training = render(tokenizer, evaluation, dataclasses.replace(ABOUT, text="training"))
    assert 'class="notice">Text that was learned from flatters' in training


def test_a_page_without_others(tokenizer, tmp_path):
    evaluation = evaluate(tokenizer, [Passage(TEXT)], {})
    write_report(tmp_path / "page.html", tokenizer, evaluation, ABOUT)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Not on this machine: r50k_base, p50k_base, cl100k_base, o200k_base. " in page
    assert "in the folder that PYBPE_VOCABS names" in page
    assert "download it once with: pybpe info r50k_base" in page
    there = evaluate(tokenizer, [Passage(TEXT)], dict.fromkeys(("r50k_base", "cl100k_base"), tokenizer))
    assert "Not on this machine: p50k_base, o200k_base. " in render(tokenizer, there, ABOUT)
    every = evaluate(tokenizer, [Passage(TEXT)], dict.fromkeys(PUBLIC, tokenizer))
    assert "Not on this machine" not in render(tokenizer, every, ABOUT)
    assert "public encodings</span>" not in page
    assert "<h3>The longest words</h3>" in page
    assert re.search(r"<small>\d+ bytes</small>", page)
