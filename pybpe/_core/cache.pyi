"""What words encode to, remembered in memory of fixed size."""

class WordCache:
    """The cache of one running call; 13.5 MiB. Used from compiled code only."""
