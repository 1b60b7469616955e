import html
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from pybpe import Tokenizer
from pybpe.gpt.demo.corpus import character_end, choose_passage, choose_prompts, read_corpus
from pybpe.gpt.demo.page import render, write_report
from pybpe.gpt.demo.results import Corpus, DemoResults, Sample, Stage
from pybpe.gpt.micro import MicroConfig, MicroGPT
from pybpe.gpt.runs.chart import loss_chart, smoothed
from pybpe.gpt.runs.folder import Metrics, Run
from pybpe.gpt.runs.page import RunResults
from pybpe.gpt.settings import Settings

TEXT = b"The <script>alert(1)</script> cat & the dog.\n" * 200


@pytest.fixture
def results() -> DemoResults:
    tokenizer = Tokenizer.train(iter([TEXT]), vocab_size=280, progress=False)
    train, held_out = tokenizer.encode_to_numpy(TEXT[:8100]), tokenizer.encode_to_numpy(TEXT[8100:])
    config = MicroConfig(n_vocab=tokenizer.n_vocab, n_layer=1, n_head=1, n_embd=8, block_size=8)
    settings = Settings(n_layer=1, n_head=1, n_embd=8, block_size=8)
    used = np.bincount(train)
    return DemoResults(
        corpus=Corpus("<cats> & dogs", len(TEXT), TEXT[:8100], TEXT[8100:]),
        tokenizer=tokenizer,
        n_train_ids=len(train),
        n_held_out_ids=len(held_out),
        most_used=[(int(token), int(used[token])) for token in np.argsort(-used)[:4]],
        passage=tokenizer.encode_ordinary(TEXT[:60]),
        run=RunResults(
            Run(settings, ["cats"], "", tokenizer.fingerprint),
            tokenizer,
            Metrics([5.6 - step / 100 for step in range(300)], [(0, 5.7), (150, 4.0), (300, 2.75)]),
            len(train),
            unigram=4.25,
            n_params=config.n_params,
        ),
        stages=[Stage("tokenizer", "bytes", 8100, 0.5), Stage("pretrain", "tokens", 2400, 2.0)],
        samples=[Sample("The <i>", "\x1b[1mbefore", "after & \ufffd")],
    )


def points(svg: ElementTree.Element, kind: str) -> list[tuple[float, float]]:
    line = next(line for line in svg.iter("polyline") if line.get("class") == kind)
    return [tuple(map(float, pair.split(","))) for pair in str(line.get("points")).split()]  # type: ignore[misc]


def test_the_curves_lie_where_the_losses_are(results):
    svg = ElementTree.fromstring(loss_chart(results.curves))
    labels = {text.text: float(text.get("y", "0")) - 4 for text in svg.iter("text") if text.get("class") == "tick"}
    per_nat = labels["3"] - labels["4"]
    held = points(svg, "held")
    assert held[1][1] == pytest.approx(labels["4"], abs=0.11)
    assert held[0][1] - held[2][1] == pytest.approx(per_nat * (2.75 - 5.7), abs=0.2)
    dashed = next(line for line in svg.iter("line") if line.get("class") == "beat")
    assert float(dashed.get("y1", "0")) == pytest.approx(labels["4"] - 0.25 * per_nat, abs=0.2)
    assert len(points(svg, "train")) == 160


def test_the_right_axis_is_bits_per_byte(results):
    svg = ElementTree.fromstring(loss_chart(results.curves))
    ticks = [text for text in svg.iter("text") if text.get("class") == "tick"]
    left = {float(str(text.text)): float(text.get("y", "0")) for text in ticks if text.get("text-anchor") == "end"}
    right = {float(str(text.text)): float(text.get("y", "0")) for text in ticks if text.get("text-anchor") is None}
    per_nat = left[3.0] - left[4.0]
    (bits, place), *_ = right.items()
    nats = bits * math.log(2) * results.held_out_bytes_per_token
    assert place == pytest.approx(left[4.0] - per_nat * (nats - 4.0), abs=0.2)


