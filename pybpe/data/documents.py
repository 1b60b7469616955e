"""Readers of documents: files as a stream of pieces small enough for memory that encode as the whole file does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

from pybpe.corpus import cut_blocks, expand, read_blocks
from pybpe.files import PathLike
from pybpe.patterns import prepare

Piece = tuple[bytes, bool]  # a part of a document, and whether the document ends with it


def read_documents(paths: Iterable[PathLike], pattern: str) -> Iterator[Piece]:
    """Each file is one document, given as its pieces in order.

    paths: files and globs. pattern: the tokenizer's, because it decides where a file may be cut; a pattern that
    cannot say where (those of the `regex` module, few others) has its files come whole. An empty file is no document.
    """
    for path in expand(paths):
        piece = b""
        for block in read_blocks(path, prepare(pattern).cut):
            if piece:
                yield piece, False
            piece = block
        if piece:
            yield piece, True


def read_stream(file: IO[bytes], pattern: str) -> Iterator[bytes]:
    """An open file, standard input for example, as pieces that encode as the whole does."""
    cut = prepare(pattern).cut
    if cut is None:
        yield file.read()
    else:
        yield from filter(None, cut_blocks(file, cut))
