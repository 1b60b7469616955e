"""Decoding of ids by joining the bytes of their tokens."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pybpe._core.vocab import Vocabulary

Ids = Sequence[int] | npt.NDArray[np.integer[Any]]

class Decoder:
    """A decoder that joins the bytes of tokens, special tokens included. Immutable.

    special_tokens: {id: bytes}. convert: a function that returns ids in other forms than list[int], tuple[int] and
    uint32 arrays as uint32[n], or raises an error. Every method raises TokenIdError for an id without a token.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        special_tokens: dict[int, bytes],
        convert: Callable[[Ids], npt.NDArray[np.uint32]],
    ) -> None: ...
    def token_bytes(self, token: int) -> bytes:
        """Return the bytes of one id."""
    def decode_bytes(self, ids: Ids) -> bytes:
        """Return the bytes of all ids, joined."""
    def decode(self, ids: Ids, errors: str) -> str:
        """Return the text of ids; `errors` as in bytes.decode."""
    def decode_batch(self, batch: Iterable[Ids], errors: str) -> list[str]:
        """Return the text of each sequence of ids."""
