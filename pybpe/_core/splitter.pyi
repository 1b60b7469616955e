"""What every compiled splitter does."""

class Splitter:
    """Splits UTF-8 text into words; this one leaves text whole. Immutable."""

    def split(self, text: bytes, block: int = 4096) -> list[bytes]:
        """The words of `text`, which joined are `text` again, found so many at a time. ValueError for less than 16."""
