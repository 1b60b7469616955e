"""What becomes of a text before it is split: a normal form, or several steps one after another.

A step is a tuple of strings, its name first: ("NFC",) and the other normal forms; ("Lowercase",); ("StripAccents",),
which leaves out combining marks; ("Nmt",), which leaves out control characters, or makes them spaces; ("Replace", text,
by); ("ReplaceAll", pattern, by), for patterns that `replaceable` takes; ("Prepend", text); ("Strip", "left", "right")
or one side of that. They mean what steps of these names mean in Hugging Face's tokenizers.
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
from pybpe.normalization.older_unicode import combining_marks
from pybpe.normalization.unicode_forms import FORMS, normalize, normalize_aligned, normalize_to_utf8

Step = tuple[str, ...]
Normalizer = str | tuple[Step, ...]  # a normal form alone is a string
Places = list[tuple[int, int]]
Text = str | bytes
OnUtf8 = Callable[[Text], Text]  # the text itself, or the UTF-8 of what becomes of it

WHITE_SPACE = "".join(map(chr, (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F)))
WHITE_SPACE += "\u205f\u3000"
_OTHER_SPACE = "\x1c\x1d\x1e\x1f"  # which Python takes for white space too
_SIZES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys((*FORMS, "Lowercase", "StripAccents", "Nmt"), (0,)),
    "Replace": (2,),
    "ReplaceAll": (2,),
    "Prepend": (1,),
}
_SIZES["Strip"] = (1, 2)
_NMT_REMOVED = (*range(1, 9), 0xB, *range(0xE, 0x20), 0x7F, 0x8F, 0x9F)
_NMT_SPACES = (0x9, 0xA, 0xC, 0xD, 0x1680, *range(0x200B, 0x2010), 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD)
MAX_STEPS = 100
_NO_BYTE = b"\xff"  # of UTF-8
MAX_BY = 4  # bytes that Folding can put for white space
MAX_GROWTH = 1000  # of a text, by all that replaces a character
# Of a pattern to be replaced: single characters and white space, each perhaps repeated.
_PART = re.compile(r"(\\s|\\[nrt]|[^\\^$.|?*+()\[\]{}])([+*?]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\})?")

# Lower case as of Unicode 17.0, which tokenizers has, where Python 3.10 (Unicode 13.0) or a newer one does not know it.
_SINCE_14 = {0x2C2F: 0x2C5F, 0xA7CB: 0x264, 0x1C89: 0x1C8A, 0xA7DC: 0x19B}
_SINCE_14 |= {upper: upper + 1 for upper in (0xA7C0, *range(0xA7CC, 0xA7DB, 2))}
_SINCE_14 |= {upper: upper + 0x27 for upper in range(0x10570, 0x10596) if upper not in (0x1057B, 0x1058B, 0x10593)}
_SINCE_14 |= {upper: upper + 0x20 for upper in range(0x10D50, 0x10D66)}
_SINCE_14 |= {upper: upper + 0x1B for upper in range(0x16EA0, 0x16EB9)}
_NEWER_LOWER = {upper: lower for upper, lower in _SINCE_14.items() if ord(chr(upper).lower()) != lower}
_NEWER = "".join(map(chr, _NEWER_LOWER))


def check_normalizer(normalizer: Any) -> None:
    """Raise FormatError for what is no normalizer."""
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
    """Whether a pattern is so simple that it means the same everywhere, and never matches nothing."""
    place = least = 0
    while place < len(pattern) and (part := _PART.match(pattern, place)):
        place = part.end()
        count = re.fullmatch(r"\{([0-9]+),([0-9]+)\}", part[2] or "")
        if count and int(count[1]) > int(count[2]):
            return False
        least += part[2] is None or not re.match(r"[*?]|\{0*[,}]", part[2])
    return place == len(pattern) and least > 0


def pattern_parts(pattern: str) -> list[tuple[str, str]]:
    """Return (characters, count) for each part of a `replaceable` pattern; the count is as written, "" for one."""
    escaped = {"\\s": WHITE_SPACE, "\\n": "\n", "\\r": "\r", "\\t": "\t"}
    return [(escaped.get(part[1], part[1]), part[2] or "") for part in _PART.finditer(pattern)]


def apply(normalizer: Normalizer | None, text: str) -> str:
    """The text in its new form; the text itself if that is the same."""
    if normalizer is None or not text:
        return text
    if isinstance(normalizer, str):
        return normalize(normalizer, text)  # type: ignore[arg-type]
    normal = text
    for step in normalizer:
        normal = _apply_step(step, normal)
    return text if normal == text else normal


@functools.lru_cache(maxsize=64)
def prepare(normalizer: Normalizer) -> Callable[[Text], Text]:
    """Return the function that makes the normal form of a text, as `apply` does, in UTF-8.

    Its steps are chosen here, once. It returns the text itself if that is the same, else bytes; bytes that are no UTF-8
    stay as they are. It raises UnicodeEncodeError for a str with a lone surrogate.
    """
    if isinstance(normalizer, str):
        return functools.partial(normalize_to_utf8, normalizer)  # type: ignore[arg-type]
    through_str = functools.partial(_through_str, normalizer)
    if "\\ud" in ascii(normalizer):  # steps with lone surrogates, which have no UTF-8
        return through_str
    steps = tuple(_on_utf8(normalizer))

    def run(text: Text) -> Text:
        if isinstance(text, bytes) and not is_utf8(text):
            return through_str(text)  # what a step leaves out could join bytes to a character for the next
        for step in steps:
            text = step(text)
        return text

    return run


def _on_utf8(steps: tuple[Step, ...]) -> Iterator[OnUtf8]:
    """The steps as functions over UTF-8, some of them two in one."""
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
    """What a step puts for every run of white space, if that is what it does and Folding can do it."""
    return by if step[:2] == ("ReplaceAll", r"\s+") and len(by := step[2].encode()) <= MAX_BY else None


def _step_on_utf8(step: Step) -> OnUtf8:
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
    """As `apply`, for bytes too."""
    decoded = text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
    normal = apply(steps, decoded)
    return text if normal is decoded else normal.encode("utf-8", "surrogateescape")


def _strip(step: Step, text: Text) -> Text:
    if isinstance(text, str):
        return _apply_step(step, text)
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
    # All that can have a lower case, but for surrogates and for the one character whose lower case has two.
    upper = "".join(chr(point) for point in range(0x1F000) if not 0xD800 <= point < 0xE000 and point != 0x130)
    return Folding(upper, lowercase(upper), by)


def kept_part(normalizer: Normalizer, name: str) -> str:
    """Return the longest part of a name that the normal form of a text holds only if the text itself holds it.

    It is of ASCII characters that no step makes of others. Empty where nothing is sure.
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
        elif step[0] != "Strip":  # others leave characters out, so that their neighbours meet, or make ASCII of much
            return ""
    parts = "".join(char if char in kept else " " for char in name).split()
    return max(parts, key=len, default="")


