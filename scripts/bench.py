"""Speeds of pybpe beside its peers, measured in turn in one run, after their results were found equal.

    pip install '.[bench]'
    python scripts/bench.py                               # the text inside Python, a vocabulary trained on it
    python scripts/bench.py --texts a.txt b.txt --ranks cl100k_base.tiktoken
    python scripts/bench.py ... --readme                  # put the tables into README.md

Each round times every contender once, one after the other; what is printed are medians over the rounds, and the median
of the ratios within a round, which a machine that slows down or speeds up between rounds does not change.
A speed is printed only for results that equal the peer's; anything else ends the run with status 1.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import rustbpe
import tiktoken

from pybpe import Tokenizer
from pybpe.patterns import GPT4

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
PEERS = ("tiktoken", "rustbpe")
DOCUMENT_BYTES = 1 << 16  # training text goes in documents of this size, so that every peer can use all cores


@dataclass(frozen=True)
class Text:
    """A text to measure on."""

    name: str
    content: str

    @property
    def megabytes(self) -> float:
        """Its UTF-8 size in MB of 10**6 bytes."""
        return len(self.content.encode()) / 1e6

    @property
    def digest(self) -> str:
        """The first digits of its sha256, to say which text it was."""
        return hashlib.sha256(self.content.encode()).hexdigest()[:12]


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contender in each round; one round goes before and does not count."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, work in contenders.items():
            elapsed = seconds(work)
            if number:
                times[name].append(elapsed)
    return times


def ratio(times: dict[str, list[float]], peer: str, ours: str) -> float:
    """How many times as fast as `peer` we are: the median over the rounds."""
    return statistics.median(theirs / own for theirs, own in zip(times[peer], times[ours], strict=True))


def refuse(what: str) -> None:
    """End the run: results differ, so there is nothing to time."""
    sys.exit(f"bench: {what} differ from the peer's; no speed is printed for wrong results")


def bench_encoding(texts: list[Text], ours: Tokenizer, path: Path, rounds: int) -> list[str]:
    """The table of encoding one text on one thread."""
    theirs = tiktoken.Encoding(
        "bench", pat_str=ours.pattern, mergeable_ranks=ours.mergeable_ranks, special_tokens=ours.special_tokens
    )
    rows = [
        "| text | pybpe, first pass | pybpe to numpy | tiktoken to numpy | ratio "
        "| pybpe to list | tiktoken to list | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return rows + [encoding_row(text, ours, theirs, path, rounds) for text in texts]


def encoding_row(text: Text, ours: Tokenizer, theirs: tiktoken.Encoding, path: Path, rounds: int) -> str:
    """One text. The first pass is by a tokenizer just opened from `path`, whose caches are empty."""
    content = text.content
    if not np.array_equal(ours.encode_to_numpy(content, disallowed_special=()), theirs.encode_ordinary(content)):
        refuse(f"ids of {text.name}")

    def first_pass() -> float:
        fresh = Tokenizer.load(path)
        return seconds(lambda: fresh.encode_to_numpy(content, disallowed_special=()))

    first = statistics.median(first_pass() for _ in range(rounds))
    times = in_turn(
        {
            "numpy": lambda: ours.encode_to_numpy(content, disallowed_special=()),
            "tiktoken numpy": lambda: theirs.encode_to_numpy(content, disallowed_special=()),
            "list": lambda: ours.encode_ordinary(content),
            "tiktoken list": lambda: theirs.encode_ordinary(content),
        },
        rounds,
    )
    speed = {name: f"{text.megabytes / statistics.median(values):.0f} MB/s" for name, values in times.items()}
    return (
        f"| {text.name}, {text.megabytes:.1f} MB | {text.megabytes / first:.0f} MB/s "
        f"| {speed['numpy']} | {speed['tiktoken numpy']} | {ratio(times, 'tiktoken numpy', 'numpy'):.1f}x "
        f"| {speed['list']} | {speed['tiktoken list']} | {ratio(times, 'tiktoken list', 'list'):.1f}x |"
    )


def bench_training(texts: list[Text], vocab_sizes: list[int], rounds: int) -> list[str]:
    """The table of training, all cores, from documents in memory to merges."""
    rows = ["| text | tokens | pybpe | rustbpe | ratio |", "|---|---|---|---|---|"]
    return rows + [training_row(text, vocab_size, rounds) for text in texts for vocab_size in vocab_sizes]


def training_row(text: Text, vocab_size: int, rounds: int) -> str:
    """One text and size of vocabulary."""
    documents = [text.content[start : start + DOCUMENT_BYTES] for start in range(0, len(text.content), DOCUMENT_BYTES)]

    def train_ours() -> Tokenizer:
        return Tokenizer.train(iter(documents), vocab_size, special_tokens=[], progress=False)

    def train_theirs() -> rustbpe.Tokenizer:
        tokenizer = rustbpe.Tokenizer()
        tokenizer.train_from_iterator(iter(documents), vocab_size, pattern=GPT4)
        return tokenizer

    if train_ours().mergeable_ranks != {bytes(token): rank for token, rank in train_theirs().get_mergeable_ranks()}:
        refuse(f"merges of {text.name}")
    times = in_turn({"pybpe": train_ours, "rustbpe": train_theirs}, rounds)
    return (
        f"| {text.name}, {text.megabytes:.1f} MB | {vocab_size:,} | {statistics.median(times['pybpe']):.2f} s "
        f"| {statistics.median(times['rustbpe']):.2f} s | {ratio(times, 'rustbpe', 'pybpe'):.1f}x |"
    )


def conditions(texts: list[Text], vocabulary: str, rounds: int) -> list[str]:
    """Where, when and with what this was measured."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        processor = names[0] if names else processor
    packages = ", ".join(f"{name} {version(name)}" for name in ("pybpe", *PEERS))
    return [
        f"Measured by `scripts/bench.py` on {datetime.date.today().isoformat()}: {processor}, {os.cpu_count()} cores, "
        f"{platform.system()}, Python {platform.python_version()}; {packages}; medians of {rounds} rounds; "
        f"vocabulary {vocabulary}; texts by sha256: " + ", ".join(f"{text.name} {text.digest}" for text in texts) + ".",
    ]


