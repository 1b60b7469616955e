"""Readers of documents: files as a stream of pieces small enough for memory that encode as the whole file does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

from pybpe.corpus import Cut, cut_blocks, expand, read_blocks
from pybpe.files import PathLike

Piece = tuple[bytes, bool]  # a part of a document, and whether the document ends with it


def read_documents(paths: Iterable[PathLike], cut: Cut | None) -> Iterator[Piece]:
    """Each file is one document, given as its pieces in order.

    paths: files and globs. cut: the tokenizer's, which says where a file may be cut; without it, files come whole. An
    empty file is no document.
    """
    for path in expand(paths):
        piece = b""
        for block in read_blocks(path, cut):
            if piece:
                yield piece, False
            piece = block
        if piece:
            yield piece, True


def read_stream(file: IO[bytes], cut: Cut | None) -> Iterator[bytes]:
    """An open file, standard input for example, as pieces that encode as the whole does; `cut` says where to cut it."""
    if cut is None:
        yield file.read()
    else:
        yield from filter(None, cut_blocks(file, cut))