def _apply_step(step: Step, text: str) -> str:
    name = step[0]
    if name == "Replace":
        return text.replace(step[1], step[2])
    if name == "ReplaceAll":
        if step[1] == r"\s+" and not any(map(text.__contains__, _OTHER_SPACE)):
            return _replace_spaces(text, step[2])
        return _compiled(step[1]).sub(step[2].replace("\\", r"\\"), text)
    if name == "Prepend":
        return step[1] + text if text else text
    if name == "Lowercase":
        return lowercase(text)
    if name == "StripAccents" and text.isascii():
        return text
    if name in ("StripAccents", "Nmt"):
        return text.translate(_table(name))
    if name == "Strip":
        text = text.lstrip(WHITE_SPACE) if "left" in step else text
        return text.rstrip(WHITE_SPACE) if "right" in step else text
    return normalize(name, text)  # type: ignore[arg-type]


@functools.cache
def _table(name: str) -> dict[int, str | None]:
    """What becomes of single characters."""
    if name == "Nmt":
        return {**dict.fromkeys(_NMT_REMOVED), **dict.fromkeys(_NMT_SPACES, " ")}
    return dict.fromkeys(combining_marks())


def _replace_spaces(text: str, by: str) -> str:
    """The text with `by` for every run of white space: several times as fast as by a pattern."""
    words = text.split()
    if not words:
        return by if text else text
    return (by if text[0].isspace() else "") + by.join(words) + (by if text[-1].isspace() else "")


