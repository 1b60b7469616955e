"""A growing buffer of uint32 token ids."""

class IdBuffer:
    """Token ids in one block of memory; `numpy.frombuffer(ids, dtype=numpy.uint32)` adopts it without a copy."""

    def append(self, token: int) -> None:
        """Add one id. Raises BufferError once an array looks at the ids."""
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
