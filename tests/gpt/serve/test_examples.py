"""The examples in the docstrings of the server."""

import doctest
import importlib
import pkgutil

import pytest

from pybpe.gpt import serve

MODULES = [name for _, name, _ in pkgutil.iter_modules(serve.__path__, f"{serve.__name__}.")]
WITH_EXAMPLES = {"errors", "fields", "metrics", "security", "served", "stops"}


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.failed == 0
    assert found.attempted > 0 or name.rpartition(".")[2] not in WITH_EXAMPLES
