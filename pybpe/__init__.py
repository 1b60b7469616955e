"""pybpe: byte-pair encoding from raw text to a talking model."""

from __future__ import annotations

TYPE_CHECKING = False  # as in typing, whose import takes longer than the rest of this module
if TYPE_CHECKING:
    from pybpe.encodings.public import encoding_for_model, get_encoding
    from pybpe.errors import (
        ChatTemplateError,
        DownloadError,
        FormatError,
        MissingPackageError,
        ParityError,
        PybpeError,
        SandboxError,
        ShardError,
        SpecialTokenError,
        TokenIdError,
        TrainingError,
        UnknownEncodingError,
    )
    from pybpe.tokenizer import Tokenizer
    from pybpe.training.counts.word_counts import WordCounts

__version__ = "0.1.0"

__all__ = [
    "ChatTemplateError",
    "DownloadError",
    "FormatError",
    "MissingPackageError",
    "ParityError",
    "PybpeError",
    "SandboxError",
    "ShardError",
    "SpecialTokenError",
    "TokenIdError",
    "Tokenizer",
    "TrainingError",
    "UnknownEncodingError",
    "WordCounts",
    "encoding_for_model",
    "get_encoding",
]

_HOMES = {  # {public name: module}; all other names are in pybpe.errors
    "Tokenizer": "pybpe.tokenizer",
    "WordCounts": "pybpe.training.counts.word_counts",
    "encoding_for_model": "pybpe.encodings.public",
    "get_encoding": "pybpe.encodings.public",
}


def __getattr__(name: str) -> object:
    """Return a public name, importing its module at the first use, so that `import pybpe` is fast."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        found: object = getattr(import_module(_HOMES.get(name, "pybpe.errors")), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("pybpe._core"):
            raise ImportError(
                f"{__path__[0]} is pybpe's source, which is not compiled: start Python in another folder to use the "
                "installed pybpe, or compile in place with: pip install -e ."
            ) from error
        raise
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
