"""datatrove's pipeline steps that tokenize, with pybpe as the tokenizer.

    from pybpe.compat.datatrove import DocumentTokenizer

The arguments are the same, and the files are equal byte for byte. Any other step of datatrove that has a tokenizer uses
pybpe if `ByPybpe` comes before its class:

    class TokenStats(ByPybpe, datatrove.pipeline.stats.TokenStats): ...
"""

from __future__ import annotations

import functools
from typing import Any

from pybpe.compat.tokenizers import Tokenizer
from pybpe.util.extras import extra_module

__all__ = ["ByPybpe", "DocumentTokenizer", "MegatronDocumentTokenizer", "TokensCounter", "load_tokenizer"]

_steps = extra_module("datatrove.pipeline.tokens", "datatrove", "for its steps")
_DocumentTokenizer: Any = _steps.DocumentTokenizer
_MegatronDocumentTokenizer: Any = _steps.MegatronDocumentTokenizer
_TokensCounter: Any = _steps.TokensCounter


def load_tokenizer(name_or_path: str) -> Tokenizer:
    """Load a tokenizer.json by its path, or a tokenizer of Hugging Face's hub by its name, as datatrove does."""
    tokenization = extra_module("datatrove.utils.tokenization", "datatrove", "to load tokenizers as it does")
    return Tokenizer(tokenization.load_tokenizer(name_or_path))


class ByPybpe:
    """A mixin that makes pybpe the tokenizer of a step of datatrove."""

    @functools.cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that the step encodes with, which adds its end-of-text token to each document."""
        return Tokenizer(super().tokenizer)  # type: ignore[misc]


class DocumentTokenizer(ByPybpe, _DocumentTokenizer):  # type: ignore[misc]
    """A step that writes documents as ids, shuffled or not."""


class MegatronDocumentTokenizer(ByPybpe, _MegatronDocumentTokenizer):  # type: ignore[misc]
    """A step that writes documents as ids in Megatron's layout."""


class TokensCounter(ByPybpe, _TokensCounter):  # type: ignore[misc]
    """A step that counts the tokens of documents."""
