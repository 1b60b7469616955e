"""Pretokenization of the known pattern families by one scanner that parameters drive."""

from pybpe._core.splitter import Splitter

class SchemeSplitter(Splitter):
    """Splits UTF-8 text into words as one family of patterns does. Immutable."""

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
    """The last place where `text` can be cut so that both parts split as the whole does; 0 if there is none.

    Holds for every family that `SchemeSplitter` serves, whatever follows `text`.
    """

def count_letters(text: bytes, portable: bool) -> int:
    """How many of the first 16 bytes, from the first on, are ASCII letters: by this machine's form, or the portable one."""
