"""Steps of normalizers over UTF-8: lower case and white space in one pass, and replacing one string by another."""

from typing import overload

class Folding:
    """Puts characters into lower case, and something in the place of white space. Immutable; any thread may use it."""

    def __init__(self, upper: str, lower: str, by: bytes | None = None) -> None:
        """upper, lower: characters below U+1F000 and the lower case of each; none to leave the case as it is.

        U+0130, whose lower case has two characters, must not be among them: it is known where `upper` is not empty.
        by: up to 4 bytes of UTF-8 that each run of white space becomes; None to leave white space as it is. Raises
        ValueError for other characters and sizes.
        """

    def apply(self, text: str | bytes) -> str | bytes:
        """Return the UTF-8 of what the text becomes; `text` itself where that is the same.

        Bytes that are no UTF-8 stay as they are. Raises UnicodeEncodeError for a str with a lone surrogate.
        """

@overload
def replace(text: bytes, old: bytes, new: bytes, before: bytes = b"") -> bytes: ...
@overload
def replace(text: str | bytes, old: bytes, new: bytes, before: bytes = b"") -> str | bytes:
    """Return the UTF-8 of a text in which `new` stands for each `old`, and `before` in front of all that is not empty.

    `text` itself where that is the same. Raises ValueError for an empty `old`, UnicodeEncodeError for a str with a lone
    surrogate.
    """
