"""Encoding of many texts into one block of memory, on any number of threads."""

from array import array
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal

from pybpe._core.fast_path import FastPath
from pybpe._core.ids import IdBuffer

class Batch:
    """The work of encoding a list of texts, which several threads may do at once. It can be used once."""

    def __init__(
        self,
        fast: FastPath,
        texts: Sequence[str | bytes],
        allowed: AbstractSet[str] | Literal["all"],
        disallowed: Collection[str] | Literal["all"],
        offsets: array[int],
        part_bytes: int,
    ) -> None:
        """Divide the texts into parts. Raises TypeError for a text that is neither str nor bytes.

        offsets: int64[len(texts) + 1], filled so that the ids of text i are ids[offsets[i]:offsets[i + 1]].
        part_bytes: the minimum size of a part, the texts that a thread takes at a time, in bytes.
        """
    @property
    def parts(self) -> int:
        """The number of parts, which is the maximum useful number of threads."""
    def run(self, signals: bool = False) -> None:
        """Encode parts until none is left, the fast path refuses a text, or `stop` is called.

        signals: True to run Python's signal handlers between parts, as for Ctrl-C; for the main thread only.
        """
    def stop(self) -> None:
        """Make every `run` end after its current part."""
    def finish(self) -> IdBuffer | None:
        """Return the ids of all texts, after every `run` has ended; None if the fast path refused a text."""
