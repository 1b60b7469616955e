"""Ids to text."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pybpe._core.vocab import Vocabulary

Ids = Sequence[int] | npt.NDArray[np.integer[Any]]

class Decoder:
    """The bytes of every id of a vocabulary and its special tokens, laid out for copying. Immutable.

    Lists and tuples of int and arrays of uint32 are read as they are; `convert` makes uint32 of any other form, or
    raises the error that says what is wrong with it. Every method raises TokenIdError for an id that has no token.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        special_tokens: dict[int, bytes],
        convert: Callable[[Ids], npt.NDArray[np.uint32]],
    ) -> None: ...
    def token_bytes(self, token: int) -> bytes:
        """The bytes of one id."""
    def decode_bytes(self, ids: Ids) -> bytes:
        """The bytes of all, joined."""
    def decode(self, ids: Ids, errors: str) -> str:
        """Those as text; `errors` as in bytes.decode."""
    def decode_batch(self, batch: Iterable[Ids], errors: str) -> list[str]:
        """The text of each."""
