"""Special and added tokens found in text by their names."""

from collections.abc import Mapping

class Names:
    """A set of strings, each with a token id, to be found in UTF-8 text. Immutable.

    Of several names that begin at one place the longest is found.
    """

    def __init__(self, tokens: Mapping[str, int], form: int = -1) -> None:
        """`tokens`: name -> id, at least one name, none empty.

        `form`: which form of the search to use, 0 portable, 1 with vectors; -1 for the best. Raises ValueError for one
        that this processor does not have, UnicodeEncodeError for a name with a lone surrogate.
        """
    def first_in(self, text: str | bytes, start: int = 0) -> tuple[int, int, int] | None:
        """Return (start, end, id) of the first name from `start` on, in bytes of UTF-8; None if there is none.

        Raises UnicodeEncodeError for a str with a lone surrogate.
        """

class Plan:
    """What the names in a text mean to one call: those `taken` become their ids, a text with one `refused` is not encoded.

    A text with one of the names `apart` is not encoded either: these are searched for before the text is prepared.
    """

    def __init__(
        self, taken: Names | None = None, refused: Names | None = None, apart: Names | None = None
    ) -> None: ...
