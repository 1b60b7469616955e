"""A cache from words to ids, with a limit of memory."""

class WordCache:
    """The cache of one running call, which grows to at most `limit` bytes. Only compiled code uses it."""

    def __init__(self, limit: int) -> None: ...
