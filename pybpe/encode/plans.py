"""What the names of special and added tokens mean on the fast path, by tiktoken's policy and what is done to texts."""

from __future__ import annotations

from collections.abc import Mapping

from pybpe._core.names import Names, Plan
from pybpe.encode.segmenter import Segmenter
from pybpe.encode.sentencepiece_segmenter import SentencePieceSegmenter
from pybpe.encode.special_tokens import Allowed, Disallowed, SpecialTokens


class Plans:
    """Makes the plan of a policy. It does not know the encoder, so that no cycle of references keeps that alive."""

    def __init__(
        self, special: SpecialTokens, segmenter: Segmenter | SentencePieceSegmenter, ids: Mapping[str, int]
    ) -> None:
        self._special = special
        self._segmenter = segmenter
        self._ids = ids  # of special and added tokens

    def __call__(self, allowed: Allowed, disallowed: Disallowed) -> Plan | None:
        """Return the plan of a policy; None if no text can be served under it.

        Raises TypeError for what is no policy.
        """
        taken, refused = self._special.policy(allowed, disallowed)
        try:
            if self._segmenter.is_verbatim:
                return Plan(self._search(taken | self._segmenter.added), self._search(refused))
            # A text with any of these names is cut in Python: what is done to it depends on where they are.
            in_text, in_normal = self._segmenter.searched(taken | refused)
            return Plan(None, self._search(in_normal), self._search(in_text))
        except (UnicodeEncodeError, ValueError):  # a name that is in no UTF-8, or the empty one
            return None

    def _search(self, names: frozenset[str]) -> Names | None:
        return Names({name: self._ids.get(name, 0) for name in names}) if names else None
