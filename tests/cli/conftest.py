"""Tiny corpora and tokenizers for the tests of the commands."""

import ctypes
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
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


@pytest.fixture
def obeys_permissions() -> Iterator[None]:
    """Let the permissions of files hold for this thread, whoever runs the tests: root does without its privilege."""
    if os.name == "nt" or (os.geteuid() == 0 and not sys.platform.startswith("linux")):
        pytest.skip("this system has no permissions that hold for this user")
    if os.geteuid():
        yield
        return
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the structures of capget(2); 0 is this thread
    sets = (ctypes.c_uint32 * 6)()  # of effective, permitted and inheritable capabilities, twice 32 of each
    assert libc.capget(header, sets) == 0
    effective = sets[0]
    sets[0] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    assert libc.capset(header, sets) == 0
    yield
    sets[0] = effective
    assert libc.capset(header, sets) == 0
