"""The tokens of a vocabulary, by id and by bytes."""

from typing_extensions import Buffer

class Vocabulary:
    """An immutable list of tokens. An empty entry is a hole: an id that no text gives."""

    def __init__(self, tokens: list[bytes]) -> None: ...
    def __len__(self) -> int: ...
    def token_id(self, token: bytes) -> int | None:
        """The smallest id with these bytes, or None."""
    def token_bytes(self, token: int) -> bytes:
        """The bytes of an id. Raises TokenIdError outside the vocabulary."""
    def to_list(self) -> list[bytes]:
        """All tokens, in the order of their ids."""
    def decode(self, ids: Buffer) -> bytes:
        """The bytes of a contiguous uint32 array of ids, joined. Raises TokenIdError for an id outside."""
