"""Writes src_ext/pybpe/_core/unicode_ranges.h: the character classes that split patterns know, of Unicode 16.0.

    pip install unicodedata2==16.0.0
    python scripts/make_unicode_tables.py

tiktoken 0.14 and tokenizers 0.23 split by Unicode 16.0. The `unicodedata` of the running Python is some other version,
so the data comes from the PyPI package `unicodedata2`, whose version is checked, as are the sizes of the classes.
"""

from __future__ import annotations

import sys
from pathlib import Path

UNICODE_VERSION = "16.0.0"
CODE_POINTS = 0x110000
TARGET = Path(__file__).parents[1] / "src_ext/pybpe/_core/unicode_ranges.h"

# Bit values, as in unicode.pxd.
LETTER, NUMBER, SPACE, MARK, UPPER, LOWER, PUNCTUATION, SYMBOL = (1 << bit for bit in range(8))

FLAGS_OF_CATEGORY = {
    "Lu": LETTER | UPPER,
    "Lt": LETTER | UPPER,
    "Ll": LETTER | LOWER,
    "Lm": LETTER,
    "Lo": LETTER,
    "M": MARK,
    "N": NUMBER,
    "P": PUNCTUATION,
    "S": SYMBOL,
}
# The White_Space property of PropList.txt, which no Python module exposes exactly (str.isspace has four more).
WHITE_SPACE = {*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F,
               0x205F, 0x3000}  # fmt: skip
EXPECTED_SIZES = {LETTER: 141_028, NUMBER: 1_911, SPACE: 25, MARK: 2_501}


def flags_of(code_point: int, category: str) -> int:
    """The class bits of one code point."""
    flags = FLAGS_OF_CATEGORY.get(category, FLAGS_OF_CATEGORY.get(category[0], 0))
    return flags | SPACE if code_point in WHITE_SPACE else flags


def main() -> None:
    """Check the data, then write the header."""
    try:
        import unicodedata2
    except ImportError:
        sys.exit("make_unicode_tables: needs `pip install unicodedata2==16.0.0`")
    if unicodedata2.unidata_version != UNICODE_VERSION:
        sys.exit(
            f"make_unicode_tables: unicodedata2 holds Unicode {unicodedata2.unidata_version}, not "
            f"{UNICODE_VERSION}; `pip install unicodedata2==16.0.0`"
        )
    flags = [flags_of(point, unicodedata2.category(chr(point))) for point in range(CODE_POINTS)]
    for bit, size in EXPECTED_SIZES.items():
        found = sum(1 for value in flags if value & bit)
        if found != size:
            sys.exit(f"make_unicode_tables: class {bit:#x} has {found:,} code points, expected {size:,}")

    starts = [point for point in range(CODE_POINTS) if point == 0 or flags[point] != flags[point - 1]]
    entries = [f"0x{point:x}{flags[point]:02x}" for point in starts] + [f"0x{CODE_POINTS:x}00"]
    rows = [", ".join(entries[i : i + 10]) for i in range(0, len(entries), 10)]
    TARGET.write_text(
        "/* Written by scripts/make_unicode_tables.py from Unicode 16.0.0; do not edit.\n"
        "   One number a range: first code point << 8 | class bits (see unicode.pxd), in order, up to the next\n"
        "   number. The last one ends the table at 0x110000. */\n"
        "#include <stdint.h>\n\n"
        f"static const uint32_t UNICODE_RANGES[{len(entries)}] = {{\n    " + ",\n    ".join(rows) + ",\n};\n",
        encoding="utf-8",
    )
    print(f"{TARGET.name}: {len(starts):,} ranges")


if __name__ == "__main__":
    main()
