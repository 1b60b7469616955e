"""How text is read before it is split into words, as plain checked data: its normal form, and tokens found by name.

tiktoken's encodings have nothing of it but special tokens; Hugging Face's files have all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pybpe.errors import FormatError
from pybpe.normalization.normalizer import Normalizer, apply, check_normalizer, described
from pybpe.normalization.sentencepiece import SentencePieceNormalizer

_KEYS = {"normalizer", "added_tokens", "flags", "prefix_space", "sentence"}  # of the data for JSON
FLAGS = ("lstrip", "rstrip", "single_word", "normalized")


@dataclass(frozen=True)
class Preprocessing:
    """What is done to text first. Checked at birth.

    normalizer: the normal form that text is brought to, or several steps; None to leave it as it is.
    added_tokens: name -> id of tokens that are found in every text before it is split, and are not special.
    flags: how special and added tokens are found, for those that need it; some of
        "lstrip", "rstrip": the white space before or after the name belongs to the token;
        "single_word": only where no letter, digit or the like stands beside the name;
        "normalized": in the normal form of the text, and only where tokens without this flag were not found. What is
        looked for is the name in its normal form, which must hold the name.
    add_prefix_space: True to put a space before each stretch of text between tokens that begins with none; "first"
        to do so only where the text begins.
    sentencepiece: sentencepiece's normalization, which replaces all of these but added_tokens; those are found in the
        normalized text.
    """

    normalizer: Normalizer | None = None
    added_tokens: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    add_prefix_space: bool | Literal["first"] = False
    sentencepiece: SentencePieceNormalizer | None = None

    def __post_init__(self) -> None:
        if self.sentencepiece is not None and (self.normalizer or self.flags or self.add_prefix_space):
            raise FormatError("a text is normalized as sentencepiece does it or by steps, not both")
        if self.normalizer is not None:
            check_normalizer(self.normalizer)
        if self.add_prefix_space not in (True, False, "first"):
            raise FormatError(f"add_prefix_space is {self.add_prefix_space!r}, must be True, False or 'first'")
        if self.add_prefix_space == "first" and not self._keeps_places():
            raise FormatError("where the normalizer moves characters, it is not known what a text begins with")
        for name, flags in self.flags.items():
            if not flags or tuple(flag for flag in FLAGS if flag in flags) != flags:
                raise FormatError(f"token {name!r} has flags {flags!r}, must be some of {', '.join(FLAGS)}")
        self._check_spellings()

    def _keeps_places(self) -> bool:
        """Whether the first character of a normal text is for sure made from the first of the text."""
        steps = self.normalizer if isinstance(self.normalizer, tuple) else ((self.normalizer,),)
        moving = any(map(_moves, steps))
        spreading = any(len(step) != 3 or step[0] != "Replace" or len(step[2]) != 1 for step in steps if step[0])
        return not moving and not (spreading and any("normalized" in some for some in self.flags.values()))

    def _check_spellings(self) -> None:
        """Raise FormatError for tokens to be found in normal text that would be looked for under no name of theirs."""
        seen: dict[str, str] = {}
        for name in (name for name, flags in self.flags.items() if "normalized" in flags):
            spelled = self.spelling(name)
            if name not in spelled:
                raise FormatError(
                    f"token {name!r} is to be found in normal text, where it is {spelled!r} "
                    f"({described(self.normalizer)})"
                )
            if spelled in seen:
                raise FormatError(f"in normal text, the tokens {seen[spelled]!r} and {name!r} are the same")
            seen[spelled] = name

    def spelling(self, name: str) -> str:
        """What a token is looked for as."""
        return apply(self.normalizer, name) if "normalized" in self.flags.get(name, ()) else name

    def to_json(self) -> dict[str, Any]:
        """What differs from plain reading, as data for JSON in an order that depends on nothing else."""
        content: dict[str, Any] = {
            "normalizer": self.normalizer,
            "added_tokens": dict(sorted(self.added_tokens.items(), key=lambda item: item[1])),
            "flags": {name: list(flags) for name, flags in sorted(self.flags.items())},
            "prefix_space": self.add_prefix_space,
            "sentence": self.sentencepiece.to_json() if self.sentencepiece else None,
        }
        return {name: value for name, value in content.items() if value}

    @classmethod
    def from_json(cls, content: Any) -> Preprocessing:
        """What `to_json` made. Raises FormatError for anything else."""
        if not isinstance(content, dict) or content.keys() - _KEYS:
            raise FormatError("what is said of reading text is not understood; a newer pybpe may have written it")
        added, flags = content.get("added_tokens", {}), content.get("flags", {})
        add_prefix_space, normalizer = content.get("prefix_space", False), content.get("normalizer")
        if (
            not isinstance(added, dict)
            or not isinstance(flags, dict)
            or not all(isinstance(some, list) for some in flags.values())
            or not (isinstance(add_prefix_space, bool) or add_prefix_space == "first")
            or not (normalizer is None or isinstance(normalizer, (str, list)))
        ):
            raise FormatError("what is said of reading text has a field of the wrong type")
        return cls(
            normalizer=_steps(normalizer) if isinstance(normalizer, list) else normalizer,
            added_tokens=added,
            flags={name: tuple(some) for name, some in flags.items()},
            add_prefix_space=add_prefix_space,
            sentencepiece=SentencePieceNormalizer.from_json(content["sentence"]) if "sentence" in content else None,
        )


def _moves(step: Sequence[str | None]) -> bool:
    """Whether a step may make the first character of something else than the first character of a text."""
    if step[0] == "Replace":
        return len(step[1] or "") > 1 or not step[2]
    return step[0] in ("Prepend", "Strip", "ReplaceAll", "StripAccents", "Nmt")


def _steps(normalizer: list[Any]) -> Normalizer:
    return tuple(tuple(step) if isinstance(step, list) else step for step in normalizer)


PLAIN = Preprocessing()
