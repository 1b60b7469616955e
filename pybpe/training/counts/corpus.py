"""Training text from paths, globs or iterables, in batches of texts."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from pybpe.data.readers import blocks
from pybpe.data.readers.blocks import Cut
from pybpe.data.readers.documents import TEXT_FIELD, read_files, text_size
from pybpe.util.utf8 import Text, to_utf8

PathLike = str | os.PathLike[str]

_TEXT_SUFFIXES = {".txt", ".text", ".md", ".rst", ".json", ".csv", ".tsv", ".xml", ".html", ".log", ".py"}
_TEXT_SUFFIXES |= {".jsonl", ".ndjson", ".parquet", ".gz", ".zst"}


class FileChunks:
    """An iterator over chunks of files that other code reads; their line ends are kept, as those of files are.

    chunks: bytes, cut at places where splitting each chunk gives the words of the whole.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks


def open_source(
    source: PathLike | Iterable[Text | os.PathLike[str]],
    cut: Cut | None,
    text_field: str = TEXT_FIELD,
    stripped: bytes = b"",
) -> tuple[Iterator[list[bytes]], int | None, bool]:
    """Return (batches of texts, their bytes or None if unknown, any_thread) for a source.

    source: a path, a list of paths or globs, or an iterable of texts. A str is a path. A list is of paths if any of its
        items names a file, or if all look like file names (so that a mistyped name is an error, not a text); any other
        iterable is of texts. Each text is split on its own.
    stripped: bytes removed from the end of each text of an iterable; the text of files, and FileChunks, keep them.

    any_thread is True if any thread may read the batches, one at a time. Iterators may be bound to the thread that made
    them, and pipes may block, so only the thread of the caller reads these.

    """
    if isinstance(source, bytes):
        raise TypeError("the source is bytes; to take text itself, pass a list of it: [text]")
    if isinstance(source, (str, os.PathLike)):
        return _from_files([source], cut, text_field)
    if isinstance(source, (list, tuple)) and _are_paths(source):
        return _from_files(source, cut, text_field)
    items = iter(source)
    first = list(islice(items, 1))
    if first and isinstance(first[0], os.PathLike):
        return _from_files([*first, *items], cut, text_field)  # type: ignore[list-item]
    texts: Iterable[Text] = chain(first, items)  # type: ignore[arg-type]
    if stripped and not isinstance(source, FileChunks):
        texts = (to_utf8(text).rstrip(stripped) for text in texts)
    return _batched(texts), None, isinstance(source, (list, tuple))


def _are_paths(items: list[object] | tuple[object, ...]) -> bool:
    names = [item for item in items if isinstance(item, (str, os.PathLike))]
    if not names or len(names) < len(items):
        return False
    if any(isinstance(name, os.PathLike) or os.path.isfile(name) for name in names):  # noqa: PTH113 (any str at all)
        return True
    return all(len(os.fspath(name)) < 4096 and Path(name).suffix.lower() in _TEXT_SUFFIXES for name in names)


def _from_files(
    paths: Iterable[PathLike], cut: Cut | None, text_field: str
) -> tuple[Iterator[list[bytes]], int | None, bool]:
    files = expand(paths)
    texts = (text for text, _ in read_files(files, cut, text_field))
    return _batched(texts), text_size(files), all(map(Path.is_file, files))


def _batched(texts: Iterable[Text]) -> Iterator[list[bytes]]:
    """Yield lists of texts of at most BLOCK_BYTES together; a longer text is a list of its own."""
    batch: list[bytes] = []
    size = 0
    for text in map(to_utf8, texts):
        cost = len(text) + 64
        if batch and size + cost > blocks.BLOCK_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += cost
    if batch:
        yield batch


def expand(paths: Iterable[PathLike]) -> list[Path]:
    """Return the files that paths and globs name, in the order given; the matches of a glob are sorted.

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
