"""Many texts to ids in one block of memory, by any number of threads."""

from array import array
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal

from pybpe._core.fast_path import FastPath
from pybpe._core.ids import IdBuffer

class Batch:
    """The work of encoding a list of texts, which any number of threads may do at once. For one use."""

    def __init__(
        self,
        fast: FastPath,
        texts: Sequence[str | bytes],
        allowed: AbstractSet[str] | Literal["all"],
        disallowed: Collection[str] | Literal["all"],
        offsets: array[int],
        part_bytes: int,
    ) -> None:
        """Take the texts. Raises TypeError for one that is neither str nor bytes.

        `offsets`: int64[len(texts) + 1], filled so that text i has the ids offsets[i] to offsets[i + 1] of the result.

        `part_bytes`: the texts that a thread takes at a time have at least so many bytes.
        """
    @property
    def parts(self) -> int:
        """How many parts there are: more threads have nothing to do."""
    def run(self, signals: bool = False) -> None:
        """Encode parts until there are none, or until a text cannot be served or `stop` was called.

        `signals`: run Python's signal handlers between parts, such as that of Ctrl-C; only for the main thread of use.
        """
    def stop(self) -> None:
        """Let every `run` end after the part that it is at."""
    def finish(self) -> IdBuffer | None:
        """Return the ids of all texts, after every `run` has ended; None if `fast` does not serve one of the texts."""
