"""The house rule of DESIGN: imports point downward only, and there is no circle."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

import pybpe

PACKAGE = Path(pybpe.__file__).parent

# Floors from top to bottom. A module may import from floors below its own, and from its own floor without a circle.
FLOORS = [
    ["pybpe.cli", "pybpe.__main__"],
    ["pybpe.gpt"],
    ["pybpe.reports", "pybpe.compat.rustbpe", "pybpe.data"],
    ["pybpe"],  # __init__, the public names
    ["pybpe.encodings.public"],
    ["pybpe.tokenizer"],
    ["pybpe.chat"],
    ["pybpe.compat"],  # faces that Tokenizer hands out; those that make one are above
    ["pybpe.codec"],
    ["pybpe.training", "pybpe.decoding"],
    ["pybpe.encode"],
    ["pybpe.encodings"],
    ["pybpe.formats"],
    ["pybpe.definition"],
    ["pybpe.encodings.registry"],
    ["pybpe.pretokenization"],
    ["pybpe.normalization", "pybpe.vocabulary", "pybpe.data.readers"],
    ["pybpe._core"],
    ["pybpe.sandbox"],
    ["pybpe.util"],
    ["pybpe.errors", "pybpe.reference"],
]


def module_name(path: Path) -> str:
    parts = ("pybpe", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}
STUBS = {module_name(path) for path in PACKAGE.rglob("*.pyi")}


def imports_of(path: Path) -> set[str]:
    """The modules of pybpe that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "pybpe"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pybpe":
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                found.add(submodule if submodule in MODULES or submodule in STUBS else node.module)
    return found


def floor_of(module: str) -> int:
    if module == "pybpe":
        return FLOORS.index(["pybpe"])
    floors = {room: number for number, rooms in enumerate(FLOORS) for room in rooms if room != "pybpe"}
    names = [room for room in floors if module == room or module.startswith(room + ".")]
    assert names, f"{module} is on no floor: give it one in FLOORS"
    return floors[max(names, key=len)]  # a module may be elsewhere than its package


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module):
    for imported in imports_of(MODULES[module]):
        assert floor_of(imported) >= floor_of(module), f"{module} imports {imported} from above"


def test_there_is_no_circle():
    graph = {module: imports_of(path) & MODULES.keys() for module, path in MODULES.items()}
    finished: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail, module])
        if module not in finished:
            for imported in graph[module]:
                visit(imported, (*trail, module))
            finished.add(module)

    for module in graph:
        visit(module, ())


def test_the_reference_imports_nothing_of_pybpe():
    assert imports_of(MODULES["pybpe.reference"]) == set()


def test_only_the_lower_floors_know_the_core():
    for module, path in MODULES.items():
        if floor_of(module) <= FLOORS.index(["pybpe"]):
            assert not [name for name in imports_of(path) if name.startswith("pybpe._core")], module


def test_every_compiled_module_has_a_stub():
    sources = Path(__file__).parents[1] / "src_ext"
    for source in sources.rglob("*.pyx"):
        stub = PACKAGE.joinpath(*source.relative_to(sources / "pybpe").with_suffix(".pyi").parts)
        assert stub.exists(), f"{stub.name} is missing"


SOURCES = Path(__file__).parents[1] / "src_ext"


def signatures(source: str) -> list[tuple[str, str]]:
    """(scope, signature) of each function of a .pyx in order; the scope is the name of its class, "" outside of one."""
    found, scope = [], ""
    for match in re.finditer(
        r"^( {4})?(?:cdef class (\w+)|(?:cp?def|def) [^=\n]*?\([^)]*\)[^\n:]*:)", source, re.MULTILINE
    ):
        indent, name = match[1], match[2]
        scope = name or (scope if indent else "")
        if not name:
            found.append((scope, match[0].strip()))
    return found


@pytest.mark.parametrize("path", sorted(SOURCES.rglob("*.pyx")), ids=lambda path: path.stem)
def test_c_code_stands_before_the_door(path):
    """In each class, and outside of classes, what runs without the GIL comes before what Python calls."""
    doors = set()
    for scope, signature in signatures(path.read_text(encoding="utf-8")):
        if signature.startswith("def "):
            doors.add(scope)
        else:
            assert scope not in doors or not re.search(r"\bnogil:$", signature), signature


def test_the_order_of_functions_is_seen():
    source = "cdef int f(\n    int a,\n) except -1 nogil:\n    pass\ncdef class A:\n    def g(self):\n        pass\n"
    source += "    cdef void h(self) noexcept nogil:\n        pass\n"
    assert signatures(source) == [
        ("", "cdef int f(\n    int a,\n) except -1 nogil:"),
        ("A", "def g(self):"),
        ("A", "cdef void h(self) noexcept nogil:"),
    ]


def test_few_files_are_at_the_top():
    top = {path.name for path in PACKAGE.iterdir() if path.is_file() and path.suffix in (".py", ".typed")}
    files = ("__init__", "__main__", "codec", "definition", "errors", "reference", "tokenizer")
    assert top == {*(f"{name}.py" for name in files), "py.typed"}


def test_every_room_says_what_it_is():
    for folder in {path.parent for path in MODULES.values()}:
        docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
        assert docstring, f"{folder.name}/__init__.py says nothing"


def test_functions_are_short():
    """At most 60 lines, not counting docstrings: those of public methods have their parameters and examples."""
    long = []
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                lines = sum(statement.end_lineno - statement.lineno + 1 for statement in body)
                lines += (node.body[0].lineno - node.lineno) if node.body else 0
                if lines > 60:
                    long.append((module, node.name, lines))
    assert long == []


def test_scripts_import_names_that_exist():
    root = Path(__file__).parents[1]
    for path in [*root.glob("scripts/*.py"), *root.glob("tests/support/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pybpe":
                if node.module.startswith("pybpe.gpt"):
                    pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
                module = importlib.import_module(node.module)
                for alias in node.names:
                    if not hasattr(module, alias.name):
                        importlib.import_module(f"{node.module}.{alias.name}")
