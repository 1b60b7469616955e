"""minbpe's two files: NAME.model, which is read back, and NAME.vocab, which people read.

A .model is UTF-8 text: a line "minbpe v1", a line with the split pattern (empty for BasicTokenizer, where a text is one
word), a line with the number of special tokens, a line "name id" for each of them, and a line "left right" for each
merge; the merges have the ids from 256 on in their order. The ids below 256 are the bytes, in order.

pybpe splits by the pattern in the file. minbpe's RegexTokenizer does not: after `load` it still splits by the pattern
that it was constructed with.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import regex

from pybpe._core.ids import Rows
from pybpe.definition import MAX_ID, Definition, make_vocabulary
from pybpe.errors import FormatError, SpecialTokenError
from pybpe.formats.helpers.byte_level import read_bytes, rows_of
from pybpe.pretokenization.patterns import WHOLE, as_regex, prepare
from pybpe.pretokenization.stages import stages_of
from pybpe.util.files import PathLike, write_atomic
from pybpe.vocabulary.models import ByteMerges

VERSION = "minbpe v1"
SUFFIX = ".model"
BYTES = [bytes([byte]) for byte in range(256)]
MAX_TOKEN = 1 << 16  # bytes; tokens double in length with each merge of a token with itself
MAX_TOKENS = 1 << 28  # bytes of all tokens together
_NUMBER = re.compile(r"[0-9]{1,7}")


def read(path: PathLike) -> Definition:
    """Read a .model file. Raises FormatError, with the line, if it is not one, OSError if it cannot be read."""
    lines = _Lines(path)
    if lines.next("its version") != VERSION:
        raise FormatError(f"{path} is not a minbpe model: its first line is not {VERSION!r}")
    pattern = _read_pattern(lines.next("its pattern"), path)
    special = [
        lines.next("a special token").split() for _ in range(lines.number(lines.next("how many special tokens")))
    ]
    names: dict[str, int] = {}
    for words in special:
        if len(words) != 2 or words[0] in names:
            raise FormatError(f"{path}: {' '.join(words)[:60]!r} is not the name of a new special token and its id")
        names[words[0]] = lines.number(words[1])
    tokens, rows = list(BYTES), array("I")
    _read_merges(lines, tokens, rows)
    try:
        return Definition(
            ByteMerges(make_vocabulary(tokens), memoryview(Rows(rows, 3))),
            pattern=pattern,
            special_tokens=names,
        )
    except SpecialTokenError as error:
        raise FormatError(f"{path}: {error}") from None


class _Lines:
    """An iterator over the lines of a file, stripped, which counts them for error messages."""

    def __init__(self, path: PathLike) -> None:
        try:
            text = read_bytes(path).decode()
        except UnicodeDecodeError:
            raise FormatError(f"{path} is not a minbpe model: it is not UTF-8") from None
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._lines = iter(lines if lines[-1] else lines[:-1])
        self._path = path
        self._done = 0

    def next(self, what: str) -> str:
        """Return the next line. Raises FormatError at the end of the file; `what` names the contents it expected."""
        line = next(self._lines, None)
        self._done += 1
        if line is None:
            raise FormatError(f"{self._path} is truncated: line {self._done} should say {what}")
        return line.strip()

    def number(self, word: str) -> int:
        """Return the number that a word of the last line holds. Raises FormatError if it is none or too large."""
        if not _NUMBER.fullmatch(word) or int(word) > MAX_ID:
            raise self.wrong(f"{word[:40]!r} is not a number up to {MAX_ID}")
        return int(word)

    def wrong(self, what: str) -> FormatError:
        """Return a FormatError about the last line."""
        return FormatError(f"{self._path}, line {self._done}: {what}")

    def rest(self) -> Iterator[str]:
        """Yield the remaining lines."""
        for line in self._lines:
            self._done += 1
            yield line


def _read_pattern(pattern: str, path: PathLike) -> str:
    if not pattern:
        return WHOLE
    pattern = as_regex(pattern)
    problem = _difference_to_minbpe(pattern)
    if problem is not None:
        raise FormatError(f"{path}: {problem}")
    return pattern


def _difference_to_minbpe(pattern: str) -> str | None:
    """Return the reason why minbpe and pybpe may split differently by a pattern, None if they split alike."""
    try:
        prepare(pattern)
        groups = regex.compile(pattern).groups
    except (regex.error, ValueError) as error:
        return str(error)
    if groups:
        return "the pattern has capturing groups, and minbpe would keep the text of the groups only"
    if len(stages_of(pattern)) > 1 or "&&" in pattern:
        return "minbpe does not know several patterns one after another, nor && in sets"
    return None


def _read_merges(lines: _Lines, tokens: list[bytes], rows: array[int]) -> None:
    """Read the merges: append (left, right, id) to `rows` and the bytes of each to `tokens`."""
    seen: set[tuple[int, int]] = set()
    n_bytes = 0
    for line in lines.rest():
        words = line.split()
        if len(words) != 2:
            raise lines.wrong(f"{line[:60]!r} is not a merge of two ids")
        left, right = pair = lines.number(words[0]), lines.number(words[1])
        if max(pair) >= len(tokens):
            raise lines.wrong(f"a merge takes id {max(pair)}, and there are only {len(tokens)} tokens before it")
        if pair in seen:
            raise lines.wrong(f"the merge of {left} and {right} occurs twice")
        size = len(tokens[left]) + len(tokens[right])
        n_bytes += size
        if size > MAX_TOKEN or n_bytes > MAX_TOKENS or len(tokens) > MAX_ID:
            raise lines.wrong(f"the tokens become too large: {size:,} bytes this one, {n_bytes:,} all of them")
        seen.add(pair)
        rows.extend((left, right, len(tokens)))
        tokens.append(tokens[left] + tokens[right])


def write(definition: Definition, path: PathLike) -> None:
    """Write NAME.model, and NAME.vocab beside it. Raises ValueError for a Definition that they cannot hold."""
    model = Path(path)
    if model.suffix != SUFFIX:
        raise ValueError(f"minbpe reads only files whose names end with {SUFFIX}; {path} does not")
    rows, tokens = rows_of(definition.merges), definition.vocabulary.to_list()
    _check(definition, tokens, rows)
    pattern = "" if definition.pattern == WHOLE else definition.pattern
    special = sorted(definition.special_tokens.items(), key=lambda item: item[1])
    lines = chain(
        (VERSION, pattern, str(len(special))),
        (f"{name} {token}" for name, token in special),
        (f"{left} {right}" for left, right, _ in rows),
    )
    write_atomic(model, "".join(f"{line}\n" for line in lines).encode())
    write_atomic(model.with_suffix(".vocab"), "".join(_vocab_lines(tokens, rows, special)).encode())


def _check(definition: Definition, tokens: list[bytes], rows: list[tuple[int, int, int]]) -> None:
    """Raise ValueError, with the reason, for a Definition that a .model cannot hold."""
    if not definition.is_plain:
        raise ValueError("minbpe cannot say how this tokenizer reads text; write a tokenizer.json")
    if tokens[:256] != BYTES:
        raise ValueError("in minbpe the first 256 ids are the bytes in order; in this tokenizer they are not")
    if [token for _, _, token in rows] != list(range(256, len(tokens))):
        raise ValueError("in minbpe the ids from 256 on are the merges in order; in this tokenizer they are not")
    if definition.shared_id is not None:
        raise ValueError(f"several special tokens share the id {definition.shared_id}; minbpe cannot say that")
    for name in definition.special_tokens:
        if name.split() != [name]:
            raise ValueError(f"the special token {name!r} holds white space; minbpe cannot say that")
    pattern = definition.pattern
    if pattern != WHOLE and (
        (problem := _difference_to_minbpe(pattern)) or pattern != " ".join(pattern.splitlines()).strip()
    ):
        raise ValueError(problem or "minbpe cannot say a pattern with a line end, or with white space around it")


def _vocab_lines(
    tokens: list[bytes], rows: list[tuple[int, int, int]], special: list[tuple[str, int]]
) -> Iterator[str]:
    """Yield the lines of the .vocab: each token, its id, and the two tokens that it was merged from."""
    shown = list(map(_shown, tokens))
    yield from (f"[{shown[token]}] {token}\n" for token in range(256))
    yield from (f"[{shown[left]}][{shown[right]}] -> [{shown[token]}] {token}\n" for left, right, token in rows)
    yield from (f"[{name}] {token}\n" for name, token in special)


def _shown(token: bytes) -> str:
    """Return a token as text, control characters escaped."""
    text = token.decode("utf-8", "replace")
    return "".join(char if unicodedata.category(char)[0] != "C" else f"\\u{ord(char):04x}" for char in text)
