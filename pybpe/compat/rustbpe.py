"""The interface of rustbpe, for nanochat and similar projects.

    from pybpe.compat import rustbpe

Merges, ids and arguments are those of rustbpe. The differences are:

- `encode` before training raises; rustbpe returns no ids for any text.
- Text that the pattern does not match is kept; rustbpe drops it.
- A lone surrogate becomes U+FFFD; rustbpe raises.
- `decode` raises UnicodeDecodeError for bytes that are not UTF-8.
- A `vocab_size` below 256 is a ValueError; rustbpe panics.
- A tokenizer can be pickled.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

from pybpe.errors import TrainingError
from pybpe.pretokenization.patterns import GPT4
from pybpe.tokenizer import Tokenizer as PybpeTokenizer
from pybpe.training.counts.word_counts import WordCounts

__all__ = ["Tokenizer"]

BYTES = 256


class Tokenizer:
    """A replacement for rustbpe.Tokenizer: empty when made, and trained in place."""

    def __init__(self) -> None:
        self._trained: PybpeTokenizer | None = None

    def train_from_iterator(
        self, iterator: Iterable[str], vocab_size: int, buffer_size: int = 8192, pattern: str | None = None
    ) -> None:
        """Learn up to `vocab_size` tokens from texts; fewer, without a warning, if no pair is left to merge.

        pattern: a regular expression, None for GPT-4's. buffer_size: ignored. Raises ValueError if `vocab_size` is
        below 256.
        """
        if vocab_size < BYTES:
            raise TrainingError(f"vocab_size is {vocab_size}, must be at least {BYTES}")
        counts = WordCounts(GPT4 if pattern is None else pattern)
        counts.update(iter(iterator))
        if not len(counts):
            counts.update(iter(["\0"]))  # one word of one byte, from which nothing is learned
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*too small for vocab_size")
            self._trained = PybpeTokenizer.train(counts, vocab_size, special_tokens=(), progress=False)

    @property
    def tokenizer(self) -> PybpeTokenizer:
        """The trained pybpe.Tokenizer. Raises ValueError before training."""
        if self._trained is None:
            raise TrainingError("this tokenizer has learned nothing yet; call train_from_iterator first")
        return self._trained

    @property
    def vocab_size(self) -> int:
        """The number of tokens: 256 plus the number of merges."""
        return BYTES if self._trained is None else self._trained.n_vocab

    def get_pattern(self) -> str:
        """Return the regular expression that splits text; "" before training."""
        return "" if self._trained is None else self._trained.pattern

    def get_mergeable_ranks(self) -> list[tuple[bytes, int]]:
        """Return (bytes, id) of all tokens by id; as a dict, they are mergeable_ranks of tiktoken.Encoding."""
        if self._trained is None:
            return [(bytes([byte]), byte) for byte in range(BYTES)]
        return [(token, rank) for rank, token in self._trained.vocab.items()]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text. Raises ValueError before training."""
        return self.tokenizer.encode_ordinary(text)

    def batch_encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, encoded on all cores. Raises ValueError before training."""
        return self.tokenizer.encode_batch(texts, disallowed_special=())

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids. Raises ValueError for an unknown id, UnicodeDecodeError if the text is not UTF-8."""
        if self._trained is None:
            return bytes(ids).decode()
        return self._trained.decode(ids, errors="strict")
