"""One codec serves every face of a tokenizer, for every kind of vocabulary."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.huggingface_files import characters, clip, tokenizer_json, write_json
from support.strategies import any_text

from pybpe import TokenIdError, Tokenizer
from pybpe.codec import Codec
from pybpe.vocabulary.models import ByteMerges, ByteRanks, CharacterMerges, ScoredCharacters

LINES = ["Hello world, the quick brown fox 123 中文 é", "low lower lowest newer wider <s>"] * 5


@pytest.fixture(scope="module")
def kinds(tmp_path_factory) -> dict[str, Tokenizer]:
    """A tokenizer of every kind of vocabulary."""
    folder = tmp_path_factory.mktemp("kinds")
    bytes_ = Tokenizer.train(iter(LINES), 300, special_tokens=["<|endoftext|>"], progress=False)
    bytes_.to_tiktoken(folder / "ranks.tiktoken")
    scored = Tokenizer.train(iter(LINES), 330, convention="sentencepiece", progress=False)
    made = {
        "merges": bytes_,
        "ranks": Tokenizer.from_tiktoken(folder / "ranks.tiktoken", "gpt4", {"<|endoftext|>": 300}),
        "scores": scored,
        "characters": Tokenizer.from_huggingface(write_json(folder / "characters.json", characters())),
        "clip": Tokenizer.from_huggingface(write_json(folder / "clip.json", clip())),
    }
    normal = tokenizer_json(normalizer={"type": "NFC"})
    return made | {"normalizer": Tokenizer.from_huggingface(write_json(folder / "normal.json", normal))}


def test_there_is_one_of_each(kinds):
    models = {type(tok._codec.definition.model) for tok in kinds.values()}
    assert models == {ByteMerges, ByteRanks, CharacterMerges, ScoredCharacters}


@given(data=st.data())
def test_the_tiktoken_face_equals_the_tokenizer(kinds, data):
    tok = kinds[data.draw(st.sampled_from(sorted(kinds)))]
    face = tok.as_tiktoken()
    text = data.draw(any_text)
    ids = tok.encode_ordinary(text)
    assert face.encode_ordinary(text) == ids
    every = sorted(tok.vocab)
    drawn = data.draw(st.lists(st.sampled_from(every), max_size=12))
    for some in (ids, drawn):
        assert face.decode(some) == tok.decode(some)
        assert face.decode_bytes(some) == tok.decode_bytes(some)
        assert face.decode_tokens_bytes(some) == [tok.token_bytes(token) for token in some]
    for token in drawn:
        assert face.encode_single_token(tok.token_bytes(token)) == tok.token_id(tok.token_bytes(token))


def test_a_sentencepiece_model_through_the_face(kinds):
    tok = kinds["scores"]
    face = tok.as_tiktoken()
    ids = tok.encode_ordinary("Hello world")
    assert face.decode(ids) == "Hello world"
    start = tok.special_tokens["<s>"]
    assert face.decode([start, *ids]) == tok.decode([start, *ids]) == "Hello world"
    letter = face.encode_single_token("H")
    assert tok.vocab[letter] == b"H"
    assert letter not in tok._codec.definition.characters.byte_ids
    for call in (lambda: face.decode_with_offsets(ids), lambda: face.encode_with_unstable("Hello")):
        with pytest.raises(ValueError, match="vocabularies of bytes, and this one is of characters"):
            call()


def test_the_bytes_of_ids(kinds):
    for tok in kinds.values():
        codec = tok._codec
        assert codec.token_sizes.tolist() == [len(tok.vocab.get(token, b"")) for token in range(tok.n_vocab)]
        for wrong in (-1, tok.n_vocab):
            with pytest.raises(TokenIdError, match="outside the vocabulary"):
                codec.token_bytes(wrong)
        with pytest.raises(TokenIdError, match="is not one token"):
            codec.token_id(b"no such token at all")


def test_copies_and_pickles(kinds):
    for tok in kinds.values():
        again, stream = pickle.loads(pickle.dumps((tok, tok.decode_stream())))
        assert again == tok
        assert again.encode_ordinary("low lower") == tok.encode_ordinary("low lower")
        ids = tok.encode_ordinary("lower Hello")
        assert "".join(map(stream.feed, ids)) + stream.finish() == tok.decode(ids)
        assert copy.deepcopy(tok) is tok
        face = pickle.loads(pickle.dumps(tok.as_tiktoken("name")))
        assert face.name == "name"
        assert face.encode_ordinary("low lower") == tok.encode_ordinary("low lower")
        assert isinstance(pickle.loads(pickle.dumps(tok._codec)), Codec)
