"""Readers of documents: files as a stream of pieces small enough for memory that encode as the whole file does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

from pybpe._core.split import find_cut
from pybpe.corpus import Cut, cut_blocks, expand, read_blocks
from pybpe.files import PathLike
from pybpe.patterns import prepare

Piece = tuple[bytes, bool]  # a part of a document, and whether the document ends with it


def read_documents(paths: Iterable[PathLike], pattern: str) -> Iterator[Piece]:
    """Each file is one document, given as its pieces in order.

    paths: files and globs. pattern: the tokenizer's, because it decides where a file may be cut; a pattern that the
    compiled scanner does not serve cannot say where, and its files come whole. An empty file is no document.
    """
    for path in expand(paths):
        piece = b""
        for block in read_blocks(path, cut_for(pattern)):
            if piece:
                yield piece, False
            piece = block
        if piece:
            yield piece, True


def read_stream(file: IO[bytes], pattern: str) -> Iterator[bytes]:
    """An open file, standard input for example, as pieces that encode as the whole does."""
    cut = cut_for(pattern)
    if cut is None:
        yield file.read()
    else:
        yield from filter(None, cut_blocks(file, cut))


def cut_for(pattern: str) -> Cut | None:
    """What finds safe places to cut text for a pattern, or None if nothing can."""
    return find_cut if prepare(pattern).scanner is not None else None
