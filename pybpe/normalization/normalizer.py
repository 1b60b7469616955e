"""Normalizers of Hugging Face's tokenizers: a normal form, or several steps one after another.

A step is a tuple of strings, its name first:

    ("NFC",)                        or NFD, NFKC, NFKD
    ("Lowercase",)
    ("StripAccents",)               removes combining marks
    ("Nmt",)                        removes control characters, or replaces them by spaces
    ("Replace", text, by)
    ("ReplaceAll", pattern, by)     for patterns that `replaceable` accepts
    ("Prepend", text)
    ("Strip", "left", "right")      or only one of the sides
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from pybpe._core.fold import Folding, replace
from pybpe._core.unicode import is_utf8
from pybpe.errors import FormatError
from pybpe.normalization.stages import (
    WHITE_SPACE,
    Lowercase,
    Nmt,
    Places,
    Prepend,
    Replace,
    ReplaceAll,
    Stage,
    Strip,
    StripAccents,
    UnicodeForm,
    align_stages,
    apply_stages,
    lowercase,
)
from pybpe.normalization.unicode_forms import FORMS, normalize, normalize_to_utf8

Step = tuple[str, ...]
Normalizer = str | tuple[Step, ...]  # a normal form alone is a string
Text = str | bytes
OnUtf8 = Callable[[Text], Text]  # returns the changed text as UTF-8, or the text itself if nothing changes

_SIZES: dict[str, tuple[int, ...]] = {  # {name of a step: allowed numbers of arguments}
    **dict.fromkeys((*FORMS, "Lowercase", "StripAccents", "Nmt"), (0,)),
    "Replace": (2,),
    "ReplaceAll": (2,),
    "Prepend": (1,),
}
_SIZES["Strip"] = (1, 2)
MAX_STEPS = 100
_NO_BYTE = b"\xff"  # a byte that UTF-8 never has
MAX_BY = 4  # maximum bytes that Folding can put for white space
MAX_GROWTH = 1000  # maximum factor by which all replacements together may lengthen a text
# A part of a pattern for ReplaceAll: a character or white space, with an optional quantifier.
_PART = re.compile(r"(\\s|\\[nrt]|[^\\^$.|?*+()\[\]{}])([+*?]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\})?")


def check_normalizer(normalizer: Any) -> None:
    """Raise FormatError if `normalizer` is neither a normal form nor a tuple of valid steps."""
    if isinstance(normalizer, str):
        if normalizer not in FORMS:
            raise FormatError(f"the normalizer is {normalizer!r}, must be None or one of {', '.join(FORMS)}")
        return
    if not isinstance(normalizer, tuple) or not 1 <= len(normalizer) <= MAX_STEPS:
        raise FormatError(f"a normalizer has 1 to {MAX_STEPS} steps")
    for step in normalizer:
        if (
            not isinstance(step, tuple)
            or not all(isinstance(part, str) for part in step)
            or step[:1] not in [(name,) for name in _SIZES]
            or len(step) - 1 not in _SIZES[step[0]]
            or (step[0] == "Strip" and not set(step[1:]) <= {"left", "right"})
            or (step[0] == "Replace" and not step[1])
            or (step[0] == "ReplaceAll" and not replaceable(step[1]))
        ):
            raise FormatError(f"{str(step)[:60]} is no step of a normalizer")
    if math.prod(max(1, len(step[2])) for step in normalizer if step[0] in ("Replace", "ReplaceAll")) > MAX_GROWTH:
        raise FormatError(f"the normalizer could make a text more than {MAX_GROWTH:,} times as long")


def replaceable(pattern: str) -> bool:
    """Return True if a pattern is simple enough to mean the same in every engine, and never matches empty text."""
    place = least = 0
    while place < len(pattern) and (part := _PART.match(pattern, place)):
        place = part.end()
        count = re.fullmatch(r"\{([0-9]+),([0-9]+)\}", part[2] or "")
        if count and int(count[1]) > int(count[2]):
            return False
        least += part[2] is None or not re.match(r"[*?]|\{0*[,}]", part[2])
    return place == len(pattern) and least > 0


def pattern_parts(pattern: str) -> list[tuple[str, str]]:
    """Return (characters, quantifier) for each part of a `replaceable` pattern; the quantifier is "" for none."""
    escaped = {"\\s": WHITE_SPACE, "\\n": "\n", "\\r": "\r", "\\t": "\t"}
    return [(escaped.get(part[1], part[1]), part[2] or "") for part in _PART.finditer(pattern)]


def apply(normalizer: Normalizer | None, text: str) -> str:
    """Return the normalized text, or `text` itself if nothing changes."""
    if normalizer is None or not text:
        return text
    if isinstance(normalizer, str):
        return normalize(normalizer, text)  # type: ignore[arg-type]
    normal = apply_stages(_stages(normalizer), text)
    return text if normal == text else normal


@functools.lru_cache(maxsize=64)
def prepare(normalizer: Normalizer) -> Callable[[Text], Text]:
    """Return a function that normalizes a text as `apply` does, and returns UTF-8, or the text itself if unchanged.

    The function leaves bytes that are not UTF-8 unchanged, and raises UnicodeEncodeError for a str with a lone
    surrogate.
    """
    if isinstance(normalizer, str):
        return functools.partial(normalize_to_utf8, normalizer)  # type: ignore[arg-type]
    through_str = functools.partial(_through_str, normalizer)
    if "\\ud" in ascii(normalizer):  # steps with lone surrogates, which have no UTF-8
        return through_str
    steps = tuple(_on_utf8(normalizer))

    def run(text: Text) -> Text:
        if isinstance(text, bytes) and not is_utf8(text):
            return through_str(text)  # removing text between bytes could join them to a character for the next step
        for step in steps:
            text = step(text)
        return text

    return run


def _on_utf8(steps: tuple[Step, ...]) -> Iterator[OnUtf8]:
    """Yield the steps as functions on UTF-8; some functions do two steps."""
    place = 0
    while place < len(steps):
        step, after = steps[place], steps[place + 1 : place + 2]
        by, by_after = _folds_to(step), _folds_to(after[0]) if after else None
        place += 2
        if step == ("Lowercase",) and by_after is not None:
            yield _folding(True, by_after).apply
        elif by is not None and after == (("Lowercase",),) and len(lower := lowercase(by.decode()).encode()) <= MAX_BY:
            yield _folding(True, lower).apply
        elif step[0] == "Prepend" and after and after[0][0] == "Replace" and len(after[0][1]) == 1 and after[0][2]:
            old, new = after[0][1:]  # one character, so not partly in the text and partly before it
            yield _replacement(old.encode(), new.encode(), step[1].replace(old, new).encode())
        else:
            place -= 1
            yield _step_on_utf8(step)


def _folds_to(step: Step) -> bytes | None:
    """Return what a step puts for each run of white space, if Folding can do this step; else None."""
    return by if step[:2] == ("ReplaceAll", r"\s+") and len(by := step[2].encode()) <= MAX_BY else None


def _step_on_utf8(step: Step) -> OnUtf8:
    """Return one step as a function on UTF-8, which goes through str if there is no faster method."""
    name = step[0]
    if name in FORMS:
        return functools.partial(normalize_to_utf8, name)
    if name == "Lowercase":
        return _folding(True, None).apply
    by = _folds_to(step)
    if by is not None:
        return _folding(False, by).apply
    if name == "Replace":
        return _replacement(step[1].encode(), step[2].encode())
    if name == "Prepend":
        return _replacement(_NO_BYTE, _NO_BYTE, step[1].encode())
    if name == "Strip":
        return functools.partial(_strip, step)
    return functools.partial(_through_str, (step,))


def _replacement(old: bytes, new: bytes, before: bytes = b"") -> OnUtf8:
    return lambda text: replace(text, old, new, before)


def _through_str(steps: tuple[Step, ...], text: Text) -> Text:
    """Return the normalized text as `apply` does, for bytes too, as UTF-8, or `text` itself if nothing changes."""
    decoded = text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
    normal = apply(steps, decoded)
    return text if normal is decoded else normal.encode("utf-8", "surrogateescape")


def _strip(step: Step, text: Text) -> Text:
    """Return a text without white space at the ends that the step names, without decoding bytes."""
    if isinstance(text, str):
        return _stage(step).apply(text)
    start, end = 0, len(text)
    if "left" in step:
        start = _spaces_before().match(text).end()  # type: ignore[union-attr]
    while "right" in step and start < end:
        kept = len(text[start:end].rstrip(_ASCII_SPACE)) + start if text[end - 1] in _ASCII_SPACE else end
        kept -= next((len(space) for space in _wide_spaces() if text.endswith(space, start, kept)), 0)
        if kept == end:
            break
        end = kept
    return text[start:end]


_ASCII_SPACE = b"\t\n\x0b\x0c\r "


@functools.cache
def _wide_spaces() -> tuple[bytes, ...]:
    return tuple(char.encode() for char in WHITE_SPACE if not char.isascii())


@functools.cache
def _spaces_before() -> re.Pattern[bytes]:
    return re.compile(b"(?:[" + _ASCII_SPACE + b"]|" + b"|".join(_wide_spaces()) + b")*")


@functools.lru_cache(maxsize=16)
def _folding(lower: bool, by: bytes | None) -> Folding:
    if not lower:
        return Folding("", "", by)
    # All characters that can have a lower case, without surrogates and the one whose lower case has two characters.
    upper = "".join(chr(point) for point in range(0x1F000) if not 0xD800 <= point < 0xE000 and point != 0x130)
    return Folding(upper, lowercase(upper), by)


def kept_part(normalizer: Normalizer, name: str) -> str:
    """Return the longest part of a name that a normal form can hold only if the text itself holds it; "" for none.

    It consists of ASCII characters that no step makes from other characters.
    """
    kept = set(map(chr, range(0x21, 0x7F)))
    for step in normalizer if isinstance(normalizer, tuple) else ((normalizer,),):
        if step[0] == "NFC":
            kept -= {"K", ";", "`"}  # which U+212A, U+037E and U+1FEF become
        elif step[0] == "Lowercase":
            kept = {char for char in kept if not char.isalpha()}
        elif step[0] in ("Replace", "ReplaceAll") and step[2]:
            kept -= set(step[2])
        elif step[0] == "Prepend":
            kept -= set(step[1])
        elif step[0] != "Strip":  # other steps join characters by removing those between, or make ASCII of others
            return ""
    parts = "".join(char if char in kept else " " for char in name).split()
    return max(parts, key=len, default="")


def apply_aligned(normalizer: Normalizer, text: str) -> tuple[str, Places]:
    """Return the normalized text, and the (start, end) in `text` that each of its characters was made from."""
    return align_stages(_stages(normalizer), text)


@functools.lru_cache(maxsize=64)
def _stages(normalizer: Normalizer) -> tuple[Stage, ...]:
    """Return the stages of a normalizer."""
    return tuple(map(_stage, ((normalizer,),) if isinstance(normalizer, str) else normalizer))


def _stage(step: Step) -> Stage:
    name = step[0]
    if name == "Strip":
        return Strip("left" in step, "right" in step)
    if name in FORMS:
        return UnicodeForm(name)
    return _KINDS[name](*step[1:])


_KINDS: dict[str, Callable[..., Stage]] = {
    "Lowercase": Lowercase,
    "StripAccents": StripAccents,
    "Nmt": Nmt,
    "Replace": Replace,
    "ReplaceAll": ReplaceAll,
    "Prepend": Prepend,
}


def described(normalizer: Normalizer | None) -> str:
    """Return a description of a normalizer for messages; "" for None."""
    if normalizer is None or isinstance(normalizer, str):
        return normalizer or ""
    return ", ".join(f"{step[0]} {' '.join(map(repr, step[1:]))}".strip() for step in normalizer)
