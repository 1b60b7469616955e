"""Read the text of a demo, check it, and split it into training text and held-out text."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from pybpe.data.readers.documents import TEXT_FIELD, has_fields, read_files, text_size
from pybpe.data.readers.text_encoding import conversion, problem_at_start, problem_of_bytes, wide_encoding
from pybpe.errors import TrainingError
from pybpe.gpt.demo.results import Corpus
from pybpe.reports.evaluation.texts import split_text

MOST_BYTES = 20_000_000  # in two minutes a micro GPT trains on a small part of that
LEAST_BYTES = 5_000
HELD_OUT = 0.1  # the fraction of the text that is held out
LEAST_PART = 1000  # minimum size in bytes of a held-out stretch of text, so that it has some lines
PROMPT_WORDS = 3


def read_corpus(path: Path | None, text_field: str = TEXT_FIELD) -> Corpus:
    """Read the first MOST_BYTES bytes of a text file, split into training and held-out text.

    path: None for the help topics that are part of Python. text_field: the field or column with the text in .jsonl and
    .parquet files, whose documents are joined by blank lines. Raises TrainingError or ValueError if the text is empty,
    too small or binary, and the errors of the readers.
    """
    if path is None:
        from pydoc_data.topics import topics

        name, content = "Python's help topics", "\n\n".join(topics.values()).encode()
        size = len(content)
    else:
        name, content = path.name, _first_bytes(path, text_field)
        size = max(text_size([path]) or 0, len(content))  # the size of pipes, archives and documents is not known
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


def _first_bytes(path: Path, text_field: str) -> bytes:
    """Return the first MOST_BYTES + 1 bytes of text of a file, or all of it if it is smaller."""
    parts, n_bytes = [], 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnicodeWarning)  # a block may end in the middle of a character
        for part, ends in read_files([path], len, text_field):  # len: divided anywhere, because parts are joined again
            parts.append(part + b"\n\n" if ends and has_fields(path) else part)
            n_bytes += len(parts[-1])
            if n_bytes > MOST_BYTES:
                break
    return b"".join(parts)[: MOST_BYTES + 1]


def choose_prompts(text: bytes, n: int) -> list[str]:
    """Return up to n prompts: the first words of lines of prose, spread evenly over a text.

    If the text has no prose, the result is one prompt, the first words of the text.
    """
    lines = re.findall(r"^\s*([A-Z][\w,']* [\w,']+ [\w,']+) \w+ \w+", text.decode("utf-8", "replace"), re.MULTILINE)
    lines = list(dict.fromkeys(lines))
    if not lines:
        return [" ".join(text[:1000].decode("utf-8", "ignore").split()[:PROMPT_WORDS])[:40] or "a"]
    return [lines[len(lines) * i // n] for i in range(min(n, len(lines)))]


def choose_passage(text: bytes, n_bytes: int) -> bytes:
    """Return about n_bytes bytes from the middle of a text, if possible from a paragraph's start to a line's end."""
    middle = len(text) // 2
    start = text.find(b"\n\n", middle, middle + 4 * n_bytes)
    start = character_end(text, middle) if start < 0 else start + 2
    end = character_end(text, min(len(text), start + n_bytes))
    line = text.rfind(b"\n", start + n_bytes // 2, end)
    return text[start : end if line < 0 else line]


def character_end(text: bytes, end: int) -> int:
    """Return the last index up to `end` that is not inside a UTF-8 character."""
    for place in range(end, max(0, end - 4), -1):
        if place == len(text) or text[place] & 0xC0 != 0x80:
            return place
    return end
