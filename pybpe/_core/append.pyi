"""Ids of a text that grows at its end."""

from array import array

from pybpe._core.automaton import AutomatonSplitter
from pybpe._core.emission import Emission
from pybpe._core.marks import Marks
from pybpe._core.merge import MergeTable
from pybpe._core.vocab import Vocabulary

class AppendRules:
    """What makes ids of ordinary text: a pattern, merges, and what is done with words. Immutable.

    ignore_merges: True if a word that is a token is that token. emission: what each symbol is written as; None where
    symbols are tokens. marks: what is done to words before they are merged; None for nothing. dropped: bytes that are
    left out of words. unknown: the id of which only one is kept of several in a row; None for none. Raises ValueError
    for bytes left out together with marks or whole words.
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
    """The ids of a text in pieces, each split into words on its own, with ids between them.

    All text is UTF-8; a byte that is none is one for good, so a character must not be cut.
    """

    def __init__(self, rules: AppendRules) -> None: ...
    def feed(self, content: bytes) -> None:
        """Add text to the present piece."""
    def put(self, token: int) -> None:
        """End the piece and add an id."""
    def take(self, ids: array[int] | memoryview, piece: int) -> None:
        """Add uint32[n] ids as they are; the present piece of text begins with id number `piece`.

        Raises ValueError if the present piece has text, or if there are fewer ids.
        """
    def count_with(self, tail: list[bytes | int]) -> int:
        """Return how many ids there would be if `tail`, text and ids, followed."""
    def ids_with(self, tail: list[bytes | int], ints: list[int]) -> list[int]:
        """Return the ids that there would be if `tail`, text and ids, followed. ints: the int object of every id."""
    @property
    def open_text(self) -> bytes:
        """The text from the first word on that is not settled."""
    @property
    def settled(self) -> tuple[bytes, int]:
        """(the ids before `open_text` as native uint32, the number of the first id of the present piece)."""
    def copy(self) -> GrowingIds:
        """Return another with the same content. It takes time by the ids and the open text."""
