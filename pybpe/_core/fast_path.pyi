"""The way of the common calls: one text to ids without Python code in between."""

from array import array
from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from typing import Literal

from pybpe._core.encode import Encoder
from pybpe._core.ids import IdBuffer
from pybpe._core.names import Plan

class FastPath:
    """Encodes one text at a time by an Encoder with a compiled splitter. Any number of threads may call it.

    A method returns None, or False, for a text that it does not serve: one with a refused name or a lone surrogate.
    `allowed` and `disallowed` are tiktoken's: "all" or sets of names.
    """

    def __init__(
        self,
        core: Encoder,
        plan_of: Callable[[AbstractSet[str] | Literal["all"], Collection[str] | Literal["all"]], Plan | None],
        n_vocab: int,
        only_str: bool = False,
        prepare: Callable[[str], str | bytes] | None = None,
    ) -> None:
        """`plan_of` says what names mean under a policy: None if no text can be served under it.

        `only_str`: bytes are not served. `prepare` makes of a text the one that is encoded; bytes are not served then.
        """
    @property
    def ints(self) -> list[int]:
        """The int object of every id, list(range(n_vocab)): lists of ids share them. Made when first asked for."""
    def to_list(
        self,
        text: str | bytes,
        allowed: AbstractSet[str] | Literal["all"],
        disallowed: Collection[str] | Literal["all"],
    ) -> list[int] | None:
        """Return the ids of a text. Raises TypeError for what is neither str nor bytes."""
    def to_list_ordinary(self, text: str | bytes) -> list[int] | None:
        """Return the ids of a text in which special tokens are ordinary text."""
    def count(self, text: str | bytes) -> int | None:
        """Return the number of ids that `to_list_ordinary` gives."""
    def append(
        self,
        text: str | bytes,
        allowed: AbstractSet[str] | Literal["all"],
        disallowed: Collection[str] | Literal["all"],
        out: IdBuffer,
    ) -> bool:
        """Append the ids of a text to `out`; False, and `out` as it was, for a text that is not served."""
    def append_many(
        self,
        texts: list[str | bytes],
        allowed: AbstractSet[str] | Literal["all"],
        disallowed: Collection[str] | Literal["all"],
        out: IdBuffer,
        offsets: array[int],
    ) -> bool:
        """Append the ids of several texts, text i from offsets[i] to offsets[i + 1]; False if one of them is not served."""
    def has_names(
        self,
        text: str | bytes,
        allowed: AbstractSet[str] | Literal["all"],
        disallowed: Collection[str] | Literal["all"],
    ) -> bool:
        """Return True if a text has a name that is taken or refused under this policy, or may have one.

        Of texts that are prepared it is not known.
        """
