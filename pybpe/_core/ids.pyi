"""A growing buffer of uint32 token ids."""

from array import array

import numpy as np
import numpy.typing as npt

class IdBuffer:
    """Token ids in one block of memory, with the buffer protocol.

    kept: False to count ids without keeping them: `len` is right, and everything else is empty.
    """

    kept: bool
    def __init__(self, *, kept: bool = True, expected: int = 0) -> None:
        """Make an empty buffer. expected: the bytes of text to encode into it, to allocate its memory once."""
    def append(self, token: int) -> None:
        """Append one id. Raises BufferError if an array shares the memory."""
    def unite(self, start: int, token: int) -> None:
        """Replace each run of `token` among the ids from `start` on by one id. The ids must be kept."""
    def take(self, other: IdBuffer) -> None:
        """Move all ids of another buffer to the end of this one. Raises BufferError if an array shares the memory."""
    def clear(self) -> None:
        """Remove all ids and keep the memory for new ones."""
    def to_list(self, table: list[int]) -> list[int]:
        """Return the ids as a list. table: the int objects to use, list(range(n)) with n above every id."""
    def to_lists(self, table: list[int], offsets: array[int] | npt.NDArray[np.int64]) -> list[list[int]]:
        """Return the ids of each part ids[offsets[i]:offsets[i + 1]] as a list; see `to_list`. offsets: int64[n + 1].

        The garbage collector does not track the lists until `track` is called with them.
        """
    def to_numpy(self) -> npt.NDArray[np.uint32]:
        """Return the ids as uint32[n], without a copy."""
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

def track(lists: list[list[int]]) -> None:
    """Make the garbage collector track the lists of `to_lists`.

    Call it once, when all lists are complete: each collection in between would visit every id.
    """

class Rows:
    """A view of a flat array as rows, without a copy: memoryview(Rows(flat, 3)) is uint32[n, 3], read-only."""

    def __init__(self, flat: IdBuffer | array[int], width: int) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
