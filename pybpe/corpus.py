"""Where training text comes from: paths and globs become files, files become blocks that can be split apart."""

from __future__ import annotations

import glob
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO

from pybpe._core.unicode import is_utf8

PathLike = str | os.PathLike[str]
Text = str | bytes

BLOCK_BYTES = 1 << 20  # read at a time; small enough to share among threads, large enough to forget the overhead

Cut = Callable[[bytes], int]  # where a block may be cut: the last safe place, 0 if there is none

_TEXT_SUFFIXES = {".txt", ".text", ".md", ".rst", ".json", ".jsonl", ".csv", ".tsv", ".xml", ".html", ".log", ".py"}


def open_source(
    source: PathLike | Iterable[Text | os.PathLike[str]], cut: Cut | None
) -> tuple[Iterator[list[bytes]], int | None]:
    """Batches of texts from a path, a list of paths or globs, or an iterable of texts; and the bytes of all, if known.

    A str is a path. A list is of paths if any of its items names a file, or if all look like file names (so that a
    mistyped name is an error, not a text); any other iterable is of texts. Each text is split on its own.
    """
    if isinstance(source, bytes):
        raise TypeError("the source is bytes; to take text itself, pass a list of it: [text]")
    if isinstance(source, (str, os.PathLike)):
        return _from_files([source], cut)
    if isinstance(source, (list, tuple)) and _are_paths(source):
        return _from_files(source, cut)
    items = iter(source)
    first = next(items, None)
    if isinstance(first, os.PathLike):
        return _from_files([first, *items], cut)  # type: ignore[list-item]
    texts = items if first is None else chain([first], items)
    return _batched(texts), None  # type: ignore[arg-type]


def _are_paths(items: list[object] | tuple[object, ...]) -> bool:
    names = [item for item in items if isinstance(item, (str, os.PathLike))]
    if not names or len(names) < len(items):
        return False
    if any(isinstance(name, os.PathLike) or os.path.isfile(name) for name in names):  # noqa: PTH113 (any str at all)
        return True
    return all(len(os.fspath(name)) < 4096 and Path(name).suffix.lower() in _TEXT_SUFFIXES for name in names)


def _from_files(paths: Iterable[PathLike], cut: Cut | None) -> tuple[Iterator[list[bytes]], int]:
    files = expand(paths)
    batches = ([block] for path in files for block in read_blocks(path, cut))
    return batches, sum(path.stat().st_size for path in files)


def _batched(texts: Iterable[Text]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for text in texts:
        batch.append(to_utf8(text))
        size += len(batch[-1]) + 64
        if size >= BLOCK_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def to_utf8(text: Text) -> bytes:
    """UTF-8 of a str, lone surrogates as U+FFFD; bytes as they are."""
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError:
        return repair_surrogates(text).encode()


def repair_surrogates(text: str) -> str:
    """Join surrogate pairs to the characters they stand for, and make U+FFFD of lone ones, as tiktoken does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def expand(paths: Iterable[PathLike]) -> list[Path]:
    """Files from paths and globs, in the order given, matches of a glob sorted.

    Raises FileNotFoundError for a path that is not there or a glob without a match, IsADirectoryError for a folder.
    """
    files: list[Path] = []
    for entry in paths:
        path = Path(entry)
        if not path.exists():
            matches = sorted(glob.glob(os.fspath(entry), recursive=True)) if glob.has_magic(os.fspath(entry)) else []
            if not matches:
                raise FileNotFoundError(f"no such file: {os.fspath(entry)!r}")
            files += [Path(match) for match in matches if Path(match).is_file()]
        elif path.is_dir():
            raise IsADirectoryError(f"{os.fspath(entry)!r} is a folder; name its files, for example '{path}/*.txt'")
        else:
            files.append(path)
    return files


def read_blocks(path: Path, cut: Cut | None) -> Iterator[bytes]:
    """A file as blocks that, split one by one, give the words of the whole; the whole file if `cut` is None.

    A file that is not UTF-8 gives its bytes as they are, and a UnicodeWarning that says so.
    """
    if cut is None:
        blocks: Iterable[bytes] = [path.read_bytes()]
    else:
        blocks = _open_blocks(path, cut)
    valid = True
    for block in blocks:
        if valid and not is_utf8(block):
            valid = False
            kind = "binary data" if b"\0" in block else "not UTF-8"
            warnings.warn(f"{path} is {kind}; its bytes are taken as they are", UnicodeWarning, stacklevel=2)
        if block:
            yield block


def _open_blocks(path: Path, cut: Cut) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from cut_blocks(file, cut)


def cut_blocks(file: IO[bytes], cut: Cut) -> Iterator[bytes]:
    """What is left of an open file as blocks that, split one by one, give the words of the whole."""
    kept = b""
    while block := file.read(max(BLOCK_BYTES, len(kept))):  # a text without a cut is read in doubling steps
        text = kept + block
        end = cut(text)
        if end:
            yield text[:end]
        kept = text[end:]
    yield kept
