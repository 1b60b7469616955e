"""The class Preprocessing: the changes to a text before it is split, and the tokens found by name.

tiktoken's encodings have only special tokens; Hugging Face's files use all of it.
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
    """The changes to a text before it is split. The constructor checks them.

    normalizer: a normal form, or several steps; None to leave text unchanged.
    added_tokens: {name: id} of tokens that are found in every text before it is split, and are not special.
    flags: {name: flags} of special and added tokens. The flags are
        "lstrip", "rstrip": the token takes the white space before or after the name;
        "single_word": the name is found only if no word character is beside it;
        "normalized": the token is searched for in the normal form of the text, after the tokens without this flag. The
        string searched for is the normal form of the name, which must hold the name.
    add_prefix_space: True to put a space before each segment that does not begin with one; "first" to do so only at the
        beginning of the text.
    sentencepiece: sentencepiece's normalization, which replaces all of these except added_tokens. Added tokens are then
        found in the normalized text.

    Raises FormatError for values that are not valid together.
    """

    normalizer: Normalizer | None = None
    added_tokens: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    add_prefix_space: bool | Literal["first"] = False
    sentencepiece: SentencePieceNormalizer | None = None

    def __post_init__(self) -> None:
        if self.sentencepiece is not None and (self.normalizer or self.flags or self.add_prefix_space):
            raise FormatError("a text is normalized as sentencepiece does it or by other steps, not both")
        if self.normalizer is not None:
            check_normalizer(self.normalizer)
        if self.add_prefix_space not in (True, False, "first"):
            raise FormatError(f"add_prefix_space is {self.add_prefix_space!r}, must be True, False or 'first'")
        if self.add_prefix_space == "first" and not self._keeps_places():
            raise FormatError("add_prefix_space cannot be 'first' with a normalizer that moves characters")
        for name, flags in self.flags.items():
            if not flags or tuple(flag for flag in FLAGS if flag in flags) != flags:
                raise FormatError(f"token {name!r} has flags {flags!r}, must be some of {', '.join(FLAGS)}")
        self._check_spellings()

    def _keeps_places(self) -> bool:
        """Return True if the first character of a normal form is always made from the first character of the text."""
        steps = self.normalizer if isinstance(self.normalizer, tuple) else ((self.normalizer,),)
        moving = any(map(_moves, steps))
        spreading = any(len(step) != 3 or step[0] != "Replace" or len(step[2]) != 1 for step in steps if step[0])
        return not moving and not (spreading and any("normalized" in some for some in self.flags.values()))

    def _check_spellings(self) -> None:
        """Raise FormatError if a token with the flag "normalized" cannot be found, or is found as another."""
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
        """Return the string that is searched for to find a token: its name, or the normal form of its name."""
        return apply(self.normalizer, name) if "normalized" in self.flags.get(name, ()) else name

    def to_json(self) -> dict[str, Any]:
        """Return the fields that differ from PLAIN as JSON data. Equal objects give the same data in the same order."""
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
        """Return the object from JSON data that `to_json` made. Raises FormatError for other data."""
        if not isinstance(content, dict) or content.keys() - _KEYS:
            raise FormatError("the data of preprocessing has unknown fields; a newer pybpe may have written it")
        added, flags = content.get("added_tokens", {}), content.get("flags", {})
        add_prefix_space, normalizer = content.get("prefix_space", False), content.get("normalizer")
        if (
            not isinstance(added, dict)
            or not isinstance(flags, dict)
            or not all(isinstance(some, list) for some in flags.values())
            or not (isinstance(add_prefix_space, bool) or add_prefix_space == "first")
            or not (normalizer is None or isinstance(normalizer, (str, list)))
        ):
            raise FormatError("the data of preprocessing has a field of the wrong type")
        return cls(
            normalizer=_steps(normalizer) if isinstance(normalizer, list) else normalizer,
            added_tokens=added,
            flags={name: tuple(some) for name, some in flags.items()},
            add_prefix_space=add_prefix_space,
            sentencepiece=SentencePieceNormalizer.from_json(content["sentence"]) if "sentence" in content else None,
        )


def _moves(step: Sequence[str | None]) -> bool:
    """Return True if the step can change which input character the output starts with."""
    if step[0] == "Replace":
        return len(step[1] or "") > 1 or not step[2]
    return step[0] in ("Prepend", "Strip", "ReplaceAll", "StripAccents", "Nmt")


def _steps(normalizer: list[Any]) -> Normalizer:
    return tuple(tuple(step) if isinstance(step, list) else step for step in normalizer)


PLAIN = Preprocessing()
