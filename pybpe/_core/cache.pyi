"""What words encode to, remembered in memory with a limit."""

class WordCache:
    """The cache of one running call. It starts small and grows to at most `limit` bytes. Used from compiled code only."""

    def __init__(self, limit: int) -> None: ...
