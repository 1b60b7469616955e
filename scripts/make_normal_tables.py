"""Writes src_ext/pybpe/_core/normal_ranges.h: properties of characters that decide about normal forms.

    pip install unicodedata2==16.0.0
    python scripts/make_normal_tables.py

The data is that of Unicode 16.0, from the PyPI package `unicodedata2`, whose version is checked. Normal forms are those
of Unicode 9.0: NEWER names the characters assigned since then that have one, or are part of one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

UNICODE_VERSION = "16.0.0"
CODE_POINTS = 0x110000
TARGET = Path(__file__).parents[1] / "src_ext/pybpe/_core/normal_ranges.h"

# Assigned after Unicode 9.0 and until 16.0, and changed by some normal form or part of a composition.
NEWER = (
    "7fd 897-89f 8ca-8d3 9fe c3c d3b-d3c eba 1715 1abf-1ace 1df6-1dfa 32ff a7f2-a7f4 a82c ab69 105c9 105e4 10781-10785 "
    "10787-107b0 107b2-107ba 10d24-10d27 10d69-10d6d 10eab-10eac 10efd-10eff 10f46-10f50 10f82-10f85 11070 1133b 11383 "
    "11385 1138e 11391 113b8 113bb 113c2 113c5 113c7-113c9 113ce-113d0 1145e 11839-1183a 11930 11938 1193d-1193e 11943 "
    "119e0 11a34 11a47 11a99 11d42 11d44-11d45 11d97 11f41-11f42 1611e-16129 1612f 16d67-16d6a 16ff0-16ff1 1ccd6-1ccf9 "
    "1e030-1e06d 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef 1e5ee-1e5ef 1f16c 1fbf0-1fbf9"
)

# Bits of the facts; the low byte is the canonical combining class.
CHANGES = {"NFC": 0x100, "NFD": 0x200, "NFKC": 0x400, "NFKD": 0x800}  # the form of the character alone is another
JOINS = 0x1000  # it, or what its decomposition begins with, can be the second of a composition
BEGINS = 0x2000  # it can be the first of a composition
NEWER_FLAG = 0x4000
UNASSIGNED = 0x8000

# Hangul composes by arithmetic and stands in no table: initial consonants, vowels, final consonants, syllables.
INITIALS = range(0x1100, 0x1113)
VOWELS = range(0x1161, 0x1176)
FINALS = range(0x11A8, 0x11C3)
OPEN_SYLLABLES = range(0xAC00, 0xD7A4, 28)


def newer_points() -> set[int]:
    """The code points of NEWER."""
    spans = [[int(end, 16) for end in span.split("-")] for span in NEWER.split()]
    return {point for span in spans for point in range(span[0], span[-1] + 1)}


def read_facts() -> list[int]:
    """The facts of every code point."""
    try:
        import unicodedata2 as data
    except ImportError:
        sys.exit("make_normal_tables: needs `pip install unicodedata2==16.0.0`")
    if data.unidata_version != UNICODE_VERSION:
        sys.exit(f"make_normal_tables: unicodedata2 holds Unicode {data.unidata_version}, not {UNICODE_VERSION}")
    chars = [chr(point) for point in range(CODE_POINTS)]
    pairs = [parts for char in chars if len(parts := data.decomposition(char).split()) == 2 and parts[0][0] != "<"]
    seconds = {int(second, 16) for _, second in pairs} | set(VOWELS) | set(FINALS)
    composed = [pair for pair in pairs if len(data.normalize("NFC", "".join(chr(int(part, 16)) for part in pair))) == 1]
    firsts = {int(first, 16) for first, _ in composed} | set(INITIALS) | set(OPEN_SYLLABLES)
    newer = newer_points()

    def facts(char: str, normalize: Callable[[str, str], str] = data.normalize) -> int:
        point = ord(char)
        if data.category(char) == "Cn":
            return UNASSIGNED
        if point in newer:
            return NEWER_FLAG
        first = normalize("NFKD", char)[0]
        return (
            int(data.combining(char))
            | sum(bit for form, bit in CHANGES.items() if normalize(form, char) != char)
            | (JOINS if ord(first) in seconds or (first != char and data.combining(first)) else 0)
            | (BEGINS if point in firsts else 0)
        )

    return [facts(char) for char in chars]


def rows(entries: list[str], per_row: int = 10) -> str:
    """The entries as lines of C."""
    lines = [", ".join(entries[i : i + per_row]) for i in range(0, len(entries), per_row)]
    return ",\n    ".join(lines)


def main() -> None:
    """Read the data, then write the header."""
    table = read_facts()
    kinds = sorted(set(table))
    if len(kinds) > 256 or kinds[0] != 0:
        sys.exit(f"make_normal_tables: {len(kinds)} different facts, at most 256 fit in a byte")
    number = {facts: index for index, facts in enumerate(kinds)}
    starts = [point for point in range(CODE_POINTS) if point == 0 or table[point] != table[point - 1]]
    entries = [f"0x{point:x}{number[table[point]]:02x}" for point in starts] + [f"0x{CODE_POINTS:x}00"]
    TARGET.write_text(
        "/* Written by scripts/make_normal_tables.py from Unicode 16.0.0; do not edit.\n"
        "   NORMAL_FACTS: the different facts (see normal.pyx). NORMAL_RANGES: one number a range, first code point\n"
        "   << 8 | place in NORMAL_FACTS, in order, up to the next; the last one ends the table at 0x110000. */\n"
        "#include <stdint.h>\n\n"
        f"static const uint32_t N_NORMAL_FACTS = {len(kinds)};\n\n"
        f"static const uint16_t NORMAL_FACTS[{len(kinds)}] = {{\n    {rows([hex(facts) for facts in kinds])},\n}};\n\n"
        f"static const uint32_t NORMAL_RANGES[{len(entries)}] = {{\n    {rows(entries)},\n}};\n",
        encoding="utf-8",
    )
    print(f"{TARGET.name}: {len(starts):,} ranges, {len(kinds)} different facts")


if __name__ == "__main__":
    main()