def read_texts(paths: list[Path]) -> list[Text]:
    """The texts named, or the one that every Python has."""
    if paths:
        return [Text(path.stem, path.read_text(encoding="utf-8")) for path in paths]
    from pydoc_data.topics import topics

    return [Text("pydoc topics", "\n\n".join(topics.values()))]


def main() -> None:
    """Measure, print, and with --readme put the tables into the README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", nargs="+", type=Path, default=[], help="UTF-8 files to measure on")
    parser.add_argument("--ranks", type=Path, help="a public .tiktoken file; without it, 4,096 tokens are trained")
    parser.add_argument("--vocab-sizes", nargs="+", type=int, default=[8_192, 32_768], help="for training")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--readme", action="store_true", help="put the tables into README.md")
    arguments = parser.parse_args()
    texts = read_texts(arguments.texts)
    if arguments.ranks:
        tokenizer = Tokenizer.from_tiktoken(arguments.ranks)
        vocabulary = arguments.ranks.stem
    else:
        tokenizer = Tokenizer.train(iter([text.content for text in texts]), 4_096, progress=False)
        vocabulary = "of 4,096 tokens trained on them"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.pybpe"
        tokenizer.save(path)
        encoding = bench_encoding(texts, tokenizer, path, arguments.rounds)
    training = bench_training(texts, arguments.vocab_sizes, arguments.rounds)
    lines = [
        "Encoding one text, one thread:",
        "",
        *encoding,
        "",
        "Training, all cores, equal merges:",
        "",
        *training,
        "",
        *conditions(texts, vocabulary, arguments.rounds),
    ]
    print("\n".join(lines))
    if arguments.readme:
        before, rest = README.read_text(encoding="utf-8").split(BEGIN)
        after = rest.split(END)[1]
        README.write_text("\n".join([before + BEGIN, *lines, END + after]), encoding="utf-8")


if __name__ == "__main__":
    main()
