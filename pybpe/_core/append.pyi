"""Encoding of a text that grows at its end."""

from array import array

from pybpe._core.automaton import AutomatonSplitter
from pybpe._core.emission import Emission
from pybpe._core.marks import Marks
from pybpe._core.merge import MergeTable
from pybpe._core.vocab import Vocabulary

class AppendRules:
    """The rules to encode ordinary text: a pattern, merges, and changes to words. Immutable.

    ignore_merges: True if a word that is a token becomes this token. emission: the ids of each symbol; None if symbols
    are tokens. marks: the changes to words before they are merged; None for none. dropped: the bytes that are left out
    of words. unknown: the unknown token, of whose runs only the first id is kept; None for none. Raises ValueError for
    dropped bytes together with marks or ignore_merges.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        merges: MergeTable,
        splitter: AutomatonSplitter,
        *,
        ignore_merges: bool,
        emission: Emission | None,
        marks: Marks | None,
        dropped: bytes,
        unknown: int | None,
    ) -> None: ...

class GrowingIds:
    """The ids of segments of text, each split into words by itself, with ids between them.

    Text is UTF-8. It must be fed in whole characters: an incomplete one counts as bytes that are not UTF-8.
    """

    def __init__(self, rules: AppendRules) -> None: ...
    def feed(self, content: bytes) -> None:
        """Add text to the current segment."""
    def put(self, token: int) -> None:
        """End the current segment and add an id."""
    def take(self, ids: array[int] | memoryview, segment_start: int) -> None:
        """Add ids, uint32[n], unchanged. The current segment then begins at the id with number `segment_start`.

        Raises ValueError if the current segment has text, or if there are fewer ids.
        """
    def count_with(self, tail: list[bytes | int]) -> int:
        """Return the number of ids if `tail`, text and ids, followed."""
    def ids_with(self, tail: list[bytes | int], ints: list[int]) -> list[int]:
        """Return the ids if `tail`, text and ids, followed. ints: the int objects of all ids."""
    @property
    def open_text(self) -> bytes:
        """The text whose ids may still change: from the first word on that is not settled."""
    @property
    def settled(self) -> tuple[bytes, int]:
        """The ids before `open_text` as native uint32, and the number of the first id of the current segment."""
    def copy(self) -> GrowingIds:
        """Return an independent copy, in time linear in the ids and the open text."""
