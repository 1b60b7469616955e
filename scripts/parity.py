"""The long comparison of pybpe's ids with those of the packages whose vocabularies it reads; takes minutes.

    pip install '.[test,bench]'
    python scripts/parity.py                              # vocabularies and texts in ../shared/data
    python scripts/parity.py --vocabs FOLDER --texts a.txt b.txt --only cl100k_base

Compared are whole texts, every code point in several contexts, a million random strings of characters on which
splitting turns, and 18 hostile inputs of a million characters. It prints how much was compared, and ends with status 1
at the first difference, which it shows. tests/test_peers.py compares less of the same in every test run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import shared_code  # noqa: F401 (finds what follows)
from support.benchmarks.limited import LostError, run_limited
from support.benchmarks.peers import Encoding, Ids, installed, open_pybpe, open_tiktoken
from support.hostile_texts import INPUTS
from support.parity_texts import BLOCK, CODE_POINTS, boundary_strings, code_points

from pybpe import Tokenizer
from pybpe.encodings.registry import by_sha256

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
PUBLIC = ("r50k_base", "cl100k_base", "o200k_base")
STRINGS_A_TASK = 50_000
BLOCKS_A_TASK = 16
HOSTILE_CHARACTERS = 1_000_000
LEAST_CHARACTERS = 10_000
HOSTILE_SECONDS = 120.0  # that the other package gets for one hostile input

Encode = Callable[[str], Ids]


class DifferenceError(Exception):
    """Ids differ; the message shows where."""


@dataclass(frozen=True)
class Task:
    """A share of the work for one process: one kind of text with one vocabulary."""

    vocabulary: str
    folder: Path
    kind: str  # "texts", "code points", "strings", "hostile"
    what: str | int  # which text, first code point, seed, or input
    size: int = 0  # how many strings


def available(folder: Path) -> tuple[list[str], list[str]]:
    """The vocabularies that can be compared, and of the others why not."""
    names = [name for name in PUBLIC if (folder / f"{name}.tiktoken").exists()]
    absent = [f"{name}: no {folder / name}.tiktoken" for name in PUBLIC if name not in names]
    for name, reader in (("gpt2", "from_gpt2"), ("qwen3", "from_huggingface")):
        if not (folder / name).is_dir():
            absent.append(f"{name}: no {folder / name}")
        elif not hasattr(Tokenizer, reader):
            absent.append(f"{name}: this pybpe has no Tokenizer.{reader}")
        elif not installed("tokenizers"):
            absent.append(f"{name}: tokenizers is not installed")
        else:
            names.append(name)
    return names, absent


@cache
def open_ours(name: str, folder: Path) -> tuple[Encode, Callable[[Ids], bytes]]:
    """A vocabulary read by pybpe: text to ids, and back."""
    if name in PUBLIC:
        peer = open_pybpe(_public(name, folder))
        return peer.to_numpy, peer.decode
    if name == "gpt2":
        tokenizer = Tokenizer.from_gpt2(folder / name / "vocab.json", folder / name / "merges.txt")
    else:
        tokenizer = Tokenizer.from_huggingface(folder / name / "tokenizer.json")
    # As tokenizers does, which finds special tokens in any text.
    return lambda text: tokenizer.encode_to_numpy(text, allowed_special="all"), tokenizer.decode_bytes


@cache
def open_theirs(name: str, folder: Path) -> Encode:
    """A vocabulary read by the package that is right about it: tiktoken or tokenizers."""
    if name in PUBLIC:
        return open_tiktoken(_public(name, folder)).to_numpy
    import tokenizers
    from tokenizers.pre_tokenizers import ByteLevel

    if name == "gpt2":
        model = tokenizers.models.BPE.from_file(str(folder / name / "vocab.json"), str(folder / name / "merges.txt"))
        theirs = tokenizers.Tokenizer(model)
        theirs.pre_tokenizer = ByteLevel(add_prefix_space=False)
    else:
        theirs = tokenizers.Tokenizer.from_file(str(folder / name / "tokenizer.json"))
    return lambda text: np.array(theirs.encode(text, add_special_tokens=False).ids, dtype=np.uint32)


def _public(name: str, folder: Path) -> Encoding:
    path = folder / f"{name}.tiktoken"
    known = by_sha256(hashlib.sha256(path.read_bytes()).hexdigest())
    if known is None or known.name != name:
        sys.exit(f"parity: {path} is not the public {name}")
    return Encoding(name, path, known.pattern, known.special_tokens)


def their_hostile_ids(name: str, folder: Path, kind: str, n: int) -> Ids:
    """What the other package makes of n hostile characters; asked in a process of its own, which may panic."""
    return open_theirs(name, folder)(INPUTS[kind](n))


def hostile(task: Task) -> Iterator[tuple[str, Ids | None]]:
    """A million hostile characters; where the other package does not survive them, half as many, and half again."""
    kind, n = str(task.what), HOSTILE_CHARACTERS
    while n > LEAST_CHARACTERS:
        try:
            right = run_limited(their_hostile_ids, task.vocabulary, task.folder, kind, n, seconds=HOSTILE_SECONDS)
        except LostError:
            yield INPUTS[kind](n), None
            n //= 2
        else:
            yield INPUTS[kind](n), right
            return


def run(task: Task) -> tuple[Task, Counter[str]]:
    """Compare one share: how many texts, characters and ids. Raises DifferenceError."""
    ours, decode = open_ours(task.vocabulary, task.folder)
    done: Counter[str] = Counter()
    for text, theirs in _texts(task):
        ids = ours(text)
        if theirs is None:
            done["not compared"] += 1
            continue
        if not np.array_equal(ids, theirs):
            raise DifferenceError(f"{task.vocabulary}, {task.kind}: {explain(text, ids, theirs, decode)}")
        if decode(ids) != text.encode() and task.vocabulary in PUBLIC:
            raise DifferenceError(f"{task.vocabulary}, {task.kind}: {text[:60]!r} does not come back from its ids")
        done.update(texts=1, characters=len(text), ids=len(ids))
    return task, done


def _texts(task: Task) -> Iterator[tuple[str, Ids | None]]:
    """The texts of a share, each with the right ids; None where the other package gives none."""
    if task.kind == "hostile":
        yield from hostile(task)
        return
    theirs = open_theirs(task.vocabulary, task.folder)
    if task.kind == "texts":
        texts: Iterator[str] = iter([Path(str(task.what)).read_text(encoding="utf-8")])
    elif task.kind == "code points":
        texts = code_points(int(task.what), min(int(task.what) + BLOCK * BLOCKS_A_TASK, CODE_POINTS))
    else:
        texts = iter(boundary_strings(int(task.what), task.size))
    for text in texts:
        yield text, theirs(text)


def explain(text: str, ours: Ids, theirs: Ids, decode: Callable[[Ids], bytes]) -> str:
    """Where two lists of ids part, and the text there."""
    shorter = min(len(ours), len(theirs))
    place = next((i for i in range(shorter) if ours[i] != theirs[i]), shorter)
    before = len(decode(ours[:place]).decode("utf-8", "ignore"))
    start = max(0, before - 30)
    return (
        f"from character {before:,} of {len(text):,}, id number {place:,}, "
        f"pybpe {ours[place : place + 6].tolist()}, the other {theirs[place : place + 6].tolist()}, "
        f"in {text[start : before + 30]!r}"
    )


def tasks_for(name: str, folder: Path, texts: list[Path], strings: int) -> Iterator[Task]:
    """All the work for one vocabulary, in shares."""
    for path in texts:
        yield Task(name, folder, "texts", str(path))
    for first in range(0, CODE_POINTS, BLOCK * BLOCKS_A_TASK):
        yield Task(name, folder, "code points", first)
    for seed, first in enumerate(range(0, strings, STRINGS_A_TASK)):
        yield Task(name, folder, "strings", seed, min(STRINGS_A_TASK, strings - first))
    for kind in INPUTS:
        yield Task(name, folder, "hostile", kind)


def compare(tasks: list[Task], processes: int) -> dict[tuple[str, str], Counter[str]]:
    """Do all tasks; {(vocabulary, kind): counts}. Raises DifferenceError at the first difference."""
    totals: dict[tuple[str, str], Counter[str]] = {(task.vocabulary, task.kind): Counter() for task in tasks}
    with ProcessPoolExecutor(processes) as pool:
        waiting: set[Future[tuple[Task, Counter[str]]]] = {pool.submit(run, task) for task in tasks}
        try:
            while waiting:
                ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in ended:
                    task, done = future.result()
                    totals[task.vocabulary, task.kind] += done
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return totals


def main() -> None:
    """Compare, and print what was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    vocabs = Path(os.environ.get("PYBPE_VOCABS", SHARED / "vocabs"))
    parser.add_argument("--vocabs", type=Path, default=vocabs, help="folder of public vocabularies")
    parser.add_argument("--texts", nargs="+", type=Path, default=sorted((SHARED / "text").glob("*.txt")))
    parser.add_argument("--only", nargs="+", metavar="VOCABULARY", help="of those in the folder")
    parser.add_argument("--strings", type=int, default=1_000_000, help="random strings for each vocabulary")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    names, absent = available(arguments.vocabs)
    names = [name for name in names if arguments.only is None or name in arguments.only]
    if not names:
        sys.exit(f"parity: nothing to compare: {'; '.join(absent) or 'no such vocabulary'}")
    start = time.perf_counter()
    tasks = [task for name in names for task in tasks_for(name, arguments.vocabs, arguments.texts, arguments.strings)]
    try:
        totals = compare(tasks, arguments.processes)
    except DifferenceError as difference:
        sys.exit(f"parity: ids differ: {difference}")
    for (name, kind), done in totals.items():
        counts = f"{done['texts']:,} texts, {done['characters']:,} characters, {done['ids']:,} ids"
        lost = done["not compared"]
        print(f"{name}, {kind}: {counts}" + (f"; {lost} more that the other package does not survive" if lost else ""))
    for reason in absent:
        print(f"left out: {reason}")
    print(f"no difference, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
