"""The bytes of every token while a vocabulary grows."""

class Spellings:
    """Tokens by id, found by their bytes; several may have the same, and some none."""

    def __init__(self, tokens: list[bytes]) -> None: ...
    def __len__(self) -> int: ...
    def to_list(self) -> list[bytes]:
        """The bytes of every token, by id."""
