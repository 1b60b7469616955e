"""Punctuation and combining marks of Hugging Face's tokenizers, which are of an older Unicode.

Both classes are those of Unicode 16.0 without the ranges of newer characters below, and with a few characters that have
changed class since. A test compares every code point with tokenizers 0.23.
"""

from __future__ import annotations

from pybpe._core.unicode import ranges

_NEWER_PUNCTUATION = (
    (0x61D, 0x61D),
    (0x9FD, 0xA76),
    (0xC77, 0xC84),
    (0x1B4E, 0x1B4F),
    (0x1B7D, 0x1B7F),
    (0x2E43, 0x2E5D),
    (0x10D6E, 0x10F89),
    (0x113D4, 0x1145D),
    (0x11660, 0x116B9),
    (0x1183B, 0x11FFF),
    (0x12FF1, 0x12FF2),
    (0x16D6D, 0x16FE2),
    (0x1E5FF, 0x1E95F),
)
_NEWER_MARKS = (
    (0x7FD, 0x7FD),
    (0x897, 0x8D3),
    (0x9FE, 0x9FE),
    (0xAFA, 0xAFF),
    (0xB55, 0xB55),
    (0xC04, 0xC3C),
    (0xCF3, 0xD00),
    (0xD3B, 0xD3C),
    (0xD81, 0xD81),
    (0xEBA, 0xEBA),
    (0xECE, 0xECE),
    (0x1715, 0x1715),
    (0x180F, 0x180F),
    (0x1ABF, 0x1ACE),
    (0x1CF7, 0x1CF7),
    (0x1DF6, 0x1DFA),
    (0xA82C, 0xA82C),
    (0xA8FF, 0xA8FF),
    (0x10D24, 0x10F85),
    (0x11070, 0x11074),
    (0x110C2, 0x110C2),
    (0x11145, 0x11146),
    (0x111C9, 0x111C9),
    (0x111CE, 0x111CF),
    (0x11241, 0x11241),
    (0x1133B, 0x1133B),
    (0x113B8, 0x113E2),
    (0x1145E, 0x1145E),
    (0x1182C, 0x11A99),
    (0x11D31, 0x1612F),
    (0x16F4F, 0x16F4F),
    (0x16F7F, 0x16F87),
    (0x16FE4, 0x16FF1),
    (0x1CF00, 0x1CF46),
    (0x1E08F, 0x1E5EF),
)
_FORMER_MARKS = (0x1CF2, 0x1CF3)

# The content of a set in brackets. The symbols of ASCII count as punctuation, and so do two characters that were once.
PUNCTUATION = (
    r"\p{P}$+<=>^`|~\u166D\U000111C9&&[^"
    + "".join(f"\\U{first:08X}-\\U{last:08X}" for first, last in _NEWER_PUNCTUATION)
    + "]"
)


def combining_marks() -> frozenset[int]:
    """Return the code points that StripAccents removes."""
    table = ranges()
    ends = [*(first for first, *_ in table[1:]), 0x110000]
    marks = {
        point
        for (first, category, *_), end in zip(table, ends, strict=True)
        if category[0] == "M"
        for point in range(first, end)
    }
    newer = (range(first, last + 1) for first, last in _NEWER_MARKS)
    return frozenset(marks.difference(*newer).union(_FORMER_MARKS))