def test_a_chart_without_a_step(results):
    results.run.metrics = Metrics([], [(0, 5.7)])
    svg = ElementTree.fromstring(loss_chart(results.curves))
    assert [line.get("class") for line in svg.iter("polyline")] == ["held"]
    (held,) = points(svg, "held")
    (circle,) = svg.iter("circle")
    assert (float(circle.get("cx", "0")), float(circle.get("cy", "0"))) == held
    labels = {text.text: float(text.get("y", "0")) - 4 for text in svg.iter("text") if text.get("class") == "tick"}
    assert labels["5.5"] > held[1] > labels["6"]


def test_smoothing_means_over_stretches():
    assert smoothed([]) == []
    assert smoothed([3.0, 1.0]) == [(1.0, 3.0), (2.0, 1.0)]
    many = smoothed([1.0, 2.0] * 480)
    assert len(many) == 160
    assert {loss for _, loss in many} == {1.5}
    assert many[0][0] == 3.5


def test_the_page_is_whole_and_loads_nothing(results):
    page = render(results, Path("demo"))
    assert not re.search(r"<script|<link|<img|@import|url\(|https?://", page)
    assert page.count("<style>") == 1
    assert "prefers-color-scheme: dark" in page
    assert "The &lt;i&gt;" in page
    assert "&lt;cats&gt; &amp; dogs" in page
    assert "\x1b" not in page
    for tag in ("div", "span", "table", "ul", "main", "svg", "section", "p", "dl", "pre"):
        assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>"), tag


def test_the_page_says_the_figures(results):
    page = render(results, Path("demo"))
    bits = 2.75 / math.log(2) * results.n_held_out_ids / len(results.corpus.held_out)
    assert "from 5.70 to 2.75 nats per token" in page
    assert f"<dd>{bits:.2f}</dd>" in page
    assert "1,200 tokens/s" in page
    assert "16 KB/s" in page
    assert "interrupted" not in page
    results.run.stopped = "interrupt"
    assert "interrupted after 300 steps" in render(results, Path("demo"))


def test_the_python_on_the_page_runs(results, tmp_path):
    results.tokenizer.save(tmp_path / "tokenizer.pybpe")
    config = MicroConfig(n_vocab=results.tokenizer.n_vocab, n_layer=1, n_head=1, n_embd=8, block_size=8)
    fingerprint = {"tokenizer": results.tokenizer.fingerprint}
    MicroGPT(config).save(tmp_path / "model.safetensors", fingerprint)
    write_report(tmp_path / "report.html", results, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    code = re.search(r'<pre class="python">(.*?)</pre>', page, re.DOTALL)
    assert code is not None
    command = [sys.executable, "-c", html.unescape(code[1])]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}  # the text that it prints has any characters
    done = subprocess.run(command, capture_output=True, env=environment, encoding="utf-8", check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_text_is_cut_between_characters():
    text = "aö😀".encode()
    assert [character_end(text, end) for end in range(len(text) + 1)] == [0, 1, 1, 3, 3, 3, 3, 7]


def test_the_held_out_parts_are_lines(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(TEXT)
    corpus = read_corpus(path)
    assert sorted((corpus.train + corpus.held_out).splitlines()) == sorted(TEXT.splitlines())
    assert corpus.train.endswith(b".\n")
    assert 0.85 < len(corpus.train) / len(TEXT) <= 0.95


def test_prompts_and_passage():
    lines = b"".join(b"Number word%d of some lines here\n" % i for i in range(9))
    assert choose_prompts(lines, 3) == ["Number word0 of", "Number word3 of", "Number word6 of"]
    assert choose_prompts(b"\xff\xfe" * 500, 3) == ["a"]
    assert choose_prompts("零一 二三 四五".encode(), 3) == ["零一 二三 四五"]
    passage = choose_passage(b"first\n\n" * 100 + b"second line\nthird line\n" * 100, 60)
    assert passage.endswith(b" line")
