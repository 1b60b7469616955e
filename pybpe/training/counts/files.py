"""Files of word counts: .npz, which numpy reads, and .parquet, which needs pyarrow.

Both hold a version, the pattern, the preprocessing, the number of texts, and for each word its bytes, count and
first_seen, sorted by first_seen. Version 1 has no preprocessing.

Files are untrusted: memory is allocated for the bytes that a file has, not for sizes that it states.
"""

from __future__ import annotations

import io
import json
import operator
import struct
import tokenize
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pybpe.definition import number_special_tokens
from pybpe.errors import FormatError, SpecialTokenError
from pybpe.normalization.preprocessing import PLAIN, Preprocessing
from pybpe.pretokenization.patterns import prepare
from pybpe.util.extras import extra_module
from pybpe.util.files import PathLike, atomic_writer

VERSION = 2
_ROWS = 1 << 12  # of a parquet file at a time
_MOST_TEXTS = 1 << 31

# The arrays of an .npz, each of one dimension. `words` is all words joined; word i has sizes[i] bytes.
_ARRAYS = {
    "version": "<i8",
    "pattern": "|u1",
    "n_texts": "<i8",
    "forgotten": "<i8",
    "words": "|u1",
    "sizes": "<i8",
    "counts": "<i8",
    "first_seen": "<i8",
    "reading": "|u1",
}
_SINCE_VERSION_2 = "reading"

# The errors of zipfile and numpy for files that are of another format, damaged, encrypted or of a newer version.
_DAMAGE = (
    *(zipfile.BadZipFile, OSError, KeyError, ValueError, EOFError, RuntimeError, OverflowError, struct.error),
    *(SyntaxError, tokenize.TokenError),
)

Array = npt.NDArray[Any]


class Counted(NamedTuple):
    """Word counts as plain data.

    items: (word, count, first_seen) of each word. n_texts: the number of texts counted. forgotten: the number of
    occurrences that max_words dropped. protected: the strings that were cut out of the text.
    """

    pattern: str
    items: list[tuple[bytes, int, int]]
    n_texts: int
    forgotten: int = 0
    protected: tuple[str, ...] = ()
    preprocessing: Preprocessing = PLAIN


