"""The search for what the normal forms NFC, NFD, NFKC and NFKD may change in a text."""

from collections.abc import Sequence

def unsettled(text: str | bytes, form: int) -> Sequence[tuple[int, int]]:
    """Return the stretches outside which a text is in a normal form, as (start, end) in bytes of its UTF-8.

    form: 0 for NFC, 1 for NFD, 2 for NFKC, 3 for NFKD, of Unicode 9.0. Stretches are in order and do not touch; the
    normal form of the text is the text with the normal form of each stretch in its place. A byte of `text` that is not
    UTF-8 is a character that no form changes. Takes time linear in the text, and lets go of the GIL for long ones.
    Raises UnicodeEncodeError for a str with a lone surrogate, ValueError for another form.
    """

def newer_points() -> list[int]:
    """Return the code points assigned after Unicode 9.0, until 16.0, that have a normal form or are part of one."""
