"""What becomes of words before they are merged."""

MARK: bytes
"""A byte that is in no text."""

class Marks:
    """Puts MARK before or behind each word, and leaves out words of white space alone. Immutable."""

    before: bool
    behind: bool
    drops_space: bool

    def __init__(self, before: bool, behind: bool, drops_space: bool) -> None: ...
