"""Writes src_ext/pybpe/_core/unicode_ranges.h: what split patterns ask of a character, by Unicode 16.0.

    pip install unicodedata2==16.0.0 fonttools==4.57.0
    python scripts/make_unicode_tables.py

tiktoken 0.14 and tokenizers 0.23 split by Unicode 16.0. The `unicodedata` of the running Python is some other version,
so categories come from the PyPI package `unicodedata2` and scripts from `fonttools`, whose versions are checked, as are
the sizes of the classes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

UNICODE_VERSION = "16.0.0"
CODE_POINTS = 0x110000
TARGET = Path(__file__).parents[1] / "src_ext/pybpe/_core/unicode_ranges.h"

# A character's facts in one byte: the number of its category in the low five bits, and two flags.
CATEGORIES = (
    "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
    "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co",
)  # fmt: skip
WHITE_SPACE_FLAG = 0x20
HAN_FLAG = 0x40

# The White_Space property of PropList.txt, which no Python module exposes exactly (str.isspace has four more).
WHITE_SPACE = {*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F,
               0x205F, 0x3000}  # fmt: skip
EXPECTED_SIZES = {"L": 141_028, "N": 1_911, "M": 2_501, "Han": 99_030}


class Facts(NamedTuple):
    """What is known of a code point."""

    category: str
    script: str


def read_data() -> list[Facts]:
    """The facts of every code point, from packages that hold the right version."""
    try:
        import unicodedata2
        from fontTools.unicodedata import Scripts, script
    except ImportError:
        sys.exit("make_unicode_tables: needs `pip install unicodedata2==16.0.0 fonttools==4.57.0`")
    found = unicodedata2.unidata_version
    if found != UNICODE_VERSION or f"Scripts-{UNICODE_VERSION}.txt" not in Path(Scripts.__file__).read_text("utf-8"):
        sys.exit(
            f"make_unicode_tables: unicodedata2 holds Unicode {found}, or fonttools another, not {UNICODE_VERSION}; "
            "`pip install unicodedata2==16.0.0 fonttools==4.57.0`"
        )
    chars = [chr(point) for point in range(CODE_POINTS)]
    return [Facts(unicodedata2.category(char), script(char)) for char in chars]


def byte_of(code_point: int, facts: Facts) -> int:
    """The byte of one code point."""
    byte = CATEGORIES.index(facts.category)
    if code_point in WHITE_SPACE:
        byte |= WHITE_SPACE_FLAG
    if facts.script == "Hani":
        byte |= HAN_FLAG
    return byte


def main() -> None:
    """Check the data, then write the header."""
    data = read_data()
    for name, size in EXPECTED_SIZES.items():
        found = sum(facts.category[0] == name or (facts.script == "Hani" and name == "Han") for facts in data)
        if found != size:
            sys.exit(f"make_unicode_tables: class {name} has {found:,} code points, expected {size:,}")

    table = [byte_of(point, facts) for point, facts in enumerate(data)]
    starts = [point for point in range(CODE_POINTS) if point == 0 or table[point] != table[point - 1]]
    entries = [f"0x{point:x}{table[point]:02x}" for point in starts] + [f"0x{CODE_POINTS:x}00"]
    rows = [", ".join(entries[i : i + 10]) for i in range(0, len(entries), 10)]
    TARGET.write_text(
        "/* Written by scripts/make_unicode_tables.py from Unicode 16.0.0; do not edit.\n"
        "   One number a range: first code point << 8 | facts (see unicode.pyx), in order, up to the next number.\n"
        "   The last one ends the table at 0x110000. */\n"
        "#include <stdint.h>\n\n"
        f"static const uint32_t UNICODE_RANGES[{len(entries)}] = {{\n    " + ",\n    ".join(rows) + ",\n};\n",
        encoding="utf-8",
    )
    print(f"{TARGET.name}: {len(starts):,} ranges")


if __name__ == "__main__":
    main()
