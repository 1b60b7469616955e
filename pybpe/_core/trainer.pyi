"""Learning merges from word counts."""

from pybpe._core.counter import WordCounter
from pybpe._core.ids import IdBuffer

class Trainer:
    """Greedy byte-pair training: each step merges the most frequent pair, of equals the smallest (left, right).

    Starts from the 256 bytes; merge number i makes token 256 + i. Pairs that occur fewer than `min_count` times (and
    at least once) are never merged. The algorithm and tie-break are rustbpe's.
    """

    def __init__(self, counts: WordCounter, min_count: int) -> None: ...
    merges: IdBuffer
    """Rows (left, right, token) learned so far."""
    last_count: int
    """How often the pair that was merged last occurred."""
    def learn(self, n_merges: int) -> int:
        """Learn up to `n_merges` more, without the GIL; returns how many there were."""
