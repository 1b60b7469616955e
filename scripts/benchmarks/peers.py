"""The contenders, each behind the same few functions, so that a row asks all of them for the same thing.

A package that is not installed, or that does not have an encoding, is left out and named. pybpe is one of them.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.uint32]
THREADS = 2  # of batches and of training


class UnavailableError(Exception):
    """A package cannot take part; the message says why."""


@dataclass(frozen=True)
class Encoding:
    """A vocabulary as all contenders get it: a file of ranks, and what such a file does not hold."""

    name: str
    path: Path
    pattern: str
    special_tokens: dict[str, int]


@dataclass(frozen=True)
class Peer:
    """One package, opened for one encoding. Batches run on two threads, everything else on one.

    to_list, to_numpy: the ids of a text.
    batch_to_lists, batch_to_numpy: the ids of many; as arrays, (ids, offsets). None if it has no such thing.
    count, count_batch: how many ids; of packages that cannot count, by encoding.
    decode: the bytes that a list or an array of ids stands for.
    slow: about a tenth as fast as the others, and so timed on a shorter text.
    """

    name: str
    to_list: Callable[[str], list[int]]
    to_numpy: Callable[[str], Ids]
    batch_to_lists: Callable[[list[str]], list[list[int]]]
    batch_to_numpy: Callable[[list[str]], tuple[Ids, Any]] | None
    count: Callable[[str], int]
    count_batch: Callable[[list[str]], Any]
    decode: Callable[[Any], bytes]
    slow: bool = False


def open_pybpe(encoding: Encoding) -> Peer:
    """The package that this repository is."""
    from pybpe import Tokenizer

    return pybpe_peer(Tokenizer.from_tiktoken(encoding.path, encoding.pattern, encoding.special_tokens))


def pybpe_peer(tokenizer: Any) -> Peer:
    """A pybpe.Tokenizer as a contender."""
    return Peer(
        "pybpe",
        to_list=tokenizer.encode_ordinary,
        to_numpy=lambda text: tokenizer.encode_to_numpy(text, disallowed_special=()),
        batch_to_lists=lambda texts: tokenizer.encode_batch(texts, threads=THREADS, disallowed_special=()),
        batch_to_numpy=lambda texts: tokenizer.encode_batch_to_numpy(texts, threads=THREADS, disallowed_special=()),
        count=tokenizer.count,
        count_batch=lambda texts: tokenizer.count_batch(texts, threads=THREADS),
        decode=tokenizer.decode_bytes,
    )


def open_tiktoken(encoding: Encoding) -> Peer:
    """tiktoken, whose ids are the right ones. Its arrays are no faster than its lists; it counts by encoding."""
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe

    theirs = tiktoken.Encoding(
        encoding.name,
        pat_str=encoding.pattern,
        mergeable_ranks=load_tiktoken_bpe(str(encoding.path)),
        special_tokens=encoding.special_tokens,
    )
    return Peer(
        "tiktoken",
        to_list=theirs.encode_ordinary,
        to_numpy=lambda text: theirs.encode_to_numpy(text, disallowed_special=()),
        batch_to_lists=lambda texts: theirs.encode_ordinary_batch(texts, num_threads=THREADS),
        batch_to_numpy=None,
        count=lambda text: len(theirs.encode_ordinary(text)),
        count_batch=lambda texts: list(map(len, theirs.encode_ordinary_batch(texts, num_threads=THREADS))),
        decode=theirs.decode_bytes,
        slow=True,
    )


def open_gigatoken(encoding: Encoding) -> Peer:
    """gigatoken, without special tokens, which it would otherwise find in any text. It counts by encoding."""
    import gigatoken

    from pybpe.patterns import CL100K, GPT2, O200K

    names = {GPT2: "gpt2", CL100K: "gpt4", O200K: "o200k"}
    if encoding.pattern not in names:
        raise UnavailableError("gigatoken does not have this pattern")
    theirs = gigatoken.Tokenizer.from_tiktoken(encoding.path, names[encoding.pattern], {})

    def batch(texts: list[str]) -> tuple[Ids, Any]:
        layout = theirs.encode_batch(texts, parallel=True).layout
        return layout.content.data, layout.offsets.data

    def to_list(text: str) -> list[int]:  # the faster of its two ways: a batch of one costs 1 us more to begin
        if len(text) < 10_000:
            return theirs.encode(text).tolist()
        return theirs.encode_batch_list([text], parallel=False)[0]

    return Peer(
        "gigatoken",
        to_list=to_list,
        to_numpy=theirs.encode,
        batch_to_lists=lambda texts: theirs.encode_batch_list(texts, parallel=True),
        batch_to_numpy=batch,
        count=lambda text: len(theirs.encode(text)),
        count_batch=lambda texts: np.diff(batch(texts)[1]),
        decode=theirs.decode,
    )


def open_quicktok(encoding: Encoding) -> Peer:
    """quicktok, which PyPI has as quicktok-v1, with the vocabularies it brings along."""
    import quicktok

    if not hasattr(quicktok, "get_encoding"):
        raise UnavailableError("the package installed as quicktok is another one; the tokenizer is quicktok-v1")
    if encoding.name not in ("cl100k_base", "o200k_base"):
        raise UnavailableError(f"quicktok does not have {encoding.name}")
    theirs = quicktok.Tokenizer(encoding.name, "")

    return Peer(
        "quicktok",
        to_list=theirs.encode_ordinary,
        to_numpy=lambda text: theirs.encode_batch([text], 1)[0],
        batch_to_lists=lambda texts: _lists(*theirs.encode_batch(texts, THREADS)),
        batch_to_numpy=lambda texts: theirs.encode_batch(texts, THREADS),
        count=theirs.count,
        count_batch=lambda texts: quicktok.count_batch(theirs, texts, THREADS),
        decode=theirs.decode_bytes,
    )


def open_toktok(encoding: Encoding) -> Peer:
    """toktok, which PyPI has as toktok-rs.

    Its public functions count; ids and decoding are those of its core, which its own tests use.
    """
    import toktok

    if not hasattr(toktok, "batch_count"):
        raise UnavailableError("the package installed as toktok is another one; the token counter is toktok-rs")
    if encoding.name not in ("cl100k_base", "o200k_base"):
        raise UnavailableError(f"toktok does not have {encoding.name}")
    core = toktok._Tokenizer(encoding.name, "")

    return Peer(
        "toktok",
        to_list=core.encode_ordinary,
        to_numpy=lambda text: core.encode_to_numpy(text, disallowed_special=()),
        batch_to_lists=lambda texts: _lists(*core.encode_batch_to_numpy(texts, THREADS)),
        batch_to_numpy=lambda texts: core.encode_batch_to_numpy(texts, THREADS),
        count=lambda text: toktok.batch_count([text], encoding.name, 1)[0],
        count_batch=lambda texts: toktok.batch_count(texts, encoding.name, THREADS),
        decode=core.decode_bytes,
    )


def _lists(ids: Ids, offsets: npt.NDArray[np.int64]) -> list[list[int]]:
    """What somebody who wants lists makes of the arrays of a package that has no batch of lists."""
    flat, ends = ids.tolist(), offsets.tolist()
    return [flat[start:end] for start, end in zip(ends, ends[1:], strict=False)]


OPENERS: dict[str, Callable[[Encoding], Peer]] = {
    "pybpe": open_pybpe,
    "gigatoken": open_gigatoken,
    "quicktok": open_quicktok,
    "toktok": open_toktok,
    "tiktoken": open_tiktoken,
}
DISTRIBUTIONS = {"quicktok": "quicktok-v1", "toktok": "toktok-rs"}  # where PyPI's name is not the module's


def installed(name: str) -> bool:
    """Whether a package can be imported."""
    return importlib.util.find_spec(name) is not None


def open_peers(encoding: Encoding) -> tuple[dict[str, Peer], list[str]]:
    """Everyone who can take part, by name, and of the others why not."""
    peers, absent = {}, []
    for name, opener in OPENERS.items():
        if not installed(name):
            absent.append(f"{DISTRIBUTIONS.get(name, name)} is not installed")
            continue
        try:
            peers[name] = opener(encoding)
        except UnavailableError as reason:
            absent.append(str(reason))
    return peers, absent