def lowercase(text: str) -> str:
    """Each character in lower case, whatever stands beside it: a sigma at the end of a word too."""
    if text.isascii():
        return text.lower()
    if any(map(text.__contains__, _NEWER)):  # takes little where `translate` takes long
        text = text.translate(_NEWER_LOWER)
    return text.replace("Σ", "σ").lower()


def apply_aligned(normalizer: Normalizer, text: str) -> tuple[str, Places]:
    """As `apply`, and for each character the (start, end) of what it was made from."""
    if isinstance(normalizer, str):
        return normalize_aligned(normalizer, text)  # type: ignore[arg-type]
    places = [(place, place + 1) for place in range(len(text))]
    for step in normalizer:
        text, of_step = _align_step(step, text)
        if of_step is not None:
            places = [_joined(places, start, end) for start, end in of_step]
    return text, places


def _joined(places: Places, start: int, end: int) -> tuple[int, int]:
    """Where characters from start to end come from; an empty place before the first of them for none."""
    if start < end:
        return places[start][0], places[end - 1][1]
    at = places[start][0] if start < len(places) else places[-1][1] if places else 0
    return at, at


def _align_step(step: Step, text: str) -> tuple[str, Places | None]:
    """The text after a step, and the places of its characters in the text before it; None where nothing moved."""
    name = step[0]
    made: list[str] = []
    places: Places = []
    if name in ("Lowercase", "StripAccents", "Nmt"):
        for place, char in enumerate(text):
            made.append(_apply_step(step, char))
            places += [(place, place + 1)] * len(made[-1])
    elif name in ("Replace", "ReplaceAll"):
        done = 0
        for match in _compiled(re.escape(step[1]) if name == "Replace" else step[1], name == "Replace").finditer(text):
            start, end = match.span()
            made += (text[done:start], step[2])
            places += ((place, place + 1) for place in range(done, start))
            places += [(start, end)] * len(step[2])
            done = end
        made.append(text[done:])
        places += ((place, place + 1) for place in range(done, len(text)))
    elif name == "Prepend":
        if not text:
            return text, None
        made = [step[1], text]
        places = [(0, 0)] * len(step[1]) + [(place, place + 1) for place in range(len(text))]
    elif name == "Strip":
        kept = _apply_step(step, text)
        start = len(text) - len(text.lstrip(WHITE_SPACE)) if "left" in step else 0
        made, places = [kept], [(place, place + 1) for place in range(start, start + len(kept))]
    else:
        return normalize_aligned(name, text)  # type: ignore[arg-type]
    return "".join(made), places


@functools.lru_cache(maxsize=64)
def _compiled(pattern: str, literal: bool = False) -> re.Pattern[str]:
    """A pattern that `replaceable` takes, or an escaped text; white space as Unicode has it, and not as Python."""
    return re.compile(pattern if literal else pattern.replace("\\s", f"[{WHITE_SPACE}]"))


def described(normalizer: Normalizer | None) -> str:
    """A normalizer in words, for people."""
    if normalizer is None or isinstance(normalizer, str):
        return normalizer or ""
    return ", ".join(f"{step[0]} {' '.join(map(repr, step[1:]))}".strip() for step in normalizer)
