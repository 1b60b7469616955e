"""The normalizer, pre-tokenizer and decoder of a tokenizer.json, as a Definition holds them.

In files of characters, a space is U+2581 when words are merged. In a Definition it is a space, and so is a U+2581 of
the text.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pybpe.errors import FormatError
from pybpe.formats.helpers.oniguruma import UnclearPatternError, covers_all, covers_all_but_space, from_oniguruma
from pybpe.normalization.normalizer import Normalizer, Step, replaceable
from pybpe.normalization.older_unicode import PUNCTUATION
from pybpe.normalization.sentencepiece import SPACE
from pybpe.normalization.unicode_forms import FORMS
from pybpe.pretokenization.patterns import GPT2, as_regex
from pybpe.pretokenization.stages import SEPARATOR, join_stages
from pybpe.util.files import PathLike
from pybpe.vocabulary.characters import Leading

Json = dict[str, Any]
_TO_SPACE: Step = ("Replace", SPACE, " ")
_MAX_STEPS = 100
_WORDS = {"MergedWithNext": " [^ ]*|[^ ]+", "MergedWithPrevious": "[^ ]* |[^ ]+", "Isolated": " |[^ ]+"}


class Pipeline(NamedTuple):
    """The steps before merging.

    byte_level: True if tokens are bytes, False if they are characters.
    pattern: the split pattern; None if a text is one word.
    drops_space: True if white space between words is left out.
    late_spaces: True if names in normalized text are searched before spaces become U+2581.
    """

    normalizer: Normalizer | None
    add_prefix_space: bool | Literal["first"]
    pattern: str | None
    byte_level: bool
    drops_space: bool = False
    late_spaces: bool = False


def read_pipeline(normalizer: Any, pre_tokenizer: Any, path: PathLike) -> Pipeline:
    """Read the normalizer and the pre-tokenizer. Raises FormatError for steps that pybpe cannot do exactly."""
    before = [_normalizer_step(step, path) for step in _steps(normalizer, "normalizer", "normalizers", path)]
    words = list(_steps(pre_tokenizer, "pre_tokenizer", "pretokenizers", path))
    if words and words[-1].get("type") == "ByteLevel":
        return _of_bytes(before, words, path)
    return _of_characters(before, words, path)


def _steps(found: Any, what: str, parts: str, path: PathLike) -> list[Json]:
    """Return the steps of a part that is None, one step, or a (nested) Sequence."""
    steps: list[Json] = []
    waiting = [] if found is None else [found]
    while waiting:
        step = as_object(waiting.pop(), f"{path}: {what}")
        if step.get("type") != "Sequence":
            steps.append(step)
        elif isinstance(step.get(parts), list):
            waiting += reversed(step[parts])
        else:
            raise FormatError(f"{path}: the {what} is a Sequence without a list of {parts}")
        if len(steps) + len(waiting) > _MAX_STEPS:
            raise FormatError(f"{path}: the {what} has more than {_MAX_STEPS} steps")
    return steps


def as_object(value: Any, what: PathLike) -> Json:
    """Return a JSON object. Raises FormatError for any other value; the message calls it `what`."""
    if not isinstance(value, dict):
        raise FormatError(f"{what} is not a JSON object")
    return value


# Normalizers


def _normalizer_step(step: Json, path: PathLike) -> Step:
    kind = step.get("type")
    if kind in FORMS or kind in ("Lowercase", "StripAccents", "Nmt"):
        return (kind,)
    if kind == "Prepend" and isinstance(step.get("prepend"), str) and step["prepend"]:
        return kind, step["prepend"]
    if kind == "Strip" and all(isinstance(step.get(f"strip_{side}"), bool) for side in ("left", "right")):
        return kind, *(side for side in ("left", "right") if step[f"strip_{side}"])
    if kind == "Replace" and isinstance(step.get("content"), str):
        pattern = as_object(step.get("pattern"), f"{path}: pattern of Replace")
        if isinstance(text := pattern.get("String"), str) and text:
            return kind, text, step["content"]
        if isinstance(text := pattern.get("Regex"), str) and replaceable(text):
            return "ReplaceAll", text, step["content"]
        raise FormatError(f"{path}: the pattern of Replace may mean something else in pybpe: {str(pattern)[:60]}")
    known = f"{', '.join(FORMS)}, Lowercase, Nmt, Prepend, Replace, Strip and StripAccents"
    raise FormatError(f"{path}: the normalizer is of type {str(kind)[:40]!r}; pybpe knows {known}")


def _as_normalizer(steps: list[Step]) -> Normalizer | None:
    """Return steps in the form of Preprocessing.normalizer."""
    steps = [step for step in steps if step != ("Strip",)]
    if len(steps) == 1 and len(steps[0]) == 1 and steps[0][0] in FORMS:
        return steps[0][0]
    return tuple(steps) or None


# Bytes


def _of_bytes(before: list[Step], steps: list[Json], path: PathLike) -> Pipeline:
    last = steps.pop()
    add_prefix_space = last.get("add_prefix_space")
    if not isinstance(add_prefix_space, bool) or not isinstance(last.get("use_regex", True), bool):
        raise FormatError(f"{path}: ByteLevel does not say whether to add a space or to use its pattern")
    if add_prefix_space and steps:
        raise FormatError(f"{path}: ByteLevel puts a space before every word, which pybpe does not do")
    stages = [_stage(step, path) for step in steps]
    patterns = [pattern for pattern, _ in stages]
    if last.get("use_regex", True):
        patterns.append(GPT2)
    if any(SEPARATOR in pattern for pattern in patterns):
        raise FormatError(f"{path}: a split pattern holds the record separator U+001E, which pybpe puts between two")
    drops = any(drops for _, drops in stages)
    return Pipeline(_as_normalizer(before), add_prefix_space, join_stages(patterns) if patterns else None, True, drops)


def _stage(step: Json, path: PathLike) -> tuple[str, bool]:
    """Return (pattern, drops_space) of one pre-tokenizer before ByteLevel."""
    kind = step.get("type")
    if kind == "Digits":
        if not isinstance(step.get("individual_digits"), bool):
            raise FormatError(f"{path}: Digits does not say whether each digit stands alone")
        return (r"\p{N}" if step["individual_digits"] else r"\p{N}+"), False
    if kind == "WhitespaceSplit":
        return r"\s+|\S+", True
    if kind == "Whitespace":
        return r"\s+|\w+|[^\w\s]+", True
    if kind == "Punctuation":
        return _split_at(f"[{PUNCTUATION}]", PUNCTUATION, step.get("behavior", "Isolated"), path), False
    if kind != "Split":
        raise FormatError(f"{path}: pybpe cannot split text as the pre-tokenizer {str(kind)[:40]!r} does")
    behavior, invert = step.get("behavior"), step.get("invert")
    pattern, single = _split_pattern(step.get("pattern"), path)
    if behavior == "Isolated" or (behavior == "Removed" and invert is True and covers_all(pattern)):
        return pattern, False
    if behavior == "Removed" and invert is True and covers_all_but_space(pattern):
        return pattern, True
    if behavior == "Removed" and invert is False and pattern in (r"\s+", r"\s"):
        return r"\s+|\S+", True
    if single and invert is False:
        return _split_at(pattern, single, behavior, path), False
    what = f"Split with behavior {str(behavior)[:40]}, invert {str(invert)[:40]}"
    raise FormatError(f"{path}: pybpe cannot split as {what} and this pattern does: {pattern[:200]!r}")


def _split_at(pattern: str, single: str, behavior: Any, path: PathLike) -> str:
    """Return the pattern of a Split at single characters. single: these characters as part of a character class."""
    other = f"[^{single}]"
    behaviors = {
        "Isolated": pattern,
        "Contiguous": f"{pattern}+",
        "MergedWithNext": f"{pattern}{other}*|{other}+",
        "MergedWithPrevious": f"{other}*{pattern}|{other}+",
    }
    if isinstance(behavior, str) and behavior in behaviors:
        return behaviors[behavior]
    raise FormatError(f"{path}: pybpe cannot split with behavior {str(behavior)[:40]} at {pattern[:80]!r}")


def _split_pattern(pattern: Any, path: PathLike) -> tuple[str, str]:
    """Return (pattern, single) of a Split by a regular expression of Oniguruma, or by a literal text.

    single: the pattern as part of a character class if it matches single characters, else "".
    """
    found = as_object(pattern, f"{path}: pattern of Split")
    if isinstance(text := found.get("String"), str) and text:
        literal = "".join("\\" + char if char in "\\^$.|?*+()[]{}" else char for char in text)
        return as_regex(literal), ("\\" + text if text in "\\^-[]" else text) if len(
            text
        ) == 1 and text not in "&~" else ""
    if not isinstance(text := found.get("Regex"), str) or not text:
        raise FormatError(f"{path}: a Split without a pattern")
    try:
        return as_regex(from_oniguruma(text)), text if text in (r"\s", r"\p{N}", r"\p{L}", r"\p{P}", r"\n") else ""
    except UnclearPatternError as error:
        raise FormatError(f"{path}: this part of the split pattern may not mean the same in pybpe: {error}") from None


# Characters


def _of_characters(before: list[Step], steps: list[Json], path: PathLike) -> Pipeline:
    early = ("Replace", " ", SPACE) in before
    if early:
        before = _with_spaces(before, path)
    elif any(step[0] == "Prepend" for step in before):
        raise FormatError(f"{path}: the normalizer puts something before the text, and does not write spaces as U+2581")
    prefix: bool | Literal["first"] = False
    pattern: str | None = None
    mapped = early
    for step in steps:
        kind = step.get("type")
        if kind == "Metaspace" and pattern is None and not prefix:
            mapped = True
            prefix = _prefix(step, path)
            pattern = _WORDS["MergedWithNext"] if step.get("split", True) is True else None
        elif kind == "Split" and mapped and _is_split_at(step, " "):
            continue  # spaces are U+2581 already
        elif kind == "Split" and mapped and pattern is None and _is_split_at(step, SPACE) and _behavior(step):
            pattern = _WORDS[_behavior(step)]
        else:
            raise FormatError(
                f"{path}: pybpe cannot split text of characters as the pre-tokenizer {str(kind)[:40]!r} here does; it "
                "reads those that end with ByteLevel, and those that split at spaces alone, written as U+2581"
            )
    if not mapped:
        raise FormatError(
            f"{path}: tokens are of characters, and spaces are not written as U+2581; pybpe does not do that"
        )
    late = not early
    return Pipeline(_as_normalizer([*before, _TO_SPACE]), prefix, pattern, False, late_spaces=late)


def _with_spaces(steps: list[Step], path: PathLike) -> list[Step]:
    """Return the steps of a normalizer that writes spaces as U+2581, with plain spaces in their place.

    A Prepend of U+2581 becomes one of a space. Raises FormatError for steps in another order.
    """
    last = steps.index(("Replace", " ", SPACE))
    rest = [*steps[:last], *steps[last + 1 :]]
    prepends = [step for step in rest if step[0] == "Prepend"]
    others = [step for step in rest if step[0] != "Prepend"]
    if len(prepends) > 1 or any(step != ("Prepend", SPACE) for step in prepends):
        raise FormatError(f"{path}: the normalizer puts something other than one U+2581 before the text")
    if prepends and rest[-1] != prepends[0]:
        raise FormatError(f"{path}: the normalizer goes on after it puts U+2581 before the text")
    if others != steps[: len(others)]:
        raise FormatError(f"{path}: the normalizer goes on after it has written spaces as U+2581")
    return [*others, ("Prepend", " ")] if prepends else others


def _prefix(step: Json, path: PathLike) -> bool | Literal["first"]:
    """Return add_prefix_space for a Metaspace: True, False or "first". Raises FormatError if it is unclear."""
    if step.get("replacement") != SPACE or not isinstance(step.get("split", True), bool):
        raise FormatError(f"{path}: Metaspace writes a space as {str(step.get('replacement'))[:20]!r}, not as U+2581")
    if isinstance(scheme := step.get("prepend_scheme"), str) and "add_prefix_space" not in step:
        if scheme == "first":
            return "first"
        if scheme in ("always", "never"):
            return scheme == "always"
    if scheme is None and isinstance(step.get("add_prefix_space"), bool):
        return bool(step["add_prefix_space"])
    raise FormatError(f"{path}: Metaspace has neither a known prepend_scheme nor add_prefix_space")


def _is_split_at(step: Json, text: str) -> bool:
    return step.get("pattern") in ({"String": text}, {"Regex": text}) and step.get("invert") is False


def _behavior(step: Json) -> str:
    """Return the behavior of a Split, "" for one that pybpe does not support."""
    return next((name for name in _WORDS if name == step.get("behavior")), "")


# Decoders


_LEADING: dict[tuple[str, ...], Leading] = {
    (): "none",
    ("Spaces",): "none",
    ("Spaces", "Fuse"): "none",
    ("Spaces", "Fuse", "Strip"): "space",
    ("Metaspace",): "token",
    ("Metaspace", "Fuse"): "token",
    ("Metaspace, never",): "none",
    ("Metaspace, never", "Fuse"): "none",
    ("Spaces", "ByteFallback", "Fuse"): "none",
    ("Spaces", "ByteFallback", "Fuse", "Strip"): "space",
    ("Metaspace", "ByteFallback", "Fuse"): "token",
    ("Metaspace, never", "ByteFallback", "Fuse"): "none",
}


def read_leading(decoder: Any, byte_fallback: bool, path: PathLike) -> Leading:
    """Return how a decoder of characters treats leading spaces. Raises FormatError for an unsupported decoder."""
    steps = tuple(_known_decoder(step) for step in _steps(decoder, "decoder", "decoders", path))
    if steps in _LEADING and (not steps or not byte_fallback or "ByteFallback" in steps):
        return _LEADING[steps]
    raise FormatError(f"{path}: pybpe cannot decode as this decoder does: {str(decoder)[:200]}")


def _known_decoder(step: Json) -> str:
    """Return a name for a step of a decoder, as the keys of _LEADING have it; "unknown" for any other step."""
    kind = step.get("type")
    if kind == "Replace" and step.get("pattern") == {"String": SPACE} and step.get("content") == " ":
        return "Spaces"
    if kind == "Strip" and (step.get("content"), step.get("start"), step.get("stop")) == (" ", 1, 0):
        return "Strip"
    if kind == "Metaspace" and step.get("replacement") == SPACE:
        never = step.get("prepend_scheme") == "never" or step.get("add_prefix_space") is False
        return "Metaspace, never" if never else "Metaspace"
    return kind if kind in ("Fuse", "ByteFallback") else "unknown"
