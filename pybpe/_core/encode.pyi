"""Text to ids."""

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
    """Splits text, merges each word, and remembers what words encode to. Immutable; any number of threads may call it.

    With `ignore_merges`, a word that is itself a token is that token, whatever merging would give. With an `emission`,
    `vocabulary` has the symbols that are merged, and that says which ids they are. Words are merged as `marks` makes them,
    but with dropout. `text` is str or bytes everywhere. Every method appends to `out`, and lets go of the GIL on long
    texts.
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
        """Whether the tables for long words are built: after the first 256 KB of them."""
    def limit_cache(self, limit: int) -> None:
        """The most memory, in bytes, that the cache of one running call takes from now on."""
    def encode(self, text: str | bytes, out: IdBuffer) -> None:
        """Encode by the compiled splitter. Raises UnicodeEncodeError for a str with lone surrogates."""
    def encode_split(self, text: str | bytes, ends: npt.NDArray[np.int64] | array[int], out: IdBuffer) -> None:
        """Encode text whose words end at these places, in bytes."""
    def encode_with_dropout(self, words: list[bytes], p: float, seed: int, out: IdBuffer) -> None:
        """Merge each word, at each step leaving out every possible merge with probability p."""
