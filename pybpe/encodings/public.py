"""tiktoken's public encodings as Tokenizers, by the name of the encoding or of a model."""

from __future__ import annotations

import functools

from pybpe.encodings.rank_files import definition_of
from pybpe.encodings.registry import name_for_model
from pybpe.tokenizer import Tokenizer
from pybpe.util.files import PathLike


def get_encoding(name: str, *, folder: PathLike | None = None) -> Tokenizer:
    """Return a public encoding: gpt2, r50k_base, p50k_base, p50k_edit, cl100k_base, o200k_base or o200k_harmony.

        >>> get_encoding("cl100k_base").encode("hello world")
        [15339, 1917]

    The rank file is searched for in `folder`, in the folder that PYBPE_VOCABS names, and in tiktoken's folder of
    downloads (TIKTOKEN_CACHE_DIR). If it is in none of them, it is downloaded, checked and kept in the last one. Raises
    UnknownEncodingError for another name, DownloadError if the download fails, and FormatError for a file whose sha256
    is not the published one.
    """
    return Tokenizer(definition_of(name, folder)) if folder is not None else _kept(name)


def encoding_for_model(model: str, *, folder: PathLike | None = None) -> Tokenizer:
    """Return the public encoding that a model of OpenAI uses; see `get_encoding`.

        >>> encoding_for_model("gpt-4o").encode("hello world")
        [24912, 2375]

    Raises UnknownEncodingError, a KeyError as in tiktoken, for a model that is not known.
    """
    return get_encoding(name_for_model(model), folder=folder)


@functools.lru_cache(maxsize=8)
def _kept(name: str) -> Tokenizer:
    return Tokenizer(definition_of(name))
