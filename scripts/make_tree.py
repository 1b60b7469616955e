"""Write the tree of rooms into the README, and that of all files into docs/architecture.md, from their docstrings.

python scripts/make_tree.py            write both
python scripts/make_tree.py --check    end with status 1 if one of them is not up to date
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- tree: begin -->\n```\n", "```\n<!-- tree: end -->"
OTHER_ROOMS = {
    "src_ext/": "the compiled modules in Cython; mirrors the import path, a stub in pybpe/ says what each does",
    "tests/": "the tests, in the same rooms; tests/support/ is shared with scripts",
    "scripts/": "benchmarks, comparisons with other packages, generators of tables; perf_log.md, what was tried",
    "docs/": "architecture, benchmarks, the GPT, transformers",
}


def first_line(path: Path) -> str:
    """Return the first line of a module's docstring, without its period."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return (docstring or "").split("\n")[0].rstrip(".")


def is_hidden(path: Path) -> bool:
    """Return True for what the tree leaves out."""
    return path.name.startswith((".", "__pycache__"))


def rooms() -> Iterator[tuple[str, str]]:
    """Yield (name, description) of what lies at the top of pybpe/, and of the folders beside it."""
    package = ROOT / "pybpe"
    yield "pybpe/", first_line(package / "__init__.py").removeprefix("pybpe: ")
    for path in sorted(package.glob("*.py")):
        if path.name != "__init__.py":
            yield f"  {path.name}", first_line(path)
    for path in sorted(package.glob("*/__init__.py")):
        yield f"  {path.parent.name}/", first_line(path)
    yield from OTHER_ROOMS.items()


def files(folder: Path, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield (name, description) of a package's files, those of its rooms behind its own."""
    yield "  " * depth + f"{folder.name}/", first_line(folder / "__init__.py")
    modules = [path for path in folder.iterdir() if path.suffix in (".py", ".pyi") and path.name != "__init__.py"]
    for path in sorted(modules):
        name = path.name if path.suffix == ".py" else f"{path.stem}.pyx"
        yield "  " * (depth + 1) + name, first_line(path)
    for path in sorted(folder.glob("*/__init__.py")):
        yield from files(path.parent, depth + 1)


def table(rows: Iterator[tuple[str, str]]) -> str:
    """Return rows as lines of two columns."""
    listed = list(rows)
    width = max(len(name) for name, _ in listed) + 2
    return "".join(f"{name.ljust(width)}{description}".rstrip() + "\n" for name, description in listed)


def replaced(text: str, tree: str) -> str:
    """Return a page with the tree between its marks."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + tree + END + rest.split(END)[1]


def main() -> int:
    """Write the trees, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and say what is not up to date")
    options = parser.parse_args()
    status = 0
    for page, tree in (("README.md", table(rooms())), ("docs/architecture.md", table(files(ROOT / "pybpe")))):
        path = ROOT / page
        text = path.read_text(encoding="utf-8")
        made = replaced(text, tree)
        if made != text and options.check:
            print(f"{page} is not up to date: run python scripts/make_tree.py", file=sys.stderr)
            status = 1
        elif made != text:
            path.write_text(made, encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
