"""Normalization steps on UTF-8: lower case and white space in one pass, and replacement of a string."""

from typing import overload

class Folding:
    """A function that makes text lower case and replaces runs of white space. Immutable; any thread may use one."""

    def __init__(self, upper: str, lower: str, by: bytes | None = None) -> None:
        """Prepare the tables. Raises ValueError for other characters and sizes than these.

        upper, lower: characters below U+1F000, and the lower case of each; "" to leave the case unchanged. U+0130, whose
        lower case has two characters, is built in and must not be among them. by: up to 4 bytes of UTF-8 that replace
        each run of white space; None to leave white space unchanged.
        """

    def apply(self, text: str | bytes) -> str | bytes:
        """Return the changed text as UTF-8, or `text` itself if nothing changes.

        Bytes that are not UTF-8 are left unchanged. Raises UnicodeEncodeError for a str with a lone surrogate.
        """

@overload
def replace(text: bytes, old: bytes, new: bytes, before: bytes = b"") -> bytes: ...
@overload
def replace(text: str | bytes, old: bytes, new: bytes, before: bytes = b"") -> str | bytes:
    """Return a text with `new` for each `old`, as UTF-8, or `text` itself if nothing changes.

    before: bytes to put before a text that is not empty. Raises ValueError for an empty `old`, UnicodeEncodeError for a
    str with a lone surrogate.
    """
