"""The text of an evaluation: what is held out is not trained on, comes from everywhere, and nothing is lost."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import messy_bytes

from pybpe._core.split import find_cut
from pybpe.data.readers import blocks
from pybpe.reports.evaluation import texts
from pybpe.reports.evaluation.texts import LEAST_PARTS, Passage, Sample, Split, sample_passages, split_text

WORDS = " ".join("abcdefghij"[: i % 10 + 1] + str(i) for i in range(3000)).encode()


@pytest.fixture
def files(tmp_path):
    """The same text as it is, in lines of JSON and in an archive."""
    (tmp_path / "a.txt").write_bytes(WORDS)
    lines = [json.dumps({"text": f"some words here, number {i}"}) for i in range(1000)]
    (tmp_path / "b.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "c.py.gz").write_bytes(gzip.compress(WORDS))
    return [tmp_path / name for name in ("a.txt", "b.jsonl", "c.py.gz")]


def whole_of(path: Path) -> bytes:
    return b"".join(passage.text for passage in sample_passages([path], find_cut, "text"))


def places(whole: bytes, parts: list[bytes]) -> list[int]:
    """Where in a text some parts of it lie, in this order."""
    found, start = [], 0
    for part in parts:
        start = whole.index(part, start)
        found.append(start)
        start += len(part)
    return found


@pytest.mark.parametrize("held_out", [0.5, 0.1, 0.05])
@pytest.mark.parametrize("block", [100, 1 << 22])
def test_parts_of_everywhere_are_held_out(files, monkeypatch, held_out, block):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block)
    for path in files:
        split = Split([path], find_cut, "text", held_out)
        before = list(split.before())
        whole, behind = whole_of(path), [passage.text for passage in split.held_out]
        assert sum(map(len, before)) + sum(map(len, behind)) == len(whole)
        assert sum(map(len, behind)) == pytest.approx(len(whole) * held_out, rel=0.15)
        at = [place / len(whole) for place in places(whole, behind)]
        places(whole, before)
        assert len(at) >= LEAST_PARTS - 2
        ends = [0.0, *at, 1.0]
        assert max(after - place for place, after in zip(ends, ends[1:], strict=False)) < 3 / LEAST_PARTS
        assert {passage.code for passage in split.held_out} == {path.name == "c.py.gz"}
        assert list(split.before()) == before
    together = Split(files, find_cut, "text", held_out)
    assert sum(map(len, together.before())) > 0
    assert {passage.code for passage in together.held_out} == {False, True}


def test_a_file_of_several_languages_is_measured_on_all(tmp_path):
    languages = ["the cat sat on the mat ", "кот сидел на коврике ", "中文字符 日本語 "]
    (tmp_path / "a.txt").write_text("".join(words * 400 for words in languages), encoding="utf-8")
    split = Split([tmp_path / "a.txt"], find_cut, "text", 0.05)
    list(split.before())
    held_out = b" ".join(passage.text for passage in split.held_out).decode()
    for words in languages:
        assert held_out.count(words.split()[0]) >= 5


@given(text=messy_bytes, share=st.floats(0.01, 0.5), least=st.integers(1, 100), seed=st.integers(0, 9))
def test_a_text_in_memory_is_split_in_parts_of_lines(text, share, least, seed):
    text *= 20
    rest, chosen = split_text(text, share, least, seed)
    assert sorted(rest + chosen) == sorted(text)
    if int(len(text) * share):
        assert chosen


def test_parts_of_a_text_in_memory_come_from_everywhere():
    lines = [b"line %05d\n" % number for number in range(5000)]
    rest, chosen = split_text(b"".join(lines), 0.1, 100)
    assert sorted(rest.splitlines(True) + chosen.splitlines(True)) == lines
    numbers = [int(line.split()[1]) for line in chosen.splitlines()]
    assert numbers == sorted(numbers)
    assert len(numbers) == pytest.approx(500, rel=0.1)
    assert {number // 1000 for number in numbers} == {0, 1, 2, 3, 4}


def test_the_seed_chooses(files):
    def chosen(seed: int) -> list[Passage]:
        split = Split(files, find_cut, "text", 0.05, seed)
        list(split.before())
        return split.held_out

    assert chosen(1) == chosen(1) != chosen(2)


@given(text=messy_bytes, held_out=st.floats(0.001, 0.5), seed=st.integers(0, 9), safe=st.booleans())
def test_every_byte_is_trained_on_or_held_out(tmp_path_factory, text, held_out, seed, safe):
    path = tmp_path_factory.mktemp("split") / "a.txt"
    text *= 20
    path.write_bytes(text)
    if int(len(text) * held_out) == 0:
        with pytest.raises(ValueError, match="hold a larger share out"):
            Split([path], find_cut if safe else None, "text", held_out, seed)
        return
    split = Split([path], find_cut if safe else None, "text", held_out, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)
        before = list(split.before())
    behind = [passage.text for passage in split.held_out]
    assert behind
    assert all(before)
    assert sorted(b"".join(before + behind)) == sorted(text)


def test_files_without_a_cut_are_cut_at_lines(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one line\n" * 1000)
    split = Split([tmp_path / "a.txt"], None, "text", 0.2)
    before = b"".join(split.before())
    assert before.replace(b"one line\n", b"") == b""
    assert len(before) == pytest.approx(800 * 9, rel=0.03)
    assert {passage.text.replace(b"one line\n", b"") for passage in split.held_out} == {b""}


def test_a_text_without_any_place_to_cut_is_cut_between_characters(tmp_path):
    (tmp_path / "a.txt").write_bytes("１".encode() * 1000)
    split = Split([tmp_path / "a.txt"], find_cut, "text", 0.2)
    assert len(b"".join(split.before()).decode()) == pytest.approx(800, abs=25)
    assert all(passage.text.decode() for passage in split.held_out)


def test_documents_stay_whole_where_they_are_short(tmp_path):
    lines = [json.dumps({"text": f"a document, the {i}th, and its end."}) for i in range(9000)]
    (tmp_path / "b.jsonl").write_text("\n".join(lines), encoding="utf-8")
    split = Split([tmp_path / "b.jsonl"], find_cut, "text", 0.1)
    list(split.before())
    assert len(split.held_out) == pytest.approx(900, abs=9)
    assert all(passage.text.endswith(b" end.") for passage in split.held_out)


def test_nothing_held_out_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"some text")
    with pytest.raises(ValueError, match=r"of 9 bytes 0\.01 is nothing to measure on; hold a larger share out"):
        Split([tmp_path / "a.txt"], find_cut, "text", 0.01)


@pytest.mark.parametrize("block", [100, 1 << 22])
def test_passages_are_of_all_the_text_and_not_too_many(files, monkeypatch, block):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block)
    monkeypatch.setattr(texts, "MOST_BYTES", 6000)
    monkeypatch.setattr(texts, "MOST_BLOCK", 200)
    split = Split(files, find_cut, "text", 0.5)
    list(split.before())
    for passages in (sample_passages(files, find_cut, "text"), split.held_out):
        assert all(passage.text for passage in passages)
        assert 5700 < sum(len(passage.text) for passage in passages) <= 6000
        of_code = sum(len(passage.text) for passage in passages if passage.code) / 6000
        assert of_code == pytest.approx(len(WORDS) / (2 * len(WORDS) + 29_000), abs=0.2)


def test_a_sample_has_parts_of_all_the_stream():
    sample = Sample(1000, seed=3)
    for number in range(10_000):
        sample.add(Passage(b"%10d" % number))
    numbers = [int(passage.text) for passage in sample.passages()]
    assert len(numbers) == 100
    assert numbers == sorted(numbers)
    assert sum(numbers) / 100 == pytest.approx(5000, abs=1200)
