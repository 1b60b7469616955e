"""The documents of files, read according to the suffixes of their names.

    .jsonl, .ndjson     one document per line
    .parquet            one document per row
    any other           the file is one document

Text and JSON lines may be compressed: .txt.gz, .jsonl.zst.
"""

from __future__ import annotations

import stat
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from pybpe.data.readers.archives import check_archives, open_unpacked, without_archives
from pybpe.data.readers.blocks import NO_LIMIT, Cut, cut_blocks
from pybpe.data.readers.json_lines import read_json_lines
from pybpe.data.readers.parquet import check_parquet, read_parquet
from pybpe.data.readers.text_encoding import checked, problem_of_bytes
from pybpe.errors import FormatError
from pybpe.util.utf8 import to_utf8

Chunk = tuple[bytes, bool]  # (a part of a document, True if the document ends with it)

TEXT_FIELD = "text"
MOST_UNCUT = 1 << 29  # the maximum number of bytes of an archive's content without a cut

_JSON_LINES = (".jsonl", ".ndjson")
_PARQUET = ".parquet"
_TAR = ".tar"


def read_files(files: Iterable[Path], cut: Cut | None, text_field: str = TEXT_FIELD) -> Iterator[Chunk]:
    """Yield the chunks of all documents of files, in order. Empty documents are skipped.

    cut: finds cuts in a document that is a whole file; without it, such a file is one chunk. Text that is not UTF-8 is
    yielded unchanged, with one UnicodeWarning per file. Raises FormatError for a damaged file or one of another format
    than its name says; MissingPackageError, before anything is read, if a package is not installed.
    """
    files = list(files)
    for path in files:
        _check(path)
    return (chunk for path in files for chunk in _read(path, cut, text_field))


def has_fields(path: Path) -> bool:
    """Return True if the text of a file is in a named field or column."""
    return _kind(path) in (*_JSON_LINES, _PARQUET)


def text_size(files: Iterable[Path]) -> int | None:
    """Return the bytes of text in files; None if that is unknown before reading, as for archives and pipes."""
    total = 0
    for path in files:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode) or has_fields(path) or without_archives(path) != path:
            return None
        total += state.st_size
    return total


def _kind(path: Path) -> str:
    return without_archives(path).suffix.lower()


def _check(path: Path) -> None:
    """Raise FormatError or MissingPackageError for a file that cannot be read, judged by its name."""
    check_archives(path)
    if _kind(path) == _TAR:
        raise FormatError(f"{path}: a .tar file holds others, with much between them that is no text; unpack it first")
    if _kind(path) == _PARQUET:
        check_parquet()
        if without_archives(path) != path:
            raise FormatError(f"{path}: a parquet file cannot be read inside another archive; unpack it first")


def _read(path: Path, cut: Cut | None, text_field: str) -> Iterator[Chunk]:
    kind = _kind(path)
    if kind == _PARQUET:
        return _checked_rows(read_parquet(path, text_field), path)
    if kind in _JSON_LINES:
        return ((to_utf8(text), True) for text in read_json_lines(open_unpacked(path), text_field) if text)
    return checked(_read_text(path, cut), path)


def _read_text(path: Path, cut: Cut | None) -> Iterator[Chunk]:
    """Yield the chunks of a file that is one document."""
    limit = NO_LIMIT if without_archives(path) == path else MOST_UNCUT
    chunk = b""
    for block in cut_blocks(open_unpacked(path), cut, limit):
        if chunk:
            yield chunk, False
        chunk = block
    yield chunk, True


def _checked_rows(rows: Iterable[bytes], path: Path) -> Iterator[Chunk]:
    """Yield the rows that are not empty, with a UnicodeWarning at the first that is not UTF-8."""
    valid = True
    for text in rows:
        found = problem_of_bytes(text, path) if valid else None
        if found:
            valid = False
            warnings.warn(found, UnicodeWarning, stacklevel=2)
        if text:
            yield text, True
