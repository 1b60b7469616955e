"""The search for the parts of a text that the normal forms NFC, NFD, NFKC and NFKD may change."""

from collections.abc import Sequence

def unsettled(text: str | bytes, form: int) -> Sequence[tuple[int, int]]:
    """Return the parts of a text that may not be in a normal form, as (start, end) in bytes of its UTF-8.

    form: 0 for NFC, 1 for NFD, 2 for NFKC, 3 for NFKD, of Unicode 9.0. The parts are in order and do not touch; the
    normal form of the text is the text with each part replaced by its normal form. A byte that is not UTF-8 is a
    character that no form changes. Takes time linear in the text, and releases the GIL for long texts. Raises
    UnicodeEncodeError for a str with a lone surrogate, ValueError for another form.
    """

def newer_points() -> list[int]:
    """Return the code points assigned in Unicode 10.0 to 16.0 that normalization may change or combine."""
