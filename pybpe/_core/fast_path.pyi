"""The fast path: encoding of one text in compiled code alone."""

from array import array
from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from typing import Literal

from pybpe._core.encode import Encoder
from pybpe._core.ids import IdBuffer
from pybpe._core.names import Plan

class FastPath:
    """An encoder of one text at a time, by an Encoder with a compiled splitter. Any number of threads may use one.

    A method returns None or False for a text that it does not serve: one with a refused name or a lone surrogate.
    allowed, disallowed: tiktoken's policy, sets of names or "all".
    """

    def __init__(
        self,
        core: Encoder,
        plan_of: Callable[[AbstractSet[str] | Literal["all"], Collection[str] | Literal["all"]], Plan | None],
        n_vocab: int,
        only_str: bool = False,
        prepare: Callable[[str], str | bytes] | None = None,
    ) -> None:
        """Store the arguments.

        plan_of: a function that returns the plan of a policy; None if no text can be served under it. only_str: True if
        bytes are not served. prepare: a function that normalizes a text before it is split; bytes are not served then.
        """
    @property
    def ints(self) -> list[int]:
        """The int objects of all ids, list(range(n_vocab)), which lists of ids share. Made at the first use."""
    def to_list(
        self,
        text: str | bytes,
        allowed: AbstractSet[str] | Literal["all"],
        disallowed: Collection[str] | Literal["all"],
    ) -> list[int] | None:
        """Return the ids of a text. Raises TypeError if it is neither str nor bytes."""
    def to_list_ordinary(self, text: str | bytes) -> list[int] | None:
        """Return the ids of a text. Special tokens in it are encoded as ordinary text."""
    def count(self, text: str | bytes) -> int | None:
        """Return the number of ids that `to_list_ordinary` gives."""
    def append(
        self,
        text: str | bytes,
        allowed: AbstractSet[str] | Literal["all"],
        disallowed: Collection[str] | Literal["all"],
        out: IdBuffer,
    ) -> bool:
        """Append the ids of a text to `out`. Return False, with `out` unchanged, for a text that is not served."""
    def append_many(
        self,
        texts: list[str | bytes],
        allowed: AbstractSet[str] | Literal["all"],
        disallowed: Collection[str] | Literal["all"],
        out: IdBuffer,
        offsets: array[int],
    ) -> bool:
        """Append the ids of several texts. Return False if one of them is not served.

        offsets: int64[len(texts) + 1], filled so that the ids of text i are out[offsets[i]:offsets[i + 1]].
        """
    def has_names(
        self,
        text: str | bytes,
        allowed: AbstractSet[str] | Literal["all"],
        disallowed: Collection[str] | Literal["all"],
    ) -> bool:
        """Return True if a text has, or may have, a name that is taken or refused under this policy.

        With `prepare` this is not known, and True is returned.
        """
