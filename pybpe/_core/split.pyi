"""Splitting by the known families of patterns: one scanner with parameters."""

from pybpe._core.splitter import Splitter

class SchemeSplitter(Splitter):
    """A splitter of UTF-8 text into words as one family of patterns does. split.pxd documents the parameters. Immutable."""

    def __init__(
        self,
        *,
        contractions: int,
        cased_letters: bool,
        any_letter_prefix: bool,
        digit_group: int,
        newline_tail: bool,
        slash_tail: bool,
        newline_runs: bool,
        whole_trailing_space: bool,
    ) -> None: ...

def find_cut(text: bytes) -> int:
    """Return the last safe cut of `text`, at which both parts split as the whole does; 0 if there is none.

    The cut is safe for every family that SchemeSplitter serves, whatever text follows.
    """

def count_letters(text: bytes, portable: bool) -> int:
    """Return the number of ASCII letters at the beginning of `text`, of its first 16 bytes.

    portable: True for the portable implementation, False for the fastest of this processor.
    """