def write_npz(path: PathLike, counted: Counted) -> None:
    """Write an .npz file, completely or not at all. Equal counts give equal bytes."""
    words, counts, first_seen = _columns(counted)
    content = {
        "version": [VERSION],
        "pattern": list(counted.pattern.encode()),
        "n_texts": [counted.n_texts],
        "forgotten": [counted.forgotten],
        "words": np.frombuffer(b"".join(words), dtype=np.uint8),
        "sizes": np.fromiter(map(len, words), np.int64, len(words)),
        "counts": counts,
        "first_seen": first_seen,
        "reading": list(_written(counted)),
    }
    with atomic_writer(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, dtype in _ARRAYS.items():
            # np.savez would store the current time; ZipInfo's default date keeps equal counts equal.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(content[name], dtype), (1, 0), allow_pickle=False)


def read_npz(path: PathLike) -> Counted:
    """Read a file of `write_npz`. Raises FormatError for any other file, OSError if it cannot be read."""
    with Path(path).open("rb") as file:
        arrays = _read_arrays(file, path)
    if any(len(arrays[name]) != 1 for name in ("version", "n_texts", "forgotten")):
        raise FormatError(f"{path} is no file of word counts: its version, n_texts, forgotten are not one number each")
    n_texts, forgotten = int(arrays["n_texts"][0]), int(arrays["forgotten"][0])
    pattern = _check_about(path, int(arrays["version"][0]), arrays["pattern"].tobytes(), n_texts, forgotten)
    protected, preprocessing = _read_reading(path, arrays["reading"].tobytes())
    words, sizes = arrays["words"].tobytes(), arrays["sizes"].tolist()
    if len({len(sizes), len(arrays["counts"]), len(arrays["first_seen"])}) > 1:
        raise FormatError(f"{path} is damaged: its columns are not equally long")
    if min(sizes, default=1) < 1 or sum(sizes) != len(words):
        raise FormatError(f"{path} is damaged: its words are not as long as it says")
    ends = np.cumsum(arrays["sizes"]).tolist()
    items: dict[bytes, tuple[int, int]] = {}
    listed = (words[end - size : end] for size, end in zip(sizes, ends, strict=True))
    _add(items, path, listed, arrays["counts"], arrays["first_seen"])
    return Counted(pattern, _listed(items), n_texts, forgotten, protected, preprocessing)


def write_parquet(path: PathLike, counted: Counted) -> None:
    """Write a parquet file, completely or not at all: word (binary), count and first_seen (int64)."""
    pyarrow = _pyarrow("to write .parquet files")
    words, counts, first_seen = _columns(counted)
    numbers = {"version": VERSION, "n_texts": counted.n_texts, "forgotten": counted.forgotten}
    about = {"pattern": counted.pattern, **{name: str(number) for name, number in numbers.items()}}
    about["reading"] = _written(counted).decode()
    table = pyarrow.table({"word": pyarrow.array(words, pyarrow.binary()), "count": counts, "first_seen": first_seen})
    table = table.replace_schema_metadata({f"pybpe.{name}": value for name, value in about.items()})
    with atomic_writer(path) as file:
        pyarrow.parquet.write_table(table, file, compression="zstd", use_dictionary=False)


def read_parquet(path: PathLike) -> Counted:
    """Read a file of `write_parquet`. Raises FormatError for any other file, OSError if it cannot be read."""
    pyarrow = _pyarrow("to read .parquet files")
    items: dict[bytes, tuple[int, int]] = {}
    with Path(path).open("rb") as file:
        try:
            parquet = pyarrow.parquet.ParquetFile(file, buffer_size=1 << 20)
            about = parquet.schema_arrow.metadata or {}
            names = (b"version", b"n_texts", b"forgotten")
            version, n_texts, forgotten = (_number(about.get(b"pybpe." + name)) for name in names)
            pattern = _check_about(path, version, about.get(b"pybpe.pattern", b""), n_texts, forgotten)
            protected, preprocessing = _read_reading(path, about.get(b"pybpe.reading", b""))
            columns = {"word": pyarrow.binary(), "count": pyarrow.int64(), "first_seen": pyarrow.int64()}
            if [(field.name, field.type) for field in parquet.schema_arrow] != list(columns.items()):
                raise FormatError(f"{path} is no file of word counts: its columns are not word, count and first_seen")
            for batch in parquet.iter_batches(_ROWS, columns=list(columns), use_threads=False):
                words, counts, first_seen = batch.columns
                if words.null_count or counts.null_count or first_seen.null_count:
                    raise FormatError(f"{path} is damaged: a value is missing")
                _add(items, path, words.to_pylist(), counts.to_numpy(), first_seen.to_numpy())
        except (pyarrow.ArrowException, OSError) as error:
            reason = (str(error).splitlines() or ["it cannot be read"])[0]
            raise FormatError(f"{path} is damaged, or no parquet file ({reason})") from None
    return Counted(pattern, _listed(items), n_texts, forgotten, protected, preprocessing)


def _written(counted: Counted) -> bytes:
    """Return the protected strings and the preprocessing as JSON."""
    return json.dumps({"protected": counted.protected, "reading": counted.preprocessing.to_json()}).encode()


def _read_reading(path: PathLike, content: bytes) -> tuple[tuple[str, ...], Preprocessing]:
    """Return (protected strings, preprocessing) from the JSON of `_written`; version 1 has none."""
    if not content:
        return (), PLAIN
    try:
        about = json.loads(content)
        protected = tuple(about["protected"])
        number_special_tokens(protected, 0)
        return protected, Preprocessing.from_json(about["reading"])
    except (ValueError, KeyError, TypeError, RecursionError, FormatError, SpecialTokenError) as error:
        raise FormatError(f"{path} is damaged: what it says of reading text is not understood ({error})") from None


def _pyarrow(purpose: str) -> Any:
    extra_module("pyarrow.parquet", "data", purpose)
    return extra_module("pyarrow", "data", purpose)


def _columns(counted: Counted) -> tuple[list[bytes], Array, Array]:
    """Return the columns (words, counts int64[n], first_seen int64[n]), sorted by first_seen."""
    items = sorted(counted.items, key=operator.itemgetter(2, 0))
    words, counts, first_seen = map(list, zip(*items, strict=True)) if items else ([], [], [])
    return words, np.asarray(counts, np.int64), np.asarray(first_seen, np.int64)


def _number(value: bytes | None) -> int:
    """Return the number that a metadata value holds, -1 if it holds none."""
    return int(value) if value is not None and value.isdigit() and len(value) < 20 else -1


def _check_about(path: PathLike, version: int, pattern: bytes, n_texts: int, forgotten: int) -> str:
    """Check the fields that are not columns, and return the pattern. Raises FormatError."""
    if not 1 <= version <= VERSION:
        reason = "it does not say its version" if version < 1 else f"it has version {version}; upgrade pybpe"
        raise FormatError(f"{path} is no file of word counts that this pybpe reads: {reason}")
    if not 0 <= n_texts <= _MOST_TEXTS:
        raise FormatError(f"{path} is damaged: it says that {n_texts} texts were counted")
    if forgotten < 0:
        raise FormatError(f"{path} is damaged: it says that {forgotten} occurrences were left out")
    try:
        return prepare(pattern.decode()).pattern
    except ValueError as error:  # UnicodeDecodeError too
        raise FormatError(f"{path} holds a wrong pattern: {error}") from None


def _add(
    items: dict[bytes, tuple[int, int]], path: PathLike, words: Iterable[bytes], counts: Array, first_seen: Array
) -> None:
    """Add words to `items`. Raises FormatError for a word that is there already, and for numbers out of range."""
    if len(counts) and counts.min() < 1:
        raise FormatError(f"{path} is damaged: a word has the count {counts.min()}")
    if len(first_seen) and first_seen.min() < 0:
        raise FormatError(f"{path} is damaged: a word has the first_seen {first_seen.min()}")
    expected = len(items) + len(counts)
    items.update(zip(words, zip(counts.tolist(), first_seen.tolist(), strict=True), strict=True))
    if len(items) != expected or b"" in items:
        raise FormatError(f"{path} is damaged: a word is there twice, or is empty")


def _listed(items: dict[bytes, tuple[int, int]]) -> list[tuple[bytes, int, int]]:
    return [(word, *numbers) for word, numbers in items.items()]


def _read_arrays(file: IO[bytes], path: PathLike) -> dict[str, Array]:
    """Return the arrays of an .npz, checked to be of the right dtypes and of one dimension."""
    size = file.seek(0, io.SEEK_END)
    try:
        with zipfile.ZipFile(file) as archive:
            arrays = {
                name: _read_array(archive, f"{name}.npy", dtype, size)
                for name, dtype in _ARRAYS.items()
                if name != _SINCE_VERSION_2 or f"{name}.npy" in archive.namelist()
            }
        return {_SINCE_VERSION_2: np.array([], np.uint8), **arrays}
    except _DAMAGE as error:
        reason = error.args[0] if error.args else "it ends too early"
        raise FormatError(f"{path} is damaged, or no file of word counts ({reason})") from None


def _read_array(archive: zipfile.ZipFile, name: str, dtype: str, most: int) -> Array:
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > most:
        raise ValueError(f"{name} is compressed, or larger than the file")
    content = io.BytesIO(archive.read(entry))
    if np.lib.format.read_magic(content) != (1, 0):
        raise ValueError(f"{name} is of an unknown version")
    shape, _, found = np.lib.format.read_array_header_1_0(content)
    array = content.getbuffer()[content.tell() :]
    if found != np.dtype(dtype) or shape != (len(array) // found.itemsize,) or len(array) % found.itemsize:
        raise ValueError(f"{name} is {found}{list(shape)} in {len(array):,} bytes")
    return np.frombuffer(array, found)
