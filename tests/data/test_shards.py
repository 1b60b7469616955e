"""Token shards: what is written is read, writing goes on after a kill, and wrong folders are refused."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import ShardError, Tokenizer
from pybpe.data.shards import TokenShards, write_shards

DOCUMENTS = ["The quick brown fox", "", "jumps over", "the lazy dog " * 20, "中文字符 <|pad|>", "end"]


def pieces(documents=DOCUMENTS):
    return [(document, True) for document in documents]


def write(tok, folder, **options):
    return list(write_shards(tok, pieces(), folder, **options))


def expected_ids(tok, documents=DOCUMENTS):
    return [token for document in documents for token in [*tok.encode_ordinary(document), tok.eot_token]]


@given(ids_a_shard=st.integers(1, 200))
def test_what_is_written_is_read(small, tmp_path_factory, ids_a_shard):
    folder = tmp_path_factory.mktemp("shards")
    counts = write(small, folder, ids_a_shard=ids_a_shard)
    shards = TokenShards(folder, small)
    shards.verify()
    assert shards.ids("train").tolist() == expected_ids(small)
    assert shards.n_ids() == len(expected_ids(small)) == counts[-1]
    assert counts == sorted(counts)
    assert shards.n_documents() == len(DOCUMENTS)
    assert shards.sets == ["train"]
    assert shards.fingerprint == small.fingerprint
    assert all(len(array) >= ids_a_shard for array in shards.arrays()[:-1])


def test_documents_in_pieces(small, tmp_path):
    list(write_shards(small, [("The quick", False), (" brown fox", True)], tmp_path))
    assert TokenShards(tmp_path).ids().tolist() == expected_ids(small, ["The quick brown fox"])


def test_small_vocabularies_take_two_bytes_an_id(small, tmp_path):
    write(small, tmp_path)
    shards = TokenShards(tmp_path)
    assert shards.dtype == np.dtype("<u2")
    assert isinstance(shards.ids(), np.memmap)
    assert (tmp_path / "train_000.bin").read_bytes() == np.array(expected_ids(small), dtype="<u2").tobytes()


def test_large_vocabularies_take_four(small, tmp_path):
    small.to_tiktoken(tmp_path / "ranks")
    large = Tokenizer.from_tiktoken(tmp_path / "ranks", "gpt4", {"<|endoftext|>": 70_000})
    list(write_shards(large, [("fox", True)], tmp_path / "shards"))
    shards = TokenShards(tmp_path / "shards", large)
    assert shards.dtype == np.dtype("<u4")
    assert shards.ids()[-1] == 70_000


def test_without_an_end_of_text_token_documents_just_follow(tmp_path):
    tok = Tokenizer.train(iter(["ab"]), 257, special_tokens=[], progress=False)
    list(write_shards(tok, [("ab", True), ("ab", True)], tmp_path))
    assert TokenShards(tmp_path).ids().tolist() == [256, 256]


def test_several_sets_in_one_folder(small, tmp_path):
    write(small, tmp_path)
    write(small, tmp_path, name="val")
    assert TokenShards(tmp_path).sets == ["train", "val"]
    with pytest.raises(ShardError, match="no set 'test'; it has train, val"):
        TokenShards(tmp_path).ids("test")


def test_writing_again_changes_nothing(small, tmp_path):
    write(small, tmp_path, source="x")
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.bin")}
    assert write(small, tmp_path, source="x")[-1] == len(expected_ids(small))
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.bin")} == before


@pytest.mark.parametrize("stop", range(1, 7))
def test_writing_goes_on_where_it_was_stopped(small, tmp_path, stop):
    writing = write_shards(small, pieces(), tmp_path, ids_a_shard=10, source="s")
    for _ in range(stop):
        next(writing)
    writing.close()  # as Ctrl-C or a kill would, in the middle of a shard
    assert not list(tmp_path.glob(".*"))
    with pytest.raises(ShardError):
        TokenShards(tmp_path)
    write(small, tmp_path, ids_a_shard=10, source="s")
    TokenShards(tmp_path).verify()
    assert TokenShards(tmp_path).ids().tolist() == expected_ids(small)


def test_another_source_is_not_mixed_in(small, tmp_path):
    write(small, tmp_path, source="one")
    with pytest.raises(ShardError, match="already has a set 'train' of 'one'"):
        write(small, tmp_path, source="two")


def test_another_tokenizer_is_refused(small, tmp_path):
    write(small, tmp_path)
    other = Tokenizer.train(iter(["other text"]), 260, progress=False)
    for use in (lambda: TokenShards(tmp_path, other), lambda: write(other, tmp_path)):
        with pytest.raises(ShardError, match="made by another tokenizer"):
            use()


def test_damage_is_noticed(small, tmp_path):
    write(small, tmp_path)
    path = tmp_path / "train_000.bin"
    content = bytearray(path.read_bytes())
    content[4] ^= 1
    path.write_bytes(content)
    with pytest.raises(ShardError, match="checksum"):
        TokenShards(tmp_path).verify()
    path.write_bytes(content[:-2])
    with pytest.raises(ShardError, match=r"train_000\.bin has .* bytes, not"):
        TokenShards(tmp_path)
    path.unlink()
    with pytest.raises(ShardError, match=r"train_000\.bin is missing"):
        TokenShards(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"dtype": "O"},
        {"fingerprint": 5},
        {"sets": []},
        {"sets": {"train": {"complete": True, "source": "", "shards": [{"file": "../../etc/passwd"}]}}},
        {"sets": {"train": {"complete": 1, "source": "", "shards": []}}},
        {"sets": {"train": 5}},
        {"sets": {"train": {"complete": True, "source": "", "shards": {}}}},
    ],
)
def test_manifests_from_strangers(small, tmp_path, change):
    write(small, tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    with pytest.raises(ShardError, match="not a manifest"):
        TokenShards(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"null", random.Random(7).randbytes(100)])
def test_files_that_are_not_manifests(tmp_path, content):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ShardError, match="not a manifest"):
        TokenShards(tmp_path)


def test_a_folder_without_shards(tmp_path):
    with pytest.raises(ShardError, match="holds no token shards"):
        TokenShards(tmp_path)


def test_names_of_sets_are_plain(small, tmp_path):
    with pytest.raises(ValueError, match="letters, digits"):
        write(small, tmp_path, name="../x")


def test_changed_text_is_not_taken_for_what_was_written(small, tmp_path):
    write(small, tmp_path)
    for changed in (pieces(["x", *DOCUMENTS[1:]]), pieces(DOCUMENTS[:-1]), pieces([*DOCUMENTS, "more"])):
        with pytest.raises(ShardError, match="text has changed"):
            list(write_shards(small, changed, tmp_path))
    assert TokenShards(tmp_path).ids().tolist() == expected_ids(small)


def test_an_unfinished_set_goes_on_only_with_the_same_text(small, tmp_path):
    writing = write_shards(small, pieces(), tmp_path, ids_a_shard=10)
    for _ in range(5):
        next(writing)
    writing.close()
    with pytest.raises(ShardError, match="text has changed"):
        list(write_shards(small, pieces(["another", *DOCUMENTS[1:]]), tmp_path, ids_a_shard=10))


def test_two_sets_written_at_the_same_time(small, tmp_path):
    train, val = (write_shards(small, pieces(), tmp_path, name=name, ids_a_shard=10) for name in ("train", "val"))
    for _ in range(20):
        next(train, None)
        next(val, None)
    assert sorted(TokenShards(tmp_path).sets) == ["train", "val"]
    assert TokenShards(tmp_path).ids("val").tolist() == expected_ids(small)


def test_a_manifest_of_another_version(small, tmp_path):
    write(small, tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "version": 2}), encoding="utf-8")
    with pytest.raises(ShardError, match="version 2; this pybpe reads 1: upgrade"):
        TokenShards(tmp_path)


def test_a_set_of_nothing(small, tmp_path):
    list(write_shards(small, [], tmp_path))
    assert TokenShards(tmp_path).ids().tolist() == []
