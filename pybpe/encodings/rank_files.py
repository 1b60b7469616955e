"""Public encodings by name: from a file on this machine, or downloaded once and kept."""

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
    """A public encoding. Raises UnknownEncodingError, DownloadError, or FormatError for a file that is another one."""
    encoding = by_name(name)
    content = _content(encoding, folder)
    return tiktoken.parse(content, encoding.file, encoding.pattern, encoding.special_tokens)


def _content(encoding: Encoding, folder: PathLike | None) -> bytes:
    """The bytes of the rank file, which are those that were published."""
    place = encoding.find(folder)
    if place is not None:
        content = _read(place, encoding.n_bytes)
        if hashlib.sha256(content).hexdigest() == encoding.sha256:
            return content
        if place != encoding.cached:  # a cached file that is damaged is fetched again
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
    """Keep a download. Where the user named no folder for it, one that cannot be written to is no error."""
    if place is None:
        return
    named = "TIKTOKEN_CACHE_DIR" in os.environ or "DATA_GYM_CACHE_DIR" in os.environ
    with contextlib.nullcontext() if named else contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, content)
