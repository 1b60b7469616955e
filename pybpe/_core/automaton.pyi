"""Splitting by automata: any pattern that can be compiled to one, or several in a row."""

import numpy as np
import numpy.typing as npt

from pybpe._core.splitter import Splitter

HERE: int
"""Flag of a state: what was read so far matches."""
BEFORE: int
"""Flag of a state: what was read so far, but for its last character, matches."""
AT_END: int
"""Flag of a state: what was read so far matches if the text ends there."""
MAX_BOUNDED: int
"""Characters that a match may have where splitting cannot go on from any place in it and other patterns follow."""

class AutomatonSplitter(Splitter):
    """Splits UTF-8 text into words by patterns, each splitting the words of the one before. Immutable.

    blocks: uint16[8704], classes: uint8[rows, 128]: the class of a code point is classes[blocks[point // 128], point % 128].
    stages: for each pattern (targets, flags, fresh, resumable): uint32[states, classes], the state that a class leads to,
        uint8[states], the first of the states that begin another word, and whether splitting can go on from any place in
        a match. State 0 stops, state 1 starts.
    cuts: uint8[classes, classes], 1 where text can be cut between two characters of these classes.
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
        """Whether there is any text that `find_cut` can cut."""
    def find_cut(self, text: bytes) -> int:
        """The last place where `text` can be cut so that both parts split as the whole does; 0 if there is none.

        Holds whatever follows `text`.
        """
