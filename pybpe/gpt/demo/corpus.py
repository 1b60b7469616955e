"""The text of a demonstration: read, checked, cut into a part to learn from and a part to be tested on."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from pybpe.data.readers.text_encoding import conversion, problem_at_start, problem_of_bytes, wide_encoding
from pybpe.errors import TrainingError
from pybpe.gpt.demo.results import Corpus
from pybpe.reports.evaluation.texts import split_text

MOST_BYTES = 20_000_000  # a micro GPT sees a small part of that in two minutes
LEAST_BYTES = 5_000
HELD_OUT = 0.1
LEAST_PART = 1000  # bytes of a part that is held out, which should have some lines
PROMPT_WORDS = 3


def read_corpus(path: Path | None) -> Corpus:
    """The first MOST_BYTES of a text file in two parts; None is the text that ships inside Python.

    Raises TrainingError or ValueError if it is empty, small or binary, OSError if it cannot be read.
    """
    if path is None:
        from pydoc_data.topics import topics

        name, content = "Python's help topics", "\n\n".join(topics.values()).encode()
        size = len(content)
    else:
        name, size = path.name, path.stat().st_size
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        size = max(size, len(content))  # a pipe does not know its own
        content = content[: character_end(content, min(len(content), MOST_BYTES))]
    if path is not None and (encoding := wide_encoding(content)):
        raise ValueError(f"{path} is {encoding} text: {conversion(encoding, path)}")
    if b"\0" in content:
        raise ValueError(f"{path} is binary data, not text; give a text file in UTF-8")
    if len(content) < LEAST_BYTES:
        what = f"has only {len(content):,} bytes" if content else "is empty"
        raise TrainingError(f"{path} {what}; give at least {LEAST_BYTES:,} bytes of text")
    for found in (problem_at_start(content, path)[0], problem_of_bytes(content, path)):
        if found:
            warnings.warn(found, UnicodeWarning, stacklevel=2)
    return Corpus(name, size, *split_text(content, HELD_OUT, LEAST_PART))


def choose_prompts(text: bytes, n: int) -> list[str]:
    """The first words of up to n lines of prose, taken evenly from all of a text; of any text if it has no prose."""
    lines = re.findall(r"^\s*([A-Z][\w,']* [\w,']+ [\w,']+) \w+ \w+", text.decode("utf-8", "replace"), re.MULTILINE)
    lines = list(dict.fromkeys(lines))
    if not lines:
        return [" ".join(text[:1000].decode("utf-8", "ignore").split()[:PROMPT_WORDS])[:40] or "a"]
    return [lines[len(lines) * i // n] for i in range(min(n, len(lines)))]


def choose_passage(text: bytes, n_bytes: int) -> bytes:
    """About n_bytes of a text, from a paragraph in its middle to the end of a line, if it has such."""
    middle = len(text) // 2
    start = text.find(b"\n\n", middle, middle + 4 * n_bytes)
    start = character_end(text, middle) if start < 0 else start + 2
    end = character_end(text, min(len(text), start + n_bytes))
    line = text.rfind(b"\n", start + n_bytes // 2, end)
    return text[start : end if line < 0 else line]


def character_end(text: bytes, end: int) -> int:
    """The last place up to `end` that is not within a UTF-8 character."""
    for place in range(end, max(0, end - 4), -1):
        if place == len(text) or text[place] & 0xC0 != 0x80:
            return place
    return end
