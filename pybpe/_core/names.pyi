"""The search for special and added tokens in text, by their names."""

from collections.abc import Mapping

class Names:
    """A set of strings with ids, and the search for them in UTF-8 text. Immutable.

    Of several names that begin at one position, the longest is found.
    """

    def __init__(self, tokens: Mapping[str, int], form: int = -1) -> None:
        """Prepare the search. tokens: {name: id}, at least one name, none empty.

        form: the implementation, 0 portable, 1 with vector instructions, -1 for the fastest. Raises ValueError for an
        implementation that this processor does not support, UnicodeEncodeError for a name with a lone surrogate.
        """
    def first_in(self, text: str | bytes, start: int = 0) -> tuple[int, int, int] | None:
        """Return (start, end, id) of the first name from `start` on, in bytes of the UTF-8; None if there is none.

        Raises UnicodeEncodeError for a str with a lone surrogate.
        """

class Plan:
    """The names that one call of the fast path searches for.

    taken: names that become their ids. refused: names of which a text may hold none. apart: such names too, searched
    for before the text is normalized. The fast path does not serve a text with one of the latter two.
    """

    def __init__(
        self, taken: Names | None = None, refused: Names | None = None, apart: Names | None = None
    ) -> None: ...
