"""Rows on training, from a file to merges on two threads: seconds and peak memory, each time in a fresh process."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pybpe import Tokenizer, WordCounts
from pybpe.pretokenization.patterns import GPT2_ORIGINAL, GPT4

from .limited import LostError, run_limited
from .peers import THREADS, installed
from .results import OURS, Result
from .texts import Text
from .timing import ratios

COMMON = 0.95  # of the tokens, that trainers with another order of ties must share for their times to be compared
LIMIT_SECONDS = 1800.0
ONE_THREAD = "one thread"
WHOLE_MEGABYTES = 10.0  # of text that is one word
WHOLE_VOCAB_SIZE = 8_192

Tokens = list[bytes]


@dataclass(frozen=True)
class Run:
    """What one training took: seconds, MiB at the peak above those before it, and the tokens learned in their order."""

    seconds: float
    peak: float
    tokens: Tokens


def train_once(train: Callable[[Path, int], Callable[[], Tokens]], path: Path, vocab_size: int) -> Run:
    """In a fresh process: train from a file, and only then ask for the tokens."""
    before = _status("VmRSS")
    start = time.perf_counter()
    tokens = train(path, vocab_size)
    elapsed = time.perf_counter() - start
    return Run(elapsed, (_status("VmHWM") - before) / 2**10, tokens())


def _status(name: str) -> int:
    """A figure of this process in KiB, by Linux; 0 elsewhere."""
    file = Path("/proc/self/status")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


def _pybpe(path: Path, vocab_size: int) -> Callable[[], Tokens]:
    tok = Tokenizer.train(path, vocab_size, special_tokens=[], threads=THREADS, progress=False)
    return lambda: list(tok.vocab.values())


def _pybpe_gpt2(path: Path, vocab_size: int) -> Callable[[], Tokens]:
    tok = Tokenizer.train(path, vocab_size, pattern=GPT2_ORIGINAL, special_tokens=[], threads=THREADS, progress=False)
    return lambda: list(tok.vocab.values())


def _rustbpe(path: Path, vocab_size: int) -> Callable[[], Tokens]:
    import rustbpe

    tokenizer = rustbpe.Tokenizer()
    with path.open(encoding="utf-8", newline="") as file:
        tokenizer.train_from_iterator(iter([file.read()]), vocab_size, pattern=GPT4)
    ranked = sorted(tokenizer.get_mergeable_ranks(), key=lambda item: item[1])
    return lambda: [bytes(token) for token, _ in ranked]


def _gigabpe(path: Path, vocab_size: int) -> Callable[[], Tokens]:
    import gigabpe

    vocab, _ = gigabpe.train_bpe([str(path)], vocab_size, special_tokens=[], pretokenizer="bytelevel", threads=THREADS)
    return lambda: _bytes_of(vocab)


def _tokenizers(path: Path, vocab_size: int) -> Callable[[], Tokens]:
    from tokenizers import Tokenizer as TheirTokenizer
    from tokenizers import models, pre_tokenizers, trainers

    tokenizer = TheirTokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train([str(path)], trainer)
    return lambda: _bytes_of(tokenizer.get_vocab())


def _bytes_of(vocab: dict[str, int]) -> Tokens:
    """Tokens in GPT-2's spelling, a character a byte, as bytes."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    spelling = {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(others)}
    return [bytes(spelling[char] for char in token) for token in sorted(vocab, key=vocab.__getitem__)]


# Beside rustbpe, whose merges are the same to the last; and beside trainers that order ties otherwise.
EQUAL = {OURS: _pybpe, "rustbpe": _rustbpe}
OTHER_TIES = {OURS: _pybpe_gpt2, "gigabpe": _gigabpe, "tokenizers": _tokenizers}


def training(text: Text, vocab_size: int, rounds: int) -> Iterator[Result]:
    """From a file to `vocab_size` tokens."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        path.write_text(text.content, encoding="utf-8", newline="")
        yield from _compare("training", EQUAL, 1.0, path, text, vocab_size, rounds)
        yield from _compare("training ties", OTHER_TIES, COMMON, path, text, vocab_size, rounds)


def _compare(
    row: str,
    trainers: dict[str, Callable[[Path, int], Callable[[], Tokens]]],
    common: float,
    path: Path,
    text: Text,
    vocab_size: int,
    rounds: int,
) -> Iterator[Result]:
    """Time and memory of several trainers in turn; left out is who learns less than `common` of the same tokens."""
    runs: dict[str, list[Run]] = {name: [] for name in trainers if name == OURS or installed(name)}
    notes: list[str] = []
    for _ in range(rounds):
        for name in list(runs):
            try:
                runs[name].append(run_limited(train_once, trainers[name], path, vocab_size, seconds=LIMIT_SECONDS))
            except LostError as reason:
                del runs[name]
                notes.append(f"{name}: {reason}")
    ours = runs[OURS][0].tokens
    for name in list(runs):
        theirs = runs[name][0].tokens
        share = (theirs == ours) if common == 1.0 else len(set(ours) & set(theirs)) / len(ours)
        if share < common:
            del runs[name]
            notes.append(f"{name} learns other tokens and so has no figures")
        elif share < 1:
            notes.append(f"{name} learns {share:.1%} of the same tokens")
    for suffix, unit, figure in (("", "s", "seconds"), (" memory", "MiB", "peak")):
        costs = {name: [getattr(run, figure) for run in found] for name, found in runs.items()}
        if not all(costs[OURS]):
            continue  # a system that does not tell
        values = {name: statistics.median(found) for name, found in costs.items()}
        yield Result(row + suffix, text.name, f"{vocab_size:,} tokens", unit, values, ratios(costs, OURS), notes)


def counting(text: Text, rounds: int) -> Iterator[Result]:
    """Counting the words of a file: two threads beside one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        path.write_text(text.content, encoding="utf-8", newline="")
        costs: dict[str, list[float]] = {OURS: [], ONE_THREAD: []}
        for _ in range(rounds):
            for name, threads in ((OURS, THREADS), (ONE_THREAD, 1)):
                costs[name].append(run_limited(count_once, path, threads, seconds=LIMIT_SECONDS))
    values = {name: text.megabytes / statistics.median(found) for name, found in costs.items()}
    yield Result("counting", text.name, "", "MB/s", values, ratios(costs, OURS))


def count_once(path: Path, threads: int) -> float:
    """In a fresh process: seconds to count a file."""
    counts = WordCounts("gpt4")
    start = time.perf_counter()
    counts.update(path, threads=threads)
    return time.perf_counter() - start


def without_pattern(text: Text, rounds: int) -> Iterator[Result]:
    """A text that is one word."""
    content = text.encoded[: int(WHOLE_MEGABYTES * 1e6)]
    costs = [run_limited(_whole_once, content, seconds=LIMIT_SECONDS) for _ in range(rounds)]
    name = f"{len(content) / 1e6:.0f} MB of {text.name}"
    yield Result("training whole", name, f"{WHOLE_VOCAB_SIZE:,} tokens", "s", {OURS: statistics.median(costs)})


def _whole_once(content: bytes) -> float:
    start = time.perf_counter()
    Tokenizer.train(iter([content]), WHOLE_VOCAB_SIZE, pattern=None, special_tokens=[], progress=False)
    return time.perf_counter() - start
