"""Packages that may be missing: the error says what to install, and only then."""

from __future__ import annotations

import json
import sys

import pytest

from pybpe import MissingPackageError, PybpeError
from pybpe.util.extras import extra_module


def test_a_module_that_is_there():
    assert extra_module("json", "data", "for this test") is json


def test_a_missing_one_says_what_to_install():
    message = r"the package nosuch is needed for this test; install it with: pip install 'pybpe\[data\]'"
    with pytest.raises(MissingPackageError, match=message) as caught:
        extra_module("nosuch.part", "data", "for this test")
    assert isinstance(caught.value, (PybpeError, ImportError))


def test_a_broken_one_tells_what_is_broken(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("raise ImportError('a library is too old')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="a library is too old"):
        extra_module("broken_package", "data", "for this test")
    assert "broken_package" not in sys.modules
