"""The documents of files, by what the name of each file says it holds.

    .jsonl, .ndjson     a document a line
    .parquet            a document a row
    anything else       the whole file is one document

each of them also in an archive: .txt.gz, .jsonl.zst.
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

Piece = tuple[bytes, bool]  # a part of a document, and whether the document ends with it

TEXT_FIELD = "text"
MOST_UNCUT = 1 << 29  # bytes that an archive may unpack to without a place to cut

_JSON_LINES = (".jsonl", ".ndjson")
_PARQUET = ".parquet"
_TAR = ".tar"


def read_files(files: Iterable[Path], cut: Cut | None, text_field: str = TEXT_FIELD) -> Iterator[Piece]:
    """The documents of files in order, each as its pieces in order. Empty ones are left out.

    cut: says where a document that is a whole file may be cut; without it, such files come whole. Text that is not
    UTF-8 gives its bytes as they are, and a UnicodeWarning a file. Raises FormatError for files that are damaged or are
    not what their names say, and MissingPackageError, before anything is read, where a package is missing.
    """
    files = list(files)
    for path in files:
        _check(path)
    return (piece for path in files for piece in _read(path, cut, text_field))


def has_fields(path: Path) -> bool:
    """Whether the text of a file is in a field or a column that has a name."""
    return _kind(path) in (*_JSON_LINES, _PARQUET)


def text_size(files: Iterable[Path]) -> int | None:
    """The bytes of text in files; None if that is not known before they are read, as with archives and pipes."""
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
    """Raise for a file that could not be read, as far as its name tells."""
    check_archives(path)
    if _kind(path) == _TAR:
        raise FormatError(f"{path}: a .tar file holds others, with much between them that is no text; unpack it first")
    if _kind(path) == _PARQUET:
        check_parquet()
        if without_archives(path) != path:
            raise FormatError(f"{path}: a parquet file cannot be read inside another archive; unpack it first")


def _read(path: Path, cut: Cut | None, text_field: str) -> Iterator[Piece]:
    kind = _kind(path)
    if kind == _PARQUET:
        return _checked_rows(read_parquet(path, text_field), path)
    if kind in _JSON_LINES:
        return ((to_utf8(text), True) for text in read_json_lines(open_unpacked(path), text_field) if text)
    return checked(_read_text(path, cut), path)


def _read_text(path: Path, cut: Cut | None) -> Iterator[Piece]:
    """A file that is one document."""
    limit = NO_LIMIT if without_archives(path) == path else MOST_UNCUT
    piece = b""
    for block in cut_blocks(open_unpacked(path), cut, limit):
        if piece:
            yield piece, False
        piece = block
    yield piece, True


def _checked_rows(rows: Iterable[bytes], path: Path) -> Iterator[Piece]:
    """Yield the rows that are not empty, with a warning at the first that is not UTF-8."""
    valid = True
    for text in rows:
        found = problem_of_bytes(text, path) if valid else None
        if found:
            valid = False
            warnings.warn(found, UnicodeWarning, stacklevel=2)
        if text:
            yield text, True
