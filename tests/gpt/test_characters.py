import doctest
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe.errors import FormatError, TokenIdError, TrainingError
from pybpe.gpt import characters as module
from pybpe.gpt.characters import Characters


@given(st.text(min_size=1))
def test_text_goes_in_and_out(text):
    vocabulary = Characters(text)
    ids = vocabulary.encode_ordinary(text)
    assert vocabulary.decode(ids) == text
    assert vocabulary.encode_to_numpy(text).tolist() == ids
    assert vocabulary.n_vocab == len(set(text)) + 1
    assert vocabulary.characters == sorted(set(text))
    stream = vocabulary.decode_stream()
    assert "".join(map(stream.feed, ids)) + stream.finish() == text


@given(st.text(alphabet=st.characters(), min_size=1))
def test_a_file_brings_the_same_back(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("c") / "characters.json"
    vocabulary = Characters(text)
    vocabulary.save(path)
    again = Characters.load(path)
    assert (again.characters, again.fingerprint) == (vocabulary.characters, vocabulary.fingerprint)


def test_the_end_of_text_is_the_last_id():
    vocabulary = Characters(["abc", "cd"])
    assert vocabulary.eot_token == 4
    assert vocabulary.special_tokens == {"<|endoftext|>": 4}
    assert vocabulary.decode([0, 4]) == "a<|endoftext|>"
    assert Characters("é").token_bytes(0) == "é".encode()
    assert Characters("ab").fingerprint != Characters("ac").fingerprint


def test_characters_of_nanogpt_have_no_end(tmp_path):
    vocabulary = Characters("cab", end=False)
    assert (vocabulary.n_vocab, vocabulary.special_tokens, vocabulary.decode([0, 2])) == (3, {}, "ac")
    assert vocabulary.fingerprint != Characters("cab").fingerprint
    with pytest.raises(TokenIdError, match="no id for the end"):
        _ = vocabulary.eot_token
    with pytest.raises(TokenIdError, match=r"id 3 is not one of 0\.\.2"):
        vocabulary.decode([3])
    vocabulary.save(tmp_path / "characters.json")
    again = Characters.load(tmp_path / "characters.json")
    assert (again.end, again.fingerprint) == (False, vocabulary.fingerprint)


def test_what_cannot_be_is_refused():
    vocabulary = Characters("abc")
    with pytest.raises(TokenIdError, match="no character 'x'; it knows 3"):
        vocabulary.encode_ordinary("abx")
    for id_ in (-1, 4):
        with pytest.raises(TokenIdError, match=rf"id {id_} is not one of 0\.\.3"):
            vocabulary.decode([np.int64(id_)])
    with pytest.raises(TrainingError, match="empty"):
        Characters("")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({"format": "pybpe-characters 2", "characters": "ab"}).encode(),
        json.dumps({"format": "pybpe-characters 1"}).encode(),
        json.dumps({"format": "pybpe-characters 1", "characters": ["a"]}).encode(),
        json.dumps({"format": "pybpe-characters 1", "characters": ""}).encode(),
        json.dumps({"format": "pybpe-characters 1", "characters": "ba"}).encode(),
        json.dumps({"format": "pybpe-characters 1", "characters": "aa"}).encode(),
        json.dumps({"format": "pybpe-characters 1", "characters": "ab", "end": 0}).encode(),
    ],
)
def test_foreign_files_are_one_clear_error(content, tmp_path):
    path = tmp_path / "characters.json"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="not a vocabulary of characters"):
        Characters.load(path)


def test_the_examples_in_the_docs_hold():
    assert doctest.testmod(module).failed == 0
