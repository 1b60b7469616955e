"""Texts that tokenizers choke on, of any length: long runs, and what looks random."""

from __future__ import annotations

import base64
import string
from collections.abc import Callable

import numpy as np


def _repeat(unit: str) -> Callable[[int], str]:
    """A text of one unit again and again."""
    return lambda n: (unit * (n // len(unit) + 1))[:n]


def _random(alphabet: str) -> Callable[[int], str]:
    """A text of ASCII characters drawn evenly, the same ones each time."""
    letters = np.frombuffer(alphabet.encode("ascii"), dtype=np.uint8)
    return lambda n: letters[np.random.default_rng(3).integers(len(letters), size=n)].tobytes().decode("ascii")


# Each makes a text of exactly n characters.
INPUTS: dict[str, Callable[[int], str]] = {
    "one letter": _repeat("a"),
    "spaces": _repeat(" "),
    "spaces before a letter": lambda n: " " * (n - 1) + "a",
    "digits": _repeat("1234567890"),
    "'^'": _repeat("^"),
    "newlines": _repeat("\n"),
    "NUL": _repeat("\0"),
    "U+00E9": _repeat("é"),
    "U+4E2D": _repeat("中"),
    "zero-width joiners": _repeat("\u200d"),
    "'s": _repeat("'s"),
    "a and space": _repeat("a "),
    "'-'": _repeat("-"),
    "random letters": _random(string.ascii_lowercase),
    "random spaces and newlines": _random(" \n"),
    "random a and b": _random("ab"),
    "base64": lambda n: base64.b64encode(np.random.default_rng(5).bytes(n))[:n].decode("ascii"),
    "alternating case": _repeat("aB"),
}
