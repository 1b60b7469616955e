"""pybpe: byte-pair encoding from raw text to a talking model."""

from pybpe.errors import FormatError, PybpeError, ShardError, SpecialTokenError, TokenIdError, TrainingError

try:
    from pybpe.tokenizer import Tokenizer
    from pybpe.training import WordCounts
except ModuleNotFoundError as error:
    if (error.name or "").startswith("pybpe._core"):
        raise ImportError(
            f"{__path__[0]} is pybpe's source, which is not compiled: start Python in another folder to use the "
            "installed pybpe, or compile in place with: pip install -e ."
        ) from error
    raise

__version__ = "0.1.0"

__all__ = [
    "FormatError",
    "PybpeError",
    "ShardError",
    "SpecialTokenError",
    "TokenIdError",
    "Tokenizer",
    "TrainingError",
    "WordCounts",
]
