"""datatrove's steps that tokenize, with pybpe doing the work: `from pybpe.compat.datatrove import DocumentTokenizer`.

The same arguments, the same files byte for byte. Any other step of datatrove that has a tokenizer becomes one of these
by having `ByPybpe` before its class:

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
    """As datatrove's function of this name: a tokenizer.json by its path, or one on Hugging Face's hub by its name."""
    tokenization = extra_module("datatrove.utils.tokenization", "datatrove", "to load tokenizers as it does")
    return Tokenizer(tokenization.load_tokenizer(name_or_path))


class ByPybpe:
    """Goes before a step of datatrove whose `tokenizer` pybpe is to stand in for."""

    @functools.cached_property
    def tokenizer(self) -> Tokenizer:
        """What the step encodes with, and its end-of-text token put behind each document."""
        return Tokenizer(super().tokenizer)  # type: ignore[misc]


class DocumentTokenizer(ByPybpe, _DocumentTokenizer):  # type: ignore[misc]
    """Writes documents as ids, shuffled or not."""


class MegatronDocumentTokenizer(ByPybpe, _MegatronDocumentTokenizer):  # type: ignore[misc]
    """Writes documents as ids in Megatron's layout."""


class TokensCounter(ByPybpe, _TokensCounter):  # type: ignore[misc]
    """Counts the ids of documents."""
