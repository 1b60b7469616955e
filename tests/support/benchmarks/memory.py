"""The row on memory: how much a tokenizer grows by while it sees nothing but words it has not seen before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pybpe import Tokenizer

from .limited import LostError, run_limited
from .peers import OPENERS, Encoding
from .results import OURS, Result

PEER_MEGABYTES = 16
LIMIT_SECONDS = 1800.0
WORD_LETTERS = (8, 16, 24)  # one length a piece, in turn
_PIECE_WORDS = 400_000
_SCRAMBLE = 77_777_777_777  # odd and no multiple of 13, so that different numbers stay different modulo 26**8


def unique_words(number: int) -> str:
    """Piece `number` of an endless text in which no word comes twice."""
    values = np.arange(number * _PIECE_WORDS, (number + 1) * _PIECE_WORDS, dtype=np.uint64) * np.uint64(_SCRAMBLE)
    letters = np.empty((_PIECE_WORDS, 8), dtype=np.uint8)
    for place in range(8):
        letters[:, place] = values % 26 + ord("a")
        values //= np.uint64(26)
    length = WORD_LETTERS[number % len(WORD_LETTERS)]
    spaces = np.full((_PIECE_WORDS, 1), ord(" "), dtype=np.uint8)
    return np.hstack([spaces, *[letters] * (length // 8)]).tobytes().decode("ascii")


def resident_growth(name: str, encoding: Encoding, megabytes: float) -> tuple[float, float]:
    """MiB that a tokenizer just opened has grown by, after at least so many megabytes; and the MB it saw."""
    encode = OPENERS[name](encoding).to_numpy
    encode("Hello, world!")
    before, seen, number = _resident(), 0, 0
    while seen < megabytes * 1e6:
        text = unique_words(number)
        encode(text)
        seen, number = seen + len(text), number + 1
    del text
    return (_resident() - before) / 2**20, seen / 1e6


def _resident() -> int:
    """Bytes of this process that are in memory, by Linux."""
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory(encoding: Encoding, peers: list[str], megabytes: float) -> Iterator[Result]:
    """pybpe after `megabytes` of unique words; the peers, some of which would fill the machine, after 16 MB."""
    if not Path("/proc/self/statm").exists():
        return
    values, notes = {}, []
    for name in (OURS, *(name for name in peers if name not in (OURS, "tiktoken"))):
        wanted = megabytes if name == OURS else min(megabytes, PEER_MEGABYTES)
        try:
            values[name], seen = run_limited(resident_growth, name, encoding, wanted, seconds=LIMIT_SECONDS)
            notes.append(f"{name} after {seen:.0f} MB")
        except LostError as reason:
            notes.append(f"{name}: {reason}")
    stated = Tokenizer.from_tiktoken(encoding.path, encoding.pattern, encoding.special_tokens).info.get("cache_bytes")
    if stated is not None:
        notes.append(f"pybpe states a cache of {stated / 2**20:.1f} MiB")
    yield Result("memory", "", encoding.name, "MiB", values, {}, notes)
