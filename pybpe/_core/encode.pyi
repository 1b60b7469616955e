"""Encoding of text: split it, merge each word, and cache the ids of words."""

from array import array

import numpy as np
import numpy.typing as npt

from pybpe._core.emission import Emission
from pybpe._core.ids import IdBuffer
from pybpe._core.marks import Marks
from pybpe._core.merge import MergeTable
from pybpe._core.splitter import Splitter
from pybpe._core.vocab import Vocabulary

class Encoder:
    """An encoder with a cache of words. Immutable otherwise; any number of threads may use one.

    vocabulary: the tokens, or with an `emission` the symbols that are merged. splitter: None if the caller splits.
    ignore_merges: True if a word that is a token becomes this token, whatever merging would give. emission: the ids of
    each symbol. marks: the changes to words before they are merged; dropout ignores them.

    Text is str or bytes. Every method appends ids to `out` and releases the GIL for long texts.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        merges: MergeTable,
        splitter: Splitter | None,
        ignore_merges: bool,
        emission: Emission | None = None,
        marks: Marks | None = None,
    ) -> None: ...
    cache_bytes: int
    @property
    def has_tables(self) -> bool:
        """True if the tables for long words are built, which happens after the first 256 KB of long words."""
    def limit_cache(self, limit: int) -> None:
        """Set the maximum memory of the cache of one running call, in bytes."""
    def encode(self, text: str | bytes, out: IdBuffer) -> None:
        """Split by the compiled splitter and encode. Raises UnicodeEncodeError for a str with lone surrogates."""
    def encode_split(self, text: str | bytes, ends: npt.NDArray[np.int64] | array[int], out: IdBuffer) -> None:
        """Encode a text that is split already. ends: where each word ends, in bytes, int64[n_words]."""
    def encode_with_dropout(self, words: list[bytes], p: float, seed: int, out: IdBuffer) -> None:
        """Merge each word, leaving out each possible merge of each step with probability `p`."""
