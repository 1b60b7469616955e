"""The class Vocabulary: tokens by id and by bytes."""

from array import array

import numpy as np
import numpy.typing as npt

from pybpe._core.ids import IdBuffer

class Vocabulary:
    """An immutable list of tokens.

    blob: their joined bytes. sizes: the size of each in bytes, uint32[n]; 0 for an id without a token.
    empty: the id of the empty token, which no text is encoded to; None for none. Raises ValueError for sizes that do not
    add up to the size of `blob`, and for an `empty` that is not an id or whose size is not 0.
    """

    def __init__(
        self, blob: bytes, sizes: array[int] | IdBuffer | npt.NDArray[np.uint32], empty: int | None = None
    ) -> None: ...
    empty: int | None
    """The id of the empty token, None if there is none."""
    def __len__(self) -> int: ...
    has_twins: bool
    """True if two tokens have the same bytes."""
    @property
    def joined(self) -> bytes:
        """The bytes of all tokens, joined."""
    def token_id(self, token: bytes) -> int | None:
        """Return the smallest id with these bytes, None if there is none."""
    def has(self, token: int) -> bool:
        """Return True if this id has a token."""
    def token_bytes(self, token: int) -> bytes:
        """Return the bytes of an id. Raises TokenIdError for an id without a token."""
    def to_list(self) -> list[bytes]:
        """Return all tokens in the order of their ids; b"" for an id without a token."""
    def sizes(self) -> IdBuffer:
        """Return the size of each token in bytes, uint32[n]."""
    @property
    def longest(self) -> int:
        """The size of the longest token, in bytes."""
    def wrong_merge(self, merges: memoryview) -> int | None:
        """Return the number of the first row (left, right, token) whose token is not left + right; None if all are.

        merges: uint32[n, 3].
        """
