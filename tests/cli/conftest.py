"""Tiny corpora and tokenizers for the tests of the commands."""

import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pybpe import Tokenizer
from pybpe.cli.main import main

WORDS = (
    "the",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    "and",
    "the",
    "dog",
    "ran",
    "to",
    "old",
    "house",
    "by",
    "river",
    "nobody",
)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def corpus(workplace: Path) -> Path:
    """Some 20 KB of lines of words."""
    rng = random.Random(1)
    lines = [" ".join(rng.choice(WORDS) for _ in range(9)).capitalize() + "." for _ in range(500)]
    path = workplace / "corpus.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def tokenizer(corpus: Path) -> Tokenizer:
    """Of the corpus, saved as corpus.pybpe."""
    made = Tokenizer.train(corpus, vocab_size=300, progress=False)
    made.save(corpus.with_suffix(".pybpe"))
    return made


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must fail with one line on stderr and nothing half-written; returns the line."""

    def run(status: int, *argv: str, told: bool = False) -> str:  # told: it says what it does before it fails
        capsys.readouterr()
        assert main(argv) == status
        errors = capsys.readouterr().err.splitlines()
        found = [line for line in errors if not line.startswith("note: ")][-1 if told else 0 :]
        assert len(found) == 1, errors
        assert found[0].startswith("pybpe: ")
        assert not [path for path in Path().rglob("*") if ".part" in path.name or path.name.endswith(".tmp")]
        return found[0]

    return run


@pytest.fixture
def pipe(workplace: Path) -> Callable[[bytes], Path]:
    """Make or take up a named pipe into which a thread writes some bytes, once."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    path = workplace / "pipe"

    def filled(content: bytes) -> Path:
        if not path.exists():
            os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(content,), daemon=True).start()
        return path

    return filled
