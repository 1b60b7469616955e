"""What training is given in practice: bytes that are no text, empty files, wrong options; Ctrl-C meanwhile."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.strategies import CONVENTIONS

from pybpe import SpecialTokenError, Tokenizer, TrainingError, WordCounts, reference

pytestmark = pytest.mark.filterwarnings("ignore:the corpus is too small")

every_convention = pytest.mark.parametrize("convention", CONVENTIONS)


def train(source, vocab_size: int = 260, **options) -> Tokenizer:
    return Tokenizer.train(source, vocab_size, **{"special_tokens": [], "progress": False, **options})


@pytest.mark.parametrize("content", [b"\xff\xfe\xff\xfe", b"a\x00b\x00a\x00b", b"\xe4\xb8 \xe4\xb8", bytes(256) * 9])
def test_bytes_that_are_no_text(tmp_path, content):
    path = tmp_path / "corpus.txt"
    path.write_bytes(content)
    expected = reference.train([content], 4)
    assert train(iter([content])).merges == expected
    if b"\xff" in content or b"\xe4" in content:
        with pytest.warns(UnicodeWarning, match="is not UTF-8; its bytes are taken as they are"):
            ours = train(path)
    else:
        ours = train(path)
    assert ours.merges == expected
    assert ours.decode_bytes(ours.encode(content)) == content


@every_convention
def test_bytes_that_are_no_text_by_every_convention(convention):
    content = b"\xff\xfe\x00\xff\xfe\x00\x00\x80"
    ours = train(iter([content]), 258, convention=convention)
    assert any(token in content for token in ours.vocab.values() if len(token) == 3)
    assert ours.decode_bytes(ours.encode(content)) == content


def test_empty_files_among_others(tmp_path):
    for name, content in {"a.txt": "", "b.txt": "low lower", "c.txt": "", "d.txt": "lowest", "e.jsonl": ""}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert train(sorted(tmp_path.iterdir())) == train(iter(["low lower", "lowest"]))
    assert train(iter(["", "low lower", b"", "lowest"])) == train(iter(["low lower", "lowest"]))
    for empty in ([tmp_path / "a.txt", tmp_path / "c.txt"], tmp_path / "e.jsonl", iter([]), [], iter([""])):
        with pytest.raises(TrainingError, match="the corpus is empty"):
            train(empty)


def test_a_line_of_a_megabyte_in_a_file(tmp_path):
    path = tmp_path / "line.txt"
    content = b"abcdefgh" * (1 << 17)
    path.write_bytes(content)
    assert train(path, 300) == train(iter([content]), 300)


@every_convention
def test_more_merges_than_there_are(convention):
    if convention in ("minbpe", "tiktoken"):
        with pytest.raises(TrainingError, match="too small for vocab_size 300: after 1 merges no two tokens are left"):
            train(iter(["ab ab"]), 300, convention=convention, pattern=r"\w+")
    else:
        with pytest.warns(UserWarning, match=r"after 1 merges no two tokens are left to merge; the vocabulary has 257"):
            ours = train(iter(["ab ab"]), 300, convention=convention, pattern=r"\w+")
        assert ours.n_vocab == 257
    options = {"convention": convention, "min_frequency": 3}
    if convention in ("minbpe", "tiktoken"):
        with pytest.raises(TrainingError, match="after 0 merges no pair occurs 3 times"):
            train(iter(["ab ab"]), 300, **options)
    else:
        with pytest.warns(UserWarning, match="after 0 merges no pair occurs 3 times"):
            train(iter(["ab ab"]), 300, **options)


@every_convention
def test_words_of_one_byte_have_no_merges(convention):
    assert train(iter(["a", "b"]), 256, convention=convention).n_vocab == 256
    if convention not in ("minbpe", "tiktoken"):
        assert train(iter(["a", "b"]), 300, convention=convention).n_vocab == 256


@every_convention
def test_special_tokens_in_the_text(convention):
    content = "low<|end|>lower<|end|>" * 5
    ours = train(iter([content]), 262, special_tokens=["<|end|>"], convention=convention)
    ids = ours.encode(content, allowed_special="all")
    assert ids.count(ours.special_tokens["<|end|>"]) == 10
    assert ours.decode(ids) == content
    assert ours.decode(ours.encode_ordinary(content)) == content


@every_convention
def test_a_vocabulary_too_small(convention):
    special = ["<s>", "</s>"]
    least = 258 if convention == "huggingface" else 256
    reason = "bytes and special tokens count" if convention == "huggingface" else "every byte is a token"
    with pytest.raises(TrainingError, match=f"vocab_size is {least - 1}, must be at least {least}: {reason}"):
        train(iter(["ab"]), least - 1, special_tokens=special, convention=convention)
    assert train(iter(["ab"]), least, special_tokens=special, convention=convention).n_vocab == 258
    for vocab_size in (0, -1):
        with pytest.raises(TrainingError, match=f"vocab_size is {vocab_size}, must be at least {least}"):
            train(iter(["ab"]), vocab_size, special_tokens=special, convention=convention)


@pytest.mark.parametrize("name", ["", "none", "Pybpe", "gpt2"])
def test_no_such_convention(name):
    with pytest.raises(TrainingError, match=f"no convention '{name}'; there are pybpe, rustbpe, huggingface, minbpe, "):
        train(iter(["ab"]), convention=name)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"min_frequency": 0}, TrainingError, "min_frequency is 0, must be at least 1"),
        ({"min_frequency": -5}, TrainingError, "min_frequency is -5"),
        ({"min_frequency": 2**64}, TrainingError, r"at most 2\*\*62"),
        ({"min_frequency": 1.5}, TypeError, "float"),
        ({"max_token_length": 0}, TrainingError, "max_token_length is 0"),
        ({"max_token_length": -1}, TrainingError, "max_token_length is -1"),
        ({"max_words": 0}, TrainingError, "max_words is 0"),
        ({"max_words": -1}, TrainingError, "max_words is -1"),
        ({"max_words": 2.0}, TypeError, "float"),
        ({"threads": 0}, ValueError, "threads is 0"),
        ({"threads": -1}, ValueError, "threads is -1"),
        ({"vocab_size": 300.0}, TypeError, "float"),
        ({"special_tokens": "<s>"}, SpecialTokenError, "did you mean"),
        ({"special_tokens": ["<s>", "<s>"]}, SpecialTokenError, "given twice"),
        ({"special_tokens": [""]}, SpecialTokenError, "must not be empty"),
        ({"special_tokens": [b"<s>"]}, SpecialTokenError, "must be strings"),
        ({"pattern": ""}, ValueError, "the pattern is empty"),
        ({"pattern": []}, ValueError, "the pattern is empty"),
        ({"pattern": ["gpt2", "("]}, ValueError, "not a valid regular expression"),
        ({"initial_alphabet": b"ab"}, TypeError, "not of int"),
        ({"initial_alphabet": None}, TypeError, "NoneType"),
    ],
)
def test_wrong_options(options, error, says):
    """Before the source is looked at: it may take hours to read."""

    def unread():
        pytest.fail("the text was read first")
        yield ""

    with pytest.raises(error, match=says):
        train(unread(), **options)


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        (b"text", TypeError, r"pass a list of it: \[text\]"),
        ("no such file.txt", FileNotFoundError, "no such file: 'no such file.txt'"),
        (["a.txt", "b.txt"], FileNotFoundError, "no such file: 'a.txt'"),
        ([Path("x"), "y"], FileNotFoundError, "no such file: 'x'"),
        (".", IsADirectoryError, "is a folder; name its files"),
        ("*.nothing", FileNotFoundError, "no such file"),
        (7, TypeError, "int"),
        (None, TypeError, "None"),
        (["text", 7], TypeError, "must be str or bytes, not int"),
        ([None], TypeError, "must be str or bytes, not NoneType"),
        ("x" * 100_000, OSError, "File name too long"),
    ],
)
def test_sources_that_are_none(tmp_path, monkeypatch, source, error, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=says):
        train(source)


def test_counts_of_another_pattern():
    counts = WordCounts("gpt2")
    counts.update(iter(["low lower"]))
    with pytest.raises(ValueError, match="leave out pattern="):
        train(counts, pattern=None)
    with pytest.raises(ValueError, match="leave out pattern="):
        train(counts, pattern=["gpt4", "gpt2"])
    with pytest.raises(TrainingError, match="the corpus is empty"):
        train(WordCounts())


def python(script, folder):
    """What a process of its own does, in a folder without the source."""
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=folder)


COUNTING = """
import os, signal, sys, threading
from pybpe import WordCounts

