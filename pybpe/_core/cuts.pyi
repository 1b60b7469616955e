"""Positions in a word that no token spans, so that merging never crosses them."""

from pybpe._core.vocab import Vocabulary

class Cuts:
    """A search for the positions in a word that no token of a vocabulary spans. Immutable."""

    def __init__(self, vocabulary: Vocabulary) -> None: ...
    def parts(self, word: bytes) -> list[bytes]:
        """Return the parts of a word that merge independently. The word may be UTF-8 or any bytes."""
