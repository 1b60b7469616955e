"""Public encodings are found where their files are, and nowhere else."""

from __future__ import annotations

import hashlib

import pytest

from pybpe.encodings.registry import ENCODINGS, by_sha256, local_files

CACHED = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"  # tiktoken's name for cl100k_base


@pytest.fixture
def places(tmp_path, monkeypatch):
    for name in ("vocabs", "cache", "old", "data-gym-cache"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    for name in ("PYBPE_VOCABS", "TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_the_folder_of_vocabularies_comes_first(places, monkeypatch):
    monkeypatch.setenv("PYBPE_VOCABS", str(places / "vocabs"))
    (places / "vocabs" / "r50k_base.tiktoken").touch()
    assert local_files() == {"r50k_base": places / "vocabs" / "r50k_base.tiktoken"}
    (places / "data-gym-cache" / CACHED).touch()
    assert local_files()["cl100k_base"] == places / "data-gym-cache" / CACHED
    (places / "vocabs" / "cl100k_base.tiktoken").touch()
    assert local_files()["cl100k_base"] == places / "vocabs" / "cl100k_base.tiktoken"


def test_where_tiktoken_keeps_its_files(places, monkeypatch):
    assert local_files() == {}
    (places / "cache" / CACHED).touch()
    (places / "old" / CACHED).touch()
    monkeypatch.setenv("DATA_GYM_CACHE_DIR", str(places / "old"))
    assert local_files() == {"cl100k_base": places / "old" / CACHED}
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(places / "cache"))
    assert local_files() == {"cl100k_base": places / "cache" / CACHED}
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")  # tiktoken keeps nothing then
    assert local_files() == {}


def test_encodings_are_known_by_their_content():
    assert by_sha256(ENCODINGS[0].sha256) is ENCODINGS[0]
    assert by_sha256(hashlib.sha256(b"other").hexdigest()) is None
