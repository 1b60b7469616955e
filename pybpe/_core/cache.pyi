"""What words encode to, remembered in memory of fixed size."""

class WordCache:
    """The cache of one running call; 9.5 MiB. Used from compiled code only."""