def texts():
    for number in range(10**9):
        if number == 200:
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        yield f"word{number} and more of it " * 2000

counts = WordCounts(PATTERN)
counts.update(iter(["before"]))
try:
    counts.update(texts(), threads=2)
except KeyboardInterrupt:
    assert counts.items() == [(b"before", 1, 0)], counts.items()
    counts.update(iter(["after"]))
    print(len(counts), "words")
"""


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process")
@pytest.mark.parametrize("pattern", ["gpt4", r"\w+(?<=\w)"], ids=["scanner", "regex"])
def test_ctrl_c_while_counting(pattern, tmp_path):
    """A real one, which comes at any place in the code."""
    done = python(COUNTING.replace("PATTERN", repr(pattern)), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 words\n", "")


def test_ctrl_c_while_one_long_word_is_merged(tmp_path):
    """It is seen between merges, and keeps what was learned."""
    script = """
import os, signal, threading, warnings
from pybpe import Tokenizer
warnings.simplefilter("error", DeprecationWarning)
text = " ".join(str(i * 2654435761 % 2**32) for i in range(200_000))
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
tok = Tokenizer.train([text], 1 << 20, pattern=None, progress=False, keep_on_interrupt=True)
print(tok.n_vocab < 1 << 20, tok.decode(tok.encode(text)) == text)
"""
    done = python(script, tmp_path)
    assert done.stdout == "True True\n", done.stderr
    assert "interrupted: the vocabulary has the" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_ctrl_c_while_a_pipe_gives_nothing(tmp_path, threads):
    command = [sys.executable, "-m", "pybpe", "train", "-", "-o", str(tmp_path / "a.pybpe"), "--threads", threads]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        process.stdin.write(b"low lower " * 1_000_000)
        process.stdin.flush()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        assert process.stderr.read() == b"pybpe: interrupted; nothing was written\n"


@pytest.mark.parametrize("threads", [1, 3])
def test_an_iterator_is_read_by_the_thread_that_gave_it(monkeypatch, threads):
    """A cursor of sqlite3 gives nothing to another."""
    monkeypatch.setattr("pybpe.data.readers.blocks.BLOCK_BYTES", 128)
    rows = sqlite3.connect(":memory:").execute(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 500) select 'low ' || i from n"
    )
    ours = train((row[0] for row in rows), 300, threads=threads)
    assert ours == train([f"low {number}" for number in range(1, 501)], 300, threads=threads)
