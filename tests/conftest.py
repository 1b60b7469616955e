"""What several tests share. Tests need no network; those that need real vocabularies say so when they skip."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from pybpe import Tokenizer

settings.register_profile("pybpe", deadline=None)  # times are for scripts/bench.py to judge
settings.load_profile("pybpe")

# Settings of the user's shell that change what commands print, whatever they print to.
for name in ("FORCE_COLOR", "NO_COLOR", "PYTHON_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(name, None)

# A shell lets commands that it starts in the background ignore Ctrl-C; the tests of Ctrl-C, and the processes that they
# start, are to meet what a user in a terminal meets.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("empty")


@pytest.fixture(autouse=True)
def _away_from_the_source(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that a test starts finds the installed pybpe, and not the source in the folder it is started in."""
    monkeypatch.chdir(empty_folder)


@pytest.fixture(scope="session")
def vocabs() -> Path:
    """A folder with public vocabularies: PYBPE_VOCABS, or shared/data/vocabs beside the checkout."""
    folder = Path(os.environ.get("PYBPE_VOCABS", SHARED / "vocabs"))
    if not (folder / "cl100k_base.tiktoken").exists():
        pytest.skip("no public vocabularies: set PYBPE_VOCABS to a folder with cl100k_base.tiktoken")
    return folder


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    """Real texts by name: those in PYBPE_TEXTS, or in shared/data/text beside the checkout."""
    folder = Path(os.environ.get("PYBPE_TEXTS", SHARED / "text"))
    if not folder.is_dir():
        pytest.skip("no real texts: set PYBPE_TEXTS to a folder with english.txt, code.txt and multi.txt")
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))}


@pytest.fixture(scope="session")
def small() -> Tokenizer:
    """A tokenizer of 400 tokens trained on a few lines, with two special tokens."""
    lines = [
        "The quick brown fox jumps over the lazy dog, and the dog doesn't mind at all.",
        "It's 2024 now: 12345 numbers, 3.14159 of pi,   many   spaces\n\n\nand newlines.\r\n",
        "Größe, naïve café, Ελληνικά, русский язык, 中文字符, 日本語の文章, 한국어, हिन्दी, 🙂🙃",
        "def encode(self, text: str) -> list[int]:\n    return self._encoder.encode(text)\n",
    ]
    return Tokenizer.train(iter(lines * 3), vocab_size=400, special_tokens=["<|endoftext|>", "<|pad|>"], progress=False)
