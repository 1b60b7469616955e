"""Changes to words before they are merged: marks at their ends, and words that are left out."""

MARK: bytes
"""A byte that UTF-8 never has, added at the beginning or the end of a word."""

class Marks:
    """The changes to words before they are merged. Immutable.

    before, behind: True to add MARK before or after each word. drops_space: True to leave out words of white space alone.
    """

    before: bool
    behind: bool
    drops_space: bool

    def __init__(self, before: bool, behind: bool, drops_space: bool) -> None: ...
