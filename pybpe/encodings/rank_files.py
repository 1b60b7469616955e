"""Public encodings as Definitions, from rank files on this machine or downloaded once."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from pybpe.definition import Definition
from pybpe.encodings.download import fetch
from pybpe.encodings.registry import Encoding, by_name
from pybpe.errors import DownloadError, FormatError
from pybpe.formats import tiktoken
from pybpe.util.files import PathLike, write_atomic


def definition_of(name: str, folder: PathLike | None = None) -> Definition:
    """Return the Definition of a public encoding.

    Raises UnknownEncodingError for an unknown name, DownloadError if the download fails, FormatError for a file whose
    sha256 is not the published one.
    """
    encoding = by_name(name)
    content = _content(encoding, folder)
    return tiktoken.parse(content, encoding.file, encoding.pattern, encoding.special_tokens)


def _content(encoding: Encoding, folder: PathLike | None) -> bytes:
    """Return the bytes of the published rank file."""
    place = encoding.find(folder)
    if place is not None:
        content = _read(place, encoding.n_bytes)
        if hashlib.sha256(content).hexdigest() == encoding.sha256:
            return content
        if place != encoding.cached:  # a damaged file in the cache is downloaded again
            raise FormatError(f"{place} is not the published {encoding.file}: its sha256 is another one")
    try:
        content = fetch(encoding.url, encoding.n_bytes, encoding.sha256)
    except DownloadError as error:
        raise DownloadError(
            f"{error}; to use a copy of {encoding.file}, set PYBPE_VOCABS to the folder that holds it"
        ) from None
    _keep(content, encoding.cached)
    return content


def _read(place: Path, n_bytes: int) -> bytes:
    with place.open("rb") as file:
        return file.read(n_bytes + 1)


def _keep(content: bytes, place: Path | None) -> None:
    """Write a download to the cache. Errors of writing are ignored unless the user named the folder."""
    if place is None:
        return
    named = "TIKTOKEN_CACHE_DIR" in os.environ or "DATA_GYM_CACHE_DIR" in os.environ
    with contextlib.nullcontext() if named else contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, content)
