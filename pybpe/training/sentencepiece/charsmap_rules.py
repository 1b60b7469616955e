"""The maps of characters of sentencepiece 0.2.3: nfkc, and nmt_nfkc, its default.

A map holds what NFKC of Unicode 17.0 changes: characters, and every sequence that it composes to fewer characters,
compatible characters included. The longest key wins, so a key is left out if shorter keys give the same result.
"""

from __future__ import annotations

import functools
import itertools
import unicodedata
from collections.abc import Iterator
from typing import Literal, get_args

from pybpe._core.unicode import classes
from pybpe.training.sentencepiece.charsmap_builder import build_charsmap

Rule = Literal["nfkc", "nmt_nfkc"]
RULES: tuple[Rule, ...] = get_args(Rule)

# Characters that NFKC of Unicode 17.0 changes and that Unicode 13.0, that of Python 3.10, does not have: the first code
# point of a range, and the normal form of each character of it; then characters that are composed of two.
_COMPATIBLE = {
    0xA7F1: "SCFQ",
    0x10781: "\u02d0\u02d1\xe6\u0299\u0253",
    0x10787: "\u02a3\uab66\u02a5\u02a4\u0256\u0257\u1d91\u0258\u025e\u02a9\u0264\u0262\u0260\u029b\u0127\u029c\u0267"
    "\u0284\u02aa\u02ab\u026c\U0001df04\ua78e\u026e\U0001df05\u028e\U0001df06\xf8\u0276\u0277q\u027a\U0001df08\u027d"
    "\u027e\u0280\u02a8\u02a6\uab67\u02a7\u0288\u2c71",
    0x107B2: "\u028f\u02a1\u02a2\u0298\u01c0\u01c1\u01c2\U0001df0a\U0001df1e",
    0x1CCD6: "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    0x1E030: "абвгдежзиклмопрстуфхцчшыэю\ua689\u04d9\u0456\u0458\u04e9\u04af\u04cfабвгдежзиклопсуфхцчшъы\u0491\u0456"
    "\u0455\u045f\u04ab\ua651\u04b1",
}
_COMPOSED = (
    "105c9=105d2+307 105e4=105da+307 11383=11382+113c9 11385=11384+113bb 1138e=1138b+113c2 11391=11390+113c9 "
    "113c5=113c2+113c2 113c7=113c2+113b8 113c8=113c2+113c9 16121=1611e+1611e 16122=1611e+16129 16123=1611e+1611f "
    "16124=16129+1611f 16125=1611e+16120 16126=16121+1611f 16127=16122+1611f 16128=16121+16120 16d68=16d67+16d67 "
    "16d69=16d63+16d67 16d6a=16d69+16d67"
)
_HANGUL = range(0xAC00, 0xD7A4)

# nmt_nfkc also maps white space and marks of direction to spaces, and removes control characters.
_TO_SPACE = "\t\n\f\r\u061c\u1680\u200b\u200c\u200e\u200f\u2028\u2029\u2581\ufeff\ufffd"
_TO_NOTHING = "".join(map(chr, (*range(1, 9), 0x0B, *range(0x0E, 0x20), 0x7F, 0x8F, 0x9F)))
_KEPT = "\uff5e"


@functools.lru_cache(maxsize=len(RULES))
def charsmap_of(rule: Rule) -> bytes:
    """Return the compiled map of a rule."""
    return build_charsmap(keys_of(rule))


def keys_of(rule: Rule) -> dict[str, str]:
    """Return {text: replacement} of a rule, not compiled."""
    keys = _nfkc()
    if rule == "nmt_nfkc":
        keys.update(dict.fromkeys(_TO_SPACE, " "), **dict.fromkeys(_TO_NOTHING, ""))
        del keys[_KEPT]
    return keys


def _nfkc() -> dict[str, str]:
    keys: dict[str, str] = {}
    forms: dict[str, list[str]] = {}  # {character in normal form: characters that are compatible with it}
    composed: dict[str, str] = {}
    for char, decomposed, normal in _changing():
        if normal != char:
            keys[char] = normal
        if len(decomposed) == 1:
            forms.setdefault(decomposed, []).append(char)
        elif char == normal or len(normal) < len(decomposed):
            composed[decomposed] = normal
    for decomposed, normal in composed.items():
        for written in itertools.product(*([char, *forms.get(char, ())] for char in decomposed)):
            keys["".join(written)] = normal
    return {key: value for key, value in keys.items() if len(key) == 1 or _shorter(keys, key) != value}


def _changing() -> Iterator[tuple[str, str, str]]:
    """Yield (character, NFKD, NFKC) of each character that one of the two changes."""
    newer = {chr(first + place): char for first, chars in _COMPATIBLE.items() for place, char in enumerate(chars)}
    for pair in _COMPOSED.split():
        char, left, right = (chr(int(point, 16)) for point in pair.replace("+", "=").split("="))
        newer[char] = newer.get(left, left) + right
    for char, decomposed in newer.items():
        yield char, decomposed, decomposed if len(decomposed) == 1 else char
    for point in range(0x80, 0x110000):
        char = chr(point)
        changes = unicodedata.decomposition(char) or point in _HANGUL
        if changes and char not in newer and classes(point):  # a character without a class is newer than Unicode 17.0
            yield char, unicodedata.normalize("NFKD", char), unicodedata.normalize("NFKC", char)


def _shorter(keys: dict[str, str], text: str) -> str:
    """Return a text after replacement by keys shorter than the whole text, the longest at each place."""
    made, place = [], 0
    while place < len(text):
        for end in range(min(len(text), place + len(text) - 1), place, -1):
            if text[place:end] in keys:
                made.append(keys[text[place:end]])
                place = end
                break
        else:
            made.append(text[place])
            place += 1
    return "".join(made)
