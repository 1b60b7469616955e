"""rustbpe's face, for nanochat and its kin: `from pybpe.compat import rustbpe` instead of `import rustbpe`.

The same merges, ids and arguments. What is not the same: `encode` before training is an error, where rustbpe gives no
ids for any text; text that the pattern does not match is kept, where rustbpe drops it; a lone surrogate becomes U+FFFD,
where rustbpe raises; bytes that are not UTF-8 make `decode` raise UnicodeDecodeError; a `vocab_size` below 256 is a
ValueError, where rustbpe panics; and one of these can be pickled.
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
    """What rustbpe.Tokenizer is: empty when made, and trained in place."""

    def __init__(self) -> None:
        self._trained: PybpeTokenizer | None = None

    def train_from_iterator(
        self, iterator: Iterable[str], vocab_size: int, buffer_size: int = 8192, pattern: str | None = None
    ) -> None:
        """Learn up to `vocab_size` tokens from texts; fewer, in silence, if no pair is left to merge.

        pattern: a regular expression, None for GPT-4's. buffer_size: of no effect here.
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
        """The same as pybpe's own Tokenizer. Raises ValueError before training."""
        if self._trained is None:
            raise TrainingError("this tokenizer has learned nothing yet; call train_from_iterator first")
        return self._trained

    @property
    def vocab_size(self) -> int:
        """256 and the number of merges."""
        return BYTES if self._trained is None else self._trained.n_vocab

    def get_pattern(self) -> str:
        """The regular expression that splits text; empty before training."""
        return "" if self._trained is None else self._trained.pattern

    def get_mergeable_ranks(self) -> list[tuple[bytes, int]]:
        """(bytes, id) of all tokens by id, as tiktoken.Encoding takes them when made a dict."""
        if self._trained is None:
            return [(bytes([byte]), byte) for byte in range(BYTES)]
        return [(token, rank) for rank, token in self._trained.vocab.items()]

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        return self.tokenizer.encode_ordinary(text)

    def batch_encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, on all cores."""
        return self.tokenizer.encode_batch(texts, disallowed_special=())

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids. Raises ValueError for an id that has no token, UnicodeDecodeError if it is not UTF-8."""
        if self._trained is None:
            return bytes(ids).decode()
        return self._trained.decode(ids, errors="strict")
