"""transformers' face: a PreTrainedTokenizerFast with pybpe in front of its backend, and the same for one that is there.

Transformers does everything else as ever: special tokens, templates, padding, tensors, chat templates, saving. It knows
its backend by the attribute `_tokenizer`, and that is all that differs: see pybpe.compat.tokenizers.
"""

from __future__ import annotations

import tempfile
from typing import Any

from pybpe.compat.tokenizers import Tokenizer
from pybpe.definition import Definition
from pybpe.errors import FormatError, PybpeError
from pybpe.formats import huggingface
from pybpe.util.extras import extra_module

__all__ = ["PreTrainedTokenizerFast", "patch_transformers", "unpatch_transformers"]

_transformers = extra_module("transformers", "hf", "for its tokenizers")
_Base: Any = _transformers.PreTrainedTokenizerFast


class PreTrainedTokenizerFast(_Base):  # type: ignore[misc]
    """transformers' class of the same name, whose texts pybpe encodes; what it saves names transformers' class."""

    # No __init__ here: transformers would take a class that has one for a model's own, and build its backend anew.

    @classmethod
    def of(cls, definition: Definition) -> PreTrainedTokenizerFast:
        """The face of a definition: what transformers makes of the folder that `to_huggingface` writes.

        Raises ValueError for what such a folder cannot say, FormatError for what transformers does not take of it: what
        came along from a file can be wrong for transformers alone.
        """
        with tempfile.TemporaryDirectory() as folder:
            huggingface.write(definition, f"{folder}/tokenizer")
            try:
                made = cls.from_pretrained(f"{folder}/tokenizer")
            except Exception as error:
                raise FormatError(f"transformers cannot read this tokenizer's settings: {error}") from error
        made.name_or_path = ""
        made.init_kwargs.pop("name_or_path", None)
        return made  # type: ignore[no-any-return]

    @property
    def _tokenizer(self) -> Tokenizer | None:
        return self.__dict__.get("_pybpe")

    @_tokenizer.setter
    def _tokenizer(self, backend: Any) -> None:
        self.__dict__["_pybpe"] = Tokenizer(backend)


def patch_transformers(tokenizer: Any) -> Any:
    """Let pybpe encode and decode for a fast tokenizer of transformers, in place; the same object is returned.

    That is done only after pybpe has given what it gives on a set of probes. Otherwise the object stays as it is, and
    FormatError or ParityError says why, with the first difference. `unpatch_transformers` undoes it. Done twice it is
    done once. Raises TypeError for what is no fast tokenizer of transformers.
    """
    backend = _backend(tokenizer)
    if not isinstance(backend, Tokenizer):
        backend = Tokenizer(backend)
        backend.check()
        tokenizer._tokenizer = backend
    return tokenizer


def unpatch_transformers(tokenizer: Any) -> Any:
    """Undo `patch_transformers`; tokens and settings that came since stay. The same object is returned."""
    backend = _backend(tokenizer)
    if isinstance(tokenizer, PreTrainedTokenizerFast):
        raise PybpeError("the tokenizer was made by pybpe; for one without it save this and read it with transformers")
    if isinstance(backend, Tokenizer):
        tokenizer._tokenizer = backend.backend
    return tokenizer


def _backend(tokenizer: Any) -> Any:
    """What a tokenizer encodes with."""
    from tokenizers import Tokenizer as RealTokenizer

    backend = getattr(tokenizer, "_tokenizer", None)
    if not isinstance(tokenizer, _transformers.PreTrainedTokenizerBase):
        raise TypeError(f"tokenizer must be a fast tokenizer of transformers, not {type(tokenizer).__name__}")
    if not isinstance(backend, (RealTokenizer, Tokenizer)):
        raise TypeError(f"{type(tokenizer).__name__} is not a fast tokenizer; pybpe stands in for those only")
    return backend
