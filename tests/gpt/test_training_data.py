"""What a GPT is trained on: every kind of text file gives the documents that the readers give."""

import gzip
import json
import math
import warnings

import numpy as np
import pyarrow
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from pybpe import Tokenizer
from pybpe.data.shards import TokenShards, write_shards
from pybpe.errors import FormatError, TrainingError
from pybpe.gpt import training_data
from pybpe.gpt.characters import Characters
from pybpe.gpt.runs.run import MOST_PASSES, Watcher, prepare_run, resume_run
from pybpe.gpt.settings import Settings
from pybpe.gpt.training_data import read_data, read_ids

DOCUMENTS = ["one two", "three\nfour", "", 'quote " and \\', "日本", "five six seven", "a", "b\r\n"]
TOKENIZER = Tokenizer.train(iter(["one two three four five six seven"]), 270, progress=False)


def write(path, documents, field="text"):
    """Documents as the name of the file says."""
    lines = "".join(json.dumps({"id": 7, field: document}) + "\n" for document in documents).encode()
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.table({field: documents, "id": [7] * len(documents)}), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(lines))
    elif path.suffix == ".zst":
        path.write_bytes(zstandard.compress(lines))
    else:
        path.write_bytes(lines)
    return path


def all_ids(data):
    return [*data.train.tolist(), *([] if data.val is None else data.val.tolist())]


