"""Readers of documents: files as a stream of pieces small enough for memory that encode as the whole does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

from pybpe.data.readers.blocks import Cut, cut_blocks
from pybpe.data.readers.documents import TEXT_FIELD, Piece, read_files
from pybpe.data.readers.text_encoding import checked
from pybpe.training.counts.corpus import expand
from pybpe.util.files import PathLike


def read_documents(paths: Iterable[PathLike], cut: Cut | None, text_field: str = TEXT_FIELD) -> Iterator[Piece]:
    """The documents of files in order, each given as its pieces in order: (part, whether the document ends with it).

    paths: files and globs. A file is one document; each line of a .jsonl and each row of a .parquet file is one, its
    text in the field or column `text_field`; any of them may be packed (.gz, .zst). An empty document is none.
    cut: the tokenizer's, which says where a file may be cut; without it, files come whole.
    """
    return read_files(expand(paths), cut, text_field)


def read_stream(file: IO[bytes], cut: Cut | None) -> Iterator[bytes]:
    """An open file, standard input for example, as pieces that encode as the whole does; `cut` says where to cut it."""
    return (text for text, _ in checked(((block, False) for block in cut_blocks(file, cut)), None))
