"""Where merging can never reach across."""

from pybpe._core.vocab import Vocabulary

class Cuts:
    """Finds the places in a word that no token of a vocabulary spans. Immutable."""

    def __init__(self, vocabulary: Vocabulary) -> None: ...
    def pieces(self, word: bytes) -> list[bytes]:
        """The parts of a word, of UTF-8 or any bytes, that merge as if each stood alone."""
