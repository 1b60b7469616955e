"""The bytes of all tokens while training adds to them."""

class Spellings:
    """A table of tokens by id and by bytes. Several tokens may have the same bytes, and some may have none."""

    def __init__(self, tokens: list[bytes]) -> None: ...
    def __len__(self) -> int: ...
    def to_list(self) -> list[bytes]:
        """Return the bytes of all tokens, by id."""
