"""A growing buffer of uint32 token ids."""

from array import array

import numpy as np
import numpy.typing as npt

class IdBuffer:
    """Token ids in one block of memory, which also exports the buffer protocol.

    Without `kept`, ids are counted and forgotten: `len` is right, the rest is empty.
    """

    kept: bool
    def __init__(self, *, kept: bool = True, expected: int = 0) -> None:
        """`expected`: of how many bytes of text ids will come, so that memory is taken once."""
    def append(self, token: int) -> None:
        """Add one id. Raises BufferError once an array looks at the ids."""
    def unite(self, start: int, token: int) -> None:
        """Make one of each run of `token` among the ids from `start` on, which must be kept."""
    def take(self, other: IdBuffer) -> None:
        """Move all ids of another buffer to the end of this. Raises BufferError once an array looks at either."""
    def clear(self) -> None:
        """Forget all ids and keep the memory for new ones."""
    def to_list(self, table: list[int]) -> list[int]:
        """The ids as a list whose items are taken from `table`, which is list(range(n)) for n above every id."""
    def to_lists(self, table: list[int], offsets: array[int] | npt.NDArray[np.int64]) -> list[list[int]]:
        """As `to_list` for each part ids[offsets[i]:offsets[i + 1]]; `offsets` are 64-bit integers.

        The garbage collector does not know of the lists until `track` is called with them.
        """
    def to_numpy(self) -> npt.NDArray[np.uint32]:
        """The ids as uint32[n], without a copy."""
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

def track(lists: list[list[int]]) -> None:
    """Let the garbage collector know of the lists of `to_lists`.

    Done once, when all lists are there: each turn of the collector between would look at every id of those that are.
    """

class Rows:
    """Flat numbers as rows, without a copy: memoryview(Rows(flat, 3)) is uint32[n, 3], read-only."""

    def __init__(self, flat: IdBuffer | array[int], width: int) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
