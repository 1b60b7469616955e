"""Read nanoGPT's vocabulary of characters from meta.pkl, the pickle that its prepare.py writes.

A pickle is a program, and unpickling an untrusted one can run any code. This module does not unpickle: it interprets
the few instructions that build dicts, strings and integers, and refuses all others.
"""

from __future__ import annotations

import pickletools
from pathlib import Path
from typing import Any

from pybpe.errors import FormatError
from pybpe.gpt.characters import Characters

META = "meta.pkl"
PICKLE = b"\x80"  # the first byte of a pickle of protocol 2 or later
MOST_BYTES = 4 << 20  # maximum size of a file: enough for all assigned characters of Unicode, in both directions
MOST_PENDING = 1 << 16  # maximum number of values on the stack; Python adds them to a dict a thousand pairs at a time
TEXTS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
NUMBERS = ("BININT1", "BININT2", "BININT")
LABELS = ("BINPUT", "LONG_BINPUT")
LABELLED = ("BINGET", "LONG_BINGET")
NOTHING = ("PROTO", "FRAME")


def read_meta(path: Path) -> Characters:
    """Read the vocabulary of a meta.pkl, which has no end-of-text token. FormatError for any other file."""
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    try:
        if len(content) > MOST_BYTES:
            raise ValueError("it is too large")
        ids = _interpreted(content)["stoi"]
        vocabulary = Characters(ids, end=False)
        if ids != {character: id_ for id_, character in enumerate(vocabulary.characters)}:
            raise ValueError("its ids are not those of its characters in order")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path} is not nanoGPT's vocabulary of characters, or is damaged: {error}") from None
    return vocabulary


def _interpreted(content: bytes) -> Any:
    """Return the value that a pickle of dicts, strings and integers builds. ValueError for any other instruction."""
    stack: list[Any] = []
    marks: list[int] = []
    labelled: dict[Any, Any] = {}
    for opcode, argument, _ in pickletools.genops(content):
        name = opcode.name
        if name in TEXTS or name in NUMBERS:
            stack.append(argument)
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "MEMOIZE" or name in LABELS:
            labelled[len(labelled) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in LABELLED and isinstance(labelled[argument], str):
            stack.append(labelled[argument])
        elif name in ("SETITEM", "SETITEMS"):
            first = len(stack) - 2 if name == "SETITEM" else marks.pop()
            pairs = stack[first:]
            del stack[first:]
            stack[-1].update(zip(pairs[::2], pairs[1::2], strict=True))
        elif name == "STOP" and len(stack) == 1:
            return stack[0]
        elif name not in NOTHING:
            raise ValueError(f"a vocabulary has no use for the instruction {name}")
        if len(stack) + len(marks) > MOST_PENDING:
            raise ValueError("too many values wait for a dict")
    raise ValueError("it has no end")
