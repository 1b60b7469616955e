"""The tokens of a vocabulary, by id and by bytes."""

from array import array

import numpy as np
import numpy.typing as npt

from pybpe._core.ids import IdBuffer

class Vocabulary:
    """An immutable list of tokens: their bytes joined, and uint32[n] sizes. Size 0 is a hole: an id without a token.

    empty: the id of size 0 that is a token nevertheless, without bytes, which no text becomes; None if there is none.
    Raises ValueError for sizes that do not add up, and for an `empty` outside the ids or with bytes.
    """

    def __init__(
        self, blob: bytes, sizes: array[int] | IdBuffer | npt.NDArray[np.uint32], empty: int | None = None
    ) -> None: ...
    empty: int | None
    """The id of the token without bytes."""
    def __len__(self) -> int: ...
    has_twins: bool
    """Whether two tokens have the same bytes."""
    @property
    def joined(self) -> bytes:
        """The bytes of all tokens, one after the other."""
    def token_id(self, token: bytes) -> int | None:
        """The smallest id with these bytes, or None."""
    def has(self, token: int) -> bool:
        """Whether this id has a token."""
    def token_bytes(self, token: int) -> bytes:
        """The bytes of an id. Raises TokenIdError for an id that has no token."""
    def to_list(self) -> list[bytes]:
        """All tokens, in the order of their ids; holes are empty."""
    def sizes(self) -> IdBuffer:
        """The bytes of each token, uint32[n]."""
    @property
    def longest(self) -> int:
        """The bytes of the longest token."""
    def wrong_merge(self, merges: memoryview) -> int | None:
        """The number of the first row (left, right, token) that does not join two tokens to a third; None if all do."""
