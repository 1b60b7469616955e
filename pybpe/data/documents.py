"""Documents of files as streams of chunks that fit in memory and encode as the whole does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

from pybpe.data.readers.blocks import Cut, cut_blocks
from pybpe.data.readers.documents import TEXT_FIELD, Chunk, read_files
from pybpe.data.readers.text_encoding import checked
from pybpe.training.counts.corpus import expand
from pybpe.util.files import PathLike


def read_documents(paths: Iterable[PathLike], cut: Cut | None, text_field: str = TEXT_FIELD) -> Iterator[Chunk]:
    """Yield the chunks of all documents of files in order: (bytes, True if the document ends with this chunk).

    paths: files and globs. A file is one document, but each line of a .jsonl file and each row of a .parquet file is a
        document of its own, with its text in the field or column `text_field`. Files may be compressed (.gz, .zst).
        Empty documents are skipped.
    cut: the `cut` of a tokenizer, which finds places where text can be cut; without it, each file is one chunk.
    """
    return read_files(expand(paths), cut, text_field)


def read_stream(file: IO[bytes], cut: Cut | None) -> Iterator[bytes]:
    """Yield the chunks of an open binary file, such as standard input, cut at places that `cut` finds."""
    return (text for text, _ in checked(((block, False) for block in cut_blocks(file, cut)), None))
