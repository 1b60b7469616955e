"""Documents from a column of a parquet file, read a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pybpe.data.readers.fields import missing_field
from pybpe.errors import FormatError
from pybpe.util.extras import extra_module

MOST_ROWS = 4096  # at a time
BATCH_BYTES = 4 << 20
_BUFFER_BYTES = 1 << 20  # of the compressed column; without a buffer, a whole row group is read at once
_TEXT_TYPES = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view")


def check_parquet() -> None:
    """Raise MissingPackageError unless pyarrow is installed."""
    extra_module("pyarrow.parquet", "data", "to read .parquet files")


def read_parquet(path: Path, field: str) -> Iterator[bytes]:
    """Yield the text of each row of the column `field`, in order.

    Raises FormatError for a damaged file, a column that is missing or does not hold text, and a row without a value.
    """
    check_parquet()
    import pyarrow

    row = 0
    with path.open("rb") as file:
        try:
            for texts in _batches(path, file, field):
                for text in texts:
                    row += 1
                    if text is None:
                        raise FormatError(f"{path}, row {row:,}: the column {field!r} holds no value, not a string")
                    yield text
        except (pyarrow.ArrowException, OSError) as error:
            reason = (str(error).splitlines() or ["it cannot be read"])[0]
            raise FormatError(f"{path} is damaged, or no parquet file ({reason}): get it again") from None


def _batches(path: Path, file: Any, field: str) -> Iterator[list[bytes | None]]:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    with ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False) as parquet:
        schema = parquet.schema_arrow
        if field not in schema.names:
            raise FormatError(f"{path}: {missing_field('column', field, schema.names)}")
        kind = schema.field(field).type
        if str(kind.value_type if pyarrow.types.is_dictionary(kind) else kind) not in _TEXT_TYPES:
            raise FormatError(f"{path}: the column {field!r} holds {kind}, not strings")
        rows = _rows_at_a_time(parquet.metadata, field)
        for batch in parquet.iter_batches(rows, columns=[field], use_threads=False):
            # As bytes, because pyarrow does not check that strings in files are UTF-8.
            yield batch.column(0).cast(pyarrow.large_binary()).to_pylist()


def _rows_at_a_time(metadata: Any, field: str) -> int:
    """Return the number of rows that have about BATCH_BYTES of text on average."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    columns = (group.column(i) for group in groups for i in range(group.num_columns))
    size: int = sum(column.total_uncompressed_size for column in columns if column.path_in_schema == field)
    n_rows: int = metadata.num_rows
    return min(max(1, BATCH_BYTES * n_rows // max(1, size)), MOST_ROWS)
