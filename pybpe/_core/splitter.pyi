"""The base class of the compiled splitters."""

class Splitter:
    """A splitter of UTF-8 text into words; this base class leaves text whole. Immutable."""

    def split(self, text: bytes, block: int = 4096) -> list[bytes]:
        """Return the words of `text`; joined they are `text`.

        block: the number of words to find at a time. Raises ValueError for less than 16.
        """
