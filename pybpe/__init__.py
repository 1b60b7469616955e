"""pybpe: byte-pair encoding from raw text to a talking model."""

from pybpe.errors import FormatError, PybpeError, ShardError, SpecialTokenError, TokenIdError, TrainingError
from pybpe.tokenizer import Tokenizer
from pybpe.training import WordCounts

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
