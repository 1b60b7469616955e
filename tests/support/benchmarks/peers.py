"""The contenders, each behind the same few functions, so that a row asks all of them for the same thing.

A package that is not installed, or that does not have an encoding, is left out and named. pybpe is one of them.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
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
    """One package, opened for one encoding. Batches take the number of threads, everything else runs on one.

    A function is None where the package has no such thing, or where no row asks for it.

    to_list, to_numpy: the ids of a text.
    batch_to_lists, batch_to_numpy: (texts, threads) to the ids of many; as arrays, (ids, offsets).
    count, count_batch: how many ids, the latter of (texts, threads); packages that cannot count encode.
    decode: the bytes that a list or an array of ids stands for.
    policy: the ids of a text as a list, with disallowed_special=(); to_list if the package has no such option.
    face: tiktoken's `encode` with its defaults, which raises for a special token in the text.
    slow: about a tenth as fast as the others, and so timed on a shorter text.
    """

    name: str
    to_list: Callable[[str], list[int]]
    to_numpy: Callable[[str], Ids] | None
    batch_to_lists: Callable[[list[str], int], list[list[int]]] | None
    batch_to_numpy: Callable[[list[str], int], tuple[Ids, Any]] | None
    count: Callable[[str], int] | None = None
    count_batch: Callable[[list[str], int], Any] | None = None
    decode: Callable[[Any], bytes] | None = None
    policy: Callable[[str], list[int]] | None = None
    face: Callable[[str], list[int]] | None = None
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
        to_numpy=partial(tokenizer.encode_to_numpy, disallowed_special=()),
        batch_to_lists=lambda texts, n: tokenizer.encode_batch(texts, threads=n, disallowed_special=()),
        batch_to_numpy=lambda texts, n: tokenizer.encode_batch_to_numpy(texts, threads=n, disallowed_special=()),
        count=tokenizer.count,
        count_batch=lambda texts, n: tokenizer.count_batch(texts, threads=n),
        decode=tokenizer.decode_bytes,
        policy=partial(tokenizer.encode, disallowed_special=()),
        face=tokenizer.as_tiktoken().encode,
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
        to_numpy=partial(theirs.encode_to_numpy, disallowed_special=()),
        batch_to_lists=lambda texts, n: theirs.encode_ordinary_batch(texts, num_threads=n),
        batch_to_numpy=None,
        count=lambda text: len(theirs.encode_ordinary(text)),
        count_batch=lambda texts, n: list(map(len, theirs.encode_ordinary_batch(texts, num_threads=n))),
        decode=theirs.decode_bytes,
        policy=partial(theirs.encode, disallowed_special=()),
        face=theirs.encode,
        slow=True,
    )


def open_gigatoken(encoding: Encoding) -> Peer:
    """gigatoken, without special tokens, which it would otherwise find in any text. It counts by encoding."""
    import gigatoken

    from pybpe.pretokenization.patterns import CL100K, GPT2, O200K

    names = {GPT2: "gpt2", CL100K: "gpt4", O200K: "o200k"}
    if encoding.pattern not in names:
        raise UnavailableError("gigatoken does not have this pattern")
    theirs = gigatoken.Tokenizer.from_tiktoken(encoding.path, names[encoding.pattern], {})
    return replace(gigatoken_peer(theirs), decode=theirs.decode, face=theirs.as_tiktoken().encode)


def gigatoken_peer(theirs: Any) -> Peer:
    """A gigatoken.Tokenizer as a contender. Its batches run on all threads that rayon has, or on one."""

    def batch(texts: list[str], threads: int) -> tuple[Ids, Any]:
        layout = theirs.encode_batch(texts, parallel=threads > 1).layout
        return layout.content.data, layout.offsets.data

    def to_list(text: str) -> list[int]:  # the faster of its two ways: a batch of one costs 1 us more to begin
        if len(text) < 10_000:
            return theirs.encode(text).tolist()
        return theirs.encode_batch_list([text], parallel=False)[0]

    return Peer(
        "gigatoken",
        to_list=to_list,
        to_numpy=theirs.encode,
        batch_to_lists=lambda texts, n: theirs.encode_batch_list(texts, parallel=n > 1),
        batch_to_numpy=batch,
        count=lambda text: len(theirs.encode(text)),
        count_batch=lambda texts, n: np.diff(batch(texts, n)[1]),
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
        batch_to_lists=lambda texts, n: _lists(*theirs.encode_batch(texts, n)),
        batch_to_numpy=theirs.encode_batch,
        count=theirs.count,
        count_batch=lambda texts, n: quicktok.count_batch(theirs, texts, n),
        decode=theirs.decode_bytes,
        face=theirs.encode,
    )


def open_toktok(encoding: Encoding) -> Peer:
    """toktok, which PyPI has as toktok-rs.

    Its public functions count many texts; everything else is done by its core, which its own tests use.
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
        to_numpy=partial(core.encode_to_numpy, disallowed_special=()),
        batch_to_lists=lambda texts, n: _lists(*core.encode_batch_to_numpy(texts, n)),
        batch_to_numpy=core.encode_batch_to_numpy,
        count=core.count,
        count_batch=lambda texts, n: toktok.batch_count(texts, encoding.name, n),
        decode=core.decode_bytes,
        policy=partial(core.encode, disallowed_special=()),
        face=core.encode,
    )