def expected_ids(vocabulary, documents):
    return [id_ for text in documents if text for id_ in (*vocabulary.encode_ordinary(text), vocabulary.eot_token)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"])
@pytest.mark.parametrize("field", ["text", "body"])
@pytest.mark.parametrize("vocabulary", [TOKENIZER, None])
def test_documents_with_fields_are_read_as_documents(tmp_path, name, field, vocabulary):
    path = write(tmp_path / name, DOCUMENTS, field)
    data = read_data([path], vocabulary, lines=False, seed=1, text_field=field)
    assert all_ids(data) == expected_ids(data.vocabulary, DOCUMENTS)
    assert data.train[-1] == data.val[-1] == data.vocabulary.eot_token
    if vocabulary is None:
        assert data.vocabulary.fingerprint == Characters("".join(DOCUMENTS)).fingerprint


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("vocabulary", [TOKENIZER, Characters("one tw<|endoftext|>\n")])
@pytest.mark.parametrize("documents", [["one<|endoftext|>two", "ten", "<|endoftext|>"], ["ten<|endoftext|>"], []])
def test_special_tokens_in_documents_are_read_or_not(tmp_path, documents, vocabulary, special):
    path, eot = write(tmp_path / "a.jsonl", documents, "body"), vocabulary.eot_token
    data = read_data([path], vocabulary, lines=False, seed=1, text_field="body", special=special)
    ids = read_ids([path], vocabulary, text_field="body", special=special)
    assert all_ids(data) == ids.tolist()
    assert ids.tolist().count(eot) == len(documents) + special * "".join(documents).count("<|endoftext|>")
    assert vocabulary.decode(ids.tolist()) == "".join(text + "<|endoftext|>" for text in documents)


@pytest.mark.parametrize(("ending", "pack"), [("", bytes), (".gz", gzip.compress), (".zst", zstandard.compress)])
def test_plain_text_is_one_text_whatever_it_is_packed_in(tmp_path, ending, pack):
    content = "one two\r\nthree\n" * 30
    path = tmp_path / f"a.txt{ending}"
    path.write_bytes(pack(content.encode()))
    data = read_data([path, path], TOKENIZER, lines=False, seed=1)
    train = TOKENIZER.decode(data.train.tolist())
    assert train + TOKENIZER.decode(data.val.tolist()) == content * 2
    assert train.endswith("\n")
    assert abs(len(train) - 0.9 * len(content * 2)) <= len("one two\r\n")


def test_a_text_beside_files_with_fields_is_one_document(tmp_path):
    (tmp_path / "b.txt").write_bytes(b"one\ntwo\n")
    paths = [write(tmp_path / "a.jsonl", ["three", "four"]), tmp_path / "b.txt"]
    data = read_data(paths, TOKENIZER, lines=False, seed=1)
    assert all_ids(data) == expected_ids(TOKENIZER, ["three", "four", "one\ntwo\n"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab\n é", min_size=1, max_size=30), min_size=1, max_size=20))
def test_whole_documents_are_held_out_about_a_tenth_at_the_end(tmp_path_factory, documents):
    path = write(tmp_path_factory.mktemp("data") / "a.jsonl", documents)
    data = read_data([path], None, lines=False, seed=1)
    assert all_ids(data) == expected_ids(data.vocabulary, documents)
    edge = math.ceil(0.9 * sum(map(len, documents)))
    end = data.vocabulary.eot_token
    if len(documents) > 1:
        assert data.train[-1] == end
        n_train = int((data.train == end).sum())
        before = sum(map(len, documents[:n_train]))
        assert len(documents[n_train:]) >= 1
        assert before <= edge or n_train == 1
        assert n_train == len(documents) - 1 or before + len(documents[n_train]) > edge


def test_shards_of_the_same_documents_hold_the_same_ids(tmp_path):
    path = write(tmp_path / "a.jsonl", DOCUMENTS)
    for _ in write_shards(TOKENIZER, [(text, True) for text in DOCUMENTS if text], tmp_path / "shards"):
        pass
    shards = TokenShards(tmp_path / "shards", TOKENIZER)
    assert all_ids(read_data([path], TOKENIZER, lines=False, seed=1)) == shards.ids().tolist()


def test_a_tokenizer_without_an_end_of_text_puts_nothing_between_documents(tmp_path):
    bare = Tokenizer.train(iter(["one two"]), 260, special_tokens=[], progress=False)
    path = write(tmp_path / "a.jsonl", DOCUMENTS)
    data = read_data([path], bare, lines=False, seed=1)
    assert bare.decode(all_ids(data)) == "".join(DOCUMENTS)


def test_documents_are_the_lines_of_a_run_of_lines(tmp_path):
    path = write(tmp_path / "a.jsonl", [" one two", "three\nfour ", "\n", "five"])
    data = read_data([path], None, lines=True, seed=1)
    (tmp_path / "a.txt").write_text(" one two\nfive\n\n six\n", encoding="utf-8")
    both = read_data([path, tmp_path / "a.txt"], None, lines=True, seed=1)
    for found, expected in (
        (data, ["one two", "three\nfour", "five"]),
        (both, ["one two", "three\nfour", "five", "one two", "five", "six"]),
    ):
        texts = [found.vocabulary.decode(document[1:-1]) for document in found.documents]
        assert sorted(texts) == sorted(expected)


def test_what_cannot_be_read_is_one_clear_error(tmp_path, monkeypatch):
    path = write(tmp_path / "a.jsonl", ["one"], "body")
    with pytest.raises(FormatError, match="no field 'text'"):
        read_data([path], None, lines=False, seed=1)
    for name in ("bad.txt", "bad.txt.gz"):
        content = b"good\n\xff"
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(TrainingError, match=rf"{name} is not text in UTF-8 \(.* at byte 5\)"):
                read_data([tmp_path / name], TOKENIZER, lines=False, seed=1)
    monkeypatch.setattr(training_data, "MOST_BYTES", 100)
    (tmp_path / "large.txt.gz").write_bytes(gzip.compress(b"x" * 101))
    (tmp_path / "large.txt").write_bytes(b"x" * 101)
    for name in ("large.txt", "large.txt.gz"):
        with pytest.raises(TrainingError, match="write shards first: pybpe encode"):
            read_data([tmp_path / name], None, lines=False, seed=1)


def test_a_run_remembers_the_field_of_its_text(tmp_path):
    path = write(tmp_path / "a.jsonl", ["one two three four"] * 20, "body")
    tiny = Settings(n_layer=1, n_head=1, n_embd=4, block_size=4, steps=2, batch_size=1)
    prepare_run(tmp_path / "run", tiny, [path], None, text_field="body")
    assert resume_run(tmp_path / "run", Watcher()).steps == 2


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("passes", [MOST_PASSES - 1, MOST_PASSES + 1])
def test_many_passes_over_the_data_are_a_warning(tmp_path, lines, passes):
    path = tmp_path / "a.txt"
    path.write_text("abcdefg\n" * 20, encoding="utf-8")
    data = read_data([path], None, lines=lines, seed=1)
    steps = passes * (20 if lines else len(data.train) // 8)
    tiny = Settings(lines=lines, n_layer=1, n_head=1, n_embd=4, block_size=8, steps=steps, batch_size=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        prepare_run(tmp_path / "run", tiny, [path], None)
        resume_run(tmp_path / "run", Watcher(), seconds=0.01, steps=steps)
    told = [str(warning.message) for warning in caught]
    assert len(told) == (2 if passes > MOST_PASSES else 0)
    assert all(f"{steps:,} steps are {passes} passes over the {len(data.train)} tokens" in text for text in told)


def test_ids_are_those_of_before(tmp_path):
    """A text file alone, as every version has read it."""
    path = tmp_path / "a.txt"
    path.write_text("one two\nthree four\n" * 10, encoding="utf-8")
    data = read_data([path], None, lines=False, seed=1)
    vocabulary = Characters("one two\nthree four\n")
    assert data.train.tolist() == vocabulary.encode_ordinary(("one two\nthree four\n" * 10)[: 9 * 19])
    assert data.train.dtype == np.uint32
