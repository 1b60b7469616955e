"""Splitting by automata, for patterns that can be compiled to one, or several applied in order."""

import numpy as np
import numpy.typing as npt

from pybpe._core.splitter import Splitter

HERE: int
"""Flag of a state: the text read so far matches."""
BEFORE: int
"""Flag of a state: the text read so far, without its last character, matches."""
AT_END: int
"""Flag of a state: the text read so far matches if the text ends there."""
MAX_BOUNDED: int
"""The maximum characters of a match of a pattern that is not resumable and has another pattern after it."""

class AutomatonSplitter(Splitter):
    """A splitter of UTF-8 text into words by patterns, each of which splits the words of the one before. Immutable.

    blocks: uint16[8704], classes: uint8[rows, 128]: the class of a code point is classes[blocks[point // 128], point % 128].
    stages: (targets, flags, fresh, resumable) for each pattern. targets: uint32[states, classes], the state that each
        class leads to; state 0 stops, state 1 starts. flags: uint8[states]. fresh: the first of the states that begin
        another word. resumable: True if splitting can start at any position in a match.
    cuts: uint8[classes, classes], 1 if there is a safe cut between two characters of these classes.

    Raises ValueError for tables that do not fit together.
    """

    def __init__(
        self,
        blocks: npt.NDArray[np.uint16],
        classes: npt.NDArray[np.uint8],
        stages: list[tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8], int, bool]],
        cuts: npt.NDArray[np.uint8],
    ) -> None: ...
    @property
    def can_cut(self) -> bool:
        """True if `find_cut` finds a cut in some text."""
    def find_cut(self, text: bytes) -> int:
        """Return the last safe cut of `text`, at which both parts split as the whole does; 0 if there is none.

        The cut is safe whatever text follows.
        """