def open_splintr(encoding: Encoding) -> Peer:
    """splintr, which PyPI has as splintr-rs, from the rank file.

    The vocabularies that it ships have tokens of its own beside tiktoken's, which all but one of its functions find in
    any text; opened from the rank file without special tokens they are as fast and find none. Its patterns are its own
    spellings of tiktoken's, since it knows no possessive quantifiers.
    """
    import splintr

    from pybpe.pretokenization.patterns import CL100K, GPT2, O200K

    patterns = {GPT2: splintr.GPT2_PATTERN, CL100K: splintr.CL100K_BASE_PATTERN, O200K: splintr.O200K_BASE_PATTERN}
    if encoding.pattern not in patterns:
        raise UnavailableError("splintr does not have this pattern")
    theirs = splintr.Tokenizer(str(encoding.path), patterns[encoding.pattern], {})
    return replace(splintr_peer(theirs), decode=theirs.decode_bytes)


def splintr_peer(theirs: Any) -> Peer:
    """A splintr tokenizer as a contender. Its batches always run on all threads: on one, it gets text by text."""

    def to_numpy(text: str) -> Ids:
        return np.frombuffer(theirs.encode_flat(text), dtype=np.uint32)

    def batch(texts: list[str], threads: int) -> tuple[Ids, Any]:
        if threads > 1:
            ids, offsets = theirs.encode_batch_flat(texts)
            return np.frombuffer(ids, dtype=np.uint32), np.frombuffer(offsets, dtype=np.uint64)
        rows = list(map(to_numpy, texts))
        return np.concatenate(rows), np.cumsum([0, *map(len, rows)])

    def batch_to_lists(texts: list[str], threads: int) -> list[list[int]]:
        return theirs.encode_batch(texts) if threads > 1 else list(map(theirs.encode_raw, texts))

    def count_batch(texts: list[str], threads: int) -> Any:
        if threads > 1:
            return np.diff(np.frombuffer(theirs.encode_batch_flat(texts)[1], dtype=np.uint64))
        return [len(theirs.encode_flat(text)) // 4 for text in texts]

    return Peer(
        "splintr",
        to_list=theirs.encode_raw,
        to_numpy=to_numpy,
        batch_to_lists=batch_to_lists,
        batch_to_numpy=batch,
        count=lambda text: len(theirs.encode_flat(text)) // 4,
        count_batch=count_batch,
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
    "splintr": open_splintr,
    "tiktoken": open_tiktoken,
}
# PyPI's names, where they are not the modules'.
DISTRIBUTIONS = {"quicktok": "quicktok-v1", "toktok": "toktok-rs", "splintr": "splintr-rs"}


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
