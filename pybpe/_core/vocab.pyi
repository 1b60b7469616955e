"""The tokens of a vocabulary, by id and by bytes."""

import numpy as np
import numpy.typing as npt

class Vocabulary:
    """An immutable list of tokens: their bytes joined, and uint32[n] sizes. Size 0 is a hole: an id without a token."""

    def __init__(self, blob: bytes, sizes: npt.NDArray[np.uint32]) -> None: ...
    def __len__(self) -> int: ...
    @property
    def joined(self) -> bytes:
        """The bytes of all tokens, one after the other."""
    def token_id(self, token: bytes) -> int | None:
        """The smallest id with these bytes, or None."""
    def token_bytes(self, token: int) -> bytes:
        """The bytes of an id. Raises TokenIdError for an id that has no token."""
    def to_list(self) -> list[bytes]:
        """All tokens, in the order of their ids; holes are empty."""
    def decode(self, ids: npt.NDArray[np.uint32]) -> bytes:
        """The bytes of a contiguous array of ids, joined. Raises TokenIdError for an id that has no token."""
