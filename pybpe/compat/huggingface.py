"""The interface of transformers: PreTrainedTokenizerFast with pybpe, and a patch for existing tokenizers.

Only the backend in the attribute `_tokenizer` differs; see pybpe.compat.tokenizers. Special tokens, padding, tensors,
chat templates and saving are transformers' own code.
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
    """transformers' class of the same name, with pybpe as its backend; saved folders name transformers' class."""

    # There is no __init__: transformers would treat a class with one as specific to a model, and rebuild the backend.

    @classmethod
    def of(cls, definition: Definition) -> PreTrainedTokenizerFast:
        """Return the tokenizer that transformers loads from the folder that `to_huggingface` writes.

        Raises ValueError if such a folder cannot hold the definition, FormatError if transformers refuses the folder,
        such as for carried settings that pybpe does not use.
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
    """Make a fast tokenizer of transformers encode and decode with pybpe, in place, and return it.

    First, both are compared on a set of hard texts. If they differ, the object is not changed, and ParityError gives
    the first difference; FormatError says what pybpe does not support. `unpatch_transformers` undoes the patch.
    Patching twice has no further effect. Raises TypeError if the object is not a fast tokenizer of transformers.
    """
    backend = _backend(tokenizer)
    if not isinstance(backend, Tokenizer):
        backend = Tokenizer(backend)
        backend.check()
        tokenizer._tokenizer = backend
    return tokenizer


def unpatch_transformers(tokenizer: Any) -> Any:
    """Undo `patch_transformers` in place, and return the tokenizer; tokens and settings added since are kept."""
    backend = _backend(tokenizer)
    if isinstance(tokenizer, PreTrainedTokenizerFast):
        raise PybpeError("the tokenizer was made by pybpe; for one without it save this and read it with transformers")
    if isinstance(backend, Tokenizer):
        tokenizer._tokenizer = backend.backend
    return tokenizer


def _backend(tokenizer: Any) -> Any:
    """Return the backend of a fast tokenizer. Raises TypeError for any other object."""
    from tokenizers import Tokenizer as RealTokenizer

    backend = getattr(tokenizer, "_tokenizer", None)
    if not isinstance(tokenizer, _transformers.PreTrainedTokenizerBase):
        raise TypeError(f"tokenizer must be a fast tokenizer of transformers, not {type(tokenizer).__name__}")
    if not isinstance(backend, (RealTokenizer, Tokenizer)):
        raise TypeError(f"{type(tokenizer).__name__} is not a fast tokenizer; pybpe stands in for those only")
    return backend
