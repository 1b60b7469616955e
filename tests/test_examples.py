"""The examples in docstrings: every public method and property has one, and each gives what it shows."""

from __future__ import annotations

import doctest
import inspect

import pytest

import pybpe
from pybpe import Tokenizer, WordCounts

PACKAGES = {"as_huggingface": "transformers", "to_parquet": "pyarrow", "from_parquet": "pyarrow"}
# Arguments of the constructor that can be read again, and what only training uses.
WITHOUT_EXAMPLE = {f"WordCounts.{name}" for name in ("pattern", "protected", "preprocessing", "cut", "words")}


def public_members(kind: type) -> list[str]:
    return [f"{kind.__name__}.{name}" for name in vars(kind) if not name.startswith("_")]


MEMBERS = [*public_members(Tokenizer), *sorted(set(public_members(WordCounts)) - WITHOUT_EXAMPLE)]


def run_examples(docstring: str, names: dict[str, object]) -> None:
    """Run the examples of a docstring, of which there must be one."""
    test = doctest.DocTestParser().get_doctest(inspect.cleandoc(docstring), dict(names), "docstring", None, None)
    printed: list[str] = []
    done = doctest.DocTestRunner(verbose=False).run(test, out=printed.append)
    assert done.attempted > 0, "no example"
    assert done.failed == 0, "".join(printed)


@pytest.fixture(scope="module")
def tok() -> Tokenizer:
    """The tokenizer that the docstring of the class makes."""
    return Tokenizer.train(iter(["low lower lowest"] * 10), vocab_size=260, progress=False)


@pytest.mark.filterwarnings("ignore:the corpus is too small")
@pytest.mark.parametrize("member", ["Tokenizer", "WordCounts", *MEMBERS])
def test_its_example(member, tok, tmp_path):
    kind, _, name = member.partition(".")
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name], reason="the example needs this optional package")
    found = inspect.getattr_static(getattr(pybpe, kind), name) if name else getattr(pybpe, kind)
    names = {"tok": tok, "folder": tmp_path, "Tokenizer": Tokenizer, "WordCounts": WordCounts}
    cache_bytes = tok.info["cache_bytes"]
    try:
        run_examples(found.__doc__ or "", names)
    finally:
        tok.limit_cache(cache_bytes)


@pytest.mark.parametrize("name", ["get_encoding", "encoding_for_model"])
def test_the_example_of_public_encodings(name, vocabs, monkeypatch):
    monkeypatch.setenv("PYBPE_VOCABS", str(vocabs))
    function = getattr(pybpe, name)
    run_examples(function.__doc__, {name: function})


def test_a_wrong_example_fails():
    with pytest.raises(AssertionError, match=r"Expected:\n +2"):
        run_examples(">>> 1 + 2\n2", {})
    with pytest.raises(AssertionError, match="no example"):
        run_examples("Return nothing.", {})
