"""Plans of the fast path: the names to search for in a text under tiktoken's policy for special tokens."""

from __future__ import annotations

from collections.abc import Mapping

from pybpe._core.names import Names, Plan
from pybpe.encode.segmenter import Segmenter
from pybpe.encode.sentencepiece_segmenter import SentencePieceSegmenter
from pybpe.encode.special_tokens import Allowed, Disallowed, SpecialTokens


class Plans:
    """A function that makes the plan of a policy. It holds no reference to the encoder, which would be a cycle.

    ids: {name: id} of the special and added tokens.
    """

    def __init__(
        self, special: SpecialTokens, segmenter: Segmenter | SentencePieceSegmenter, ids: Mapping[str, int]
    ) -> None:
        self._special = special
        self._segmenter = segmenter
        self._ids = ids

    def __call__(self, allowed: Allowed, disallowed: Disallowed) -> Plan | None:
        """Return the plan of a policy; None if the fast path serves no text under it.

        Raises TypeError if the arguments are no policy.
        """
        taken, refused = self._special.policy(allowed, disallowed)
        try:
            if self._segmenter.is_verbatim:
                return Plan(self._search(taken | self._segmenter.added), self._search(refused))
            # A text that holds one of these names takes the general path: its segments depend on where they are.
            in_text, in_normal = self._segmenter.names_searched(taken | refused)
            return Plan(None, self._search(in_normal), self._search(in_text))
        except (UnicodeEncodeError, ValueError):  # a name with a lone surrogate, or an empty one
            return None

    def _search(self, names: frozenset[str]) -> Names | None:
        return Names({name: self._ids.get(name, 0) for name in names}) if names else None
