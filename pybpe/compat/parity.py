"""The comparison of pybpe with a tokenizers.Tokenizer on texts with all known difficulties."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from pybpe.compat.snapshot import Snapshot
from pybpe.errors import ParityError

# Characters of every class in split patterns, characters that normal forms change, and long or unassigned ones.
_BOUNDARY = (
    " \t\n\r\x0b\x0c\x1c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u3000\ufeff\u200b\u200c\u200d\x00\x7f\xad"
    "'\"’.,-_/!?()[]{}<>|@#$%^&*+=~`\\«¿"
    "aAzZsStTmMdDlLvVeErRéÉßſÅÅKǅǆʰªŉﬁ019²½٣Ⅷ〇"
    "дЖωΣς中字한가각ᄀᆨあアﾞ々हिन्दीไทยกِعربأاאבגৰ"
    "\u0301\u0300\u0327\u0338\u0345\u3099\u09be\u1161\u11a8\u20dd\ufe0f🙂👩🏽🇩𝒜𐐀\U00011930\ue000\u0378\ufffd\U0010ffff"
)
_TEXTS = (
    *("", " ", "  ", "\n", "\r\n", "a", " a", "a ", "\x00", "é", "\u0301", "🙂", "e\u0301", "\ufffe"),
    "The quick brown fox doesn't jump; it'LL've we'Re THEY'D I'm o'clock 'tis 's 'S ‘quoted’ “so”.",
    "12 345 6789012345 3.14159e-10 1,000,000 0x1F 2024-11-22T16:00:00Z ½ ² Ⅷ ٣٤٥ 一二三 1st 2nd",
    'def f(x: int) -> list[str]:\n\treturn [f"{i:>8}" for i in range(x)]  # done\n\n\n    if x != 1:\n        pass\r\n',
    '#include <stdio.h>\nint main(void) { printf("%d\\n", a->b[3] << 2); /* ok */ return !0; }\n',
    '<div class="a b">\n  <a href=\'https://example.org/?q=1&r=%20#x\'>link</a>\n</div>\n\n\n\n{"k": [1, null, true]}',
    "Größe, naïve café, Ελληνικά γράμματα, русский язык, український, ქართული, Հայերեն, tiếng Việt, İstanbul, ŉ",
    "中文字符没有空格。日本語の文章、カタカナと漢字。한국어 문장입니다. हिन्दी में लिखा हुआ वाक्य।",
    "ภาษาไทยไม่มีช่องว่าง العربية עברית தமிழ்",
    "👩‍👩‍👧‍👦 👍🏽 🇩🇪🇫🇷 ❤️ ☃︎ 𝒜𝓑𝒞 Ａｂｃ１２３ ﬁ ﬂ ǅ ß ẞ ſ K Å Å \u1e9b\u0323 \u0958 각 각 e\u0301\u0327 \u0327\u0301a",
    "a" * 300 + " " * 300 + "b\n" * 60 + "\t" * 50 + "-" * 200 + "!" * 9 + "=" * 33 + "中" * 90 + "ab" * 90,
    "x \n y  \n\n z   \r\n\r\n w\t\n \t\nv\u00a0 \u00a0u\u3000\u3000t\u2028s\u0085r \u200b q",
)
_STRINGS = 200  # random strings
_TOKENS = 2_000  # tokens of the vocabulary, in a few long texts
_NAMES = 200  # names of added tokens, each in two texts of its own
_SHOWN = 80  # characters of a text in messages


def check_parity(backend: Any, snapshot: Snapshot) -> None:
    """Raise ParityError, with the first difference, unless pybpe encodes and decodes all probes as `backend` does."""
    texts = list(_probes(snapshot))
    real = [snapshot.original(text, False, True, None) for text in texts]
    for text, theirs, ours in zip(texts, real, snapshot.encode(texts, 1), strict=True):
        if ours != theirs.ids:
            raise _difference("encode", text, ours, theirs.ids)
        if snapshot.encode([text], 1) != [ours]:
            raise ParityError(f"pybpe does not give the same ids twice for {text[:_SHOWN]!r}")
        for skip in (True, False):
            decoded = snapshot.decode(ours, skip)
            if decoded not in (None, expected := backend.decode(ours, skip)):
                raise _difference("decode", text, decoded, expected)


def _probes(snapshot: Snapshot) -> Iterator[str]:
    """Yield the texts to compare, some of them made from the vocabulary."""
    yield from _TEXTS
    rng = random.Random(0)
    for size in range(_STRINGS):
        yield "".join(rng.choices(_BOUNDARY, k=1 + size % 40))
    tokens = [token for token in snapshot.tokens if token]
    some = [token.decode("utf-8", "ignore") for token in rng.sample(tokens, min(_TOKENS, len(tokens)))]
    for separator in ("", " ", "\n"):
        yield separator.join(some[:500])
    yield from some[:_STRINGS]
    yield "".join(f"{first}{second} " for first, second in zip(some, some[1:], strict=False))
    names = snapshot.names if len(snapshot.names) <= _NAMES else rng.sample(snapshot.names, _NAMES)
    for name in names:
        yield name
        yield f"a{name}b \n {name} \t{name}{name}1{name[:-1]} {name[1:]}é{name.lower()}{name.upper()}\u0301"
    yield "".join(snapshot.names)
    yield " x ".join(snapshot.names)


def _difference(what: str, text: str, ours: Sequence[Any] | None, theirs: Sequence[Any]) -> ParityError:
    ours = ours or []
    pairs = zip(ours, theirs, strict=False)
    place = next((i for i, (one, other) in enumerate(pairs) if one != other), min(len(ours), len(theirs)))
    return ParityError(
        f"pybpe and the tokenizers package differ, so pybpe will not stand in: to {what} {text[:_SHOWN]!r}, "
        f"pybpe gives {ours[place : place + 8]} at place {place}, tokenizers {theirs[place : place + 8]}"
    )
