"""tiktoken's public encodings as Tokenizers, by their names and by those of models."""

from __future__ import annotations

import functools

from pybpe.encodings.rank_files import definition_of
from pybpe.encodings.registry import name_for_model
from pybpe.tokenizer import Tokenizer
from pybpe.util.files import PathLike


def get_encoding(name: str, *, folder: PathLike | None = None) -> Tokenizer:
    """A public encoding: gpt2, r50k_base, p50k_base, p50k_edit, cl100k_base, o200k_base or o200k_harmony.

    Its rank file is looked for in `folder`, in the folder that PYBPE_VOCABS names, and where tiktoken keeps its
    downloads (TIKTOKEN_CACHE_DIR); if it is in none of them it is downloaded, checked and kept there. Raises
    UnknownEncodingError, DownloadError, and FormatError for a file that is not the published one.
    """
    return Tokenizer(definition_of(name, folder)) if folder is not None else _kept(name)


def encoding_for_model(model: str, *, folder: PathLike | None = None) -> Tokenizer:
    """The public encoding that a model of OpenAI uses, such as "gpt-4o"; see `get_encoding`.

    Raises UnknownEncodingError, which is a KeyError as in tiktoken, for a model that is not known.
    """
    return get_encoding(name_for_model(model), folder=folder)


@functools.lru_cache(maxsize=8)
def _kept(name: str) -> Tokenizer:
    return Tokenizer(definition_of(name))
