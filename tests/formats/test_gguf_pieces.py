"""GGUF's llama kind: pieces with scores, beside the gguf package and sentencepiece."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.huggingface_files import added, characters, write_json
from support.strategies import any_text

from pybpe import FormatError, Tokenizer
from pybpe.formats import gguf as formats_gguf

ORDER = ["▁ ▁", "a b", "▁ a", "ab c", "c c"]
TEXTS = st.one_of(any_text, st.text("ab c▁中\n<", max_size=20))


@pytest.fixture(scope="module")
def tok(tmp_path_factory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("pieces")
    Tokenizer.from_huggingface(write_json(folder / "t.json", characters(merges=ORDER))).to_gguf(folder / "t.gguf")
    return Tokenizer.from_gguf(folder / "t.gguf")


def test_the_gguf_package_reads_what_is_written(tok, tmp_path):
    gguf = pytest.importorskip("gguf", reason="files are read by the gguf package")
    tok.to_gguf(tmp_path / "t.gguf")
    reader = gguf.GGUFReader(tmp_path / "t.gguf")
    prefix = "tokenizer.ggml."
    tokens = [bytes(reader.fields[f"{prefix}tokens"].parts[i]).decode() for i in reader.fields[f"{prefix}tokens"].data]
    types = [int(reader.fields[f"{prefix}token_type"].parts[i][0]) for i in reader.fields[f"{prefix}token_type"].data]
    scores = [float(reader.fields[f"{prefix}scores"].parts[i][0]) for i in reader.fields[f"{prefix}scores"].data]
    assert len(tokens) == len(types) == len(scores) == tok.n_vocab
    assert (tokens[0], types[0]) == ("<unk>", 2)
    assert tokens[1:257] == [f"<0x{byte:02X}>" for byte in range(256)]
    assert set(types[1:257]) == {6}
    assert set(types[257:]) == {1}
    assert "▁a" in tokens
    assert scores[tokens.index("▁▁")] > scores[tokens.index("ab")] > scores[tokens.index("cc")]
    assert bool(reader.fields[f"{prefix}add_space_prefix"].parts[-1][0])


@given(text=TEXTS)
def test_ids_are_those_of_sentencepiece(tok, tmp_path_factory, text):
    sentencepiece = pytest.importorskip("sentencepiece", reason="ids are compared with sentencepiece")
    path = tmp_path_factory.getbasetemp() / "pieces.model"
    if not path.exists():
        tok.to_sentencepiece(path)
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    ids = tok.encode_ordinary(text)
    assert ids == model.encode(text)
    assert tok.decode(ids) == model.decode(ids)


def test_a_public_model(vocabs, texts, tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece", reason="ids are compared with sentencepiece")
    path = vocabs / "mistral_v1" / "tokenizer.model"
    if not path.exists():
        pytest.skip("no mistral_v1/tokenizer.model among the public vocabularies")
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    Tokenizer.from_sentencepiece(path).to_gguf(tmp_path / "t.gguf")
    tok = Tokenizer.from_gguf(tmp_path / "t.gguf")
    tok.to_huggingface(tmp_path / "t.json")
    listed = Tokenizer.from_huggingface(tmp_path / "t.json")
    for text in (*(content[:200_000] for content in texts.values()), *(f"a{' ' * n}b  {' ' * n}" for n in range(100))):
        ids = model.encode(text)
        assert tok.encode_ordinary(text) == ids == listed.encode_ordinary(text)
        assert tok.decode(ids) == model.decode(ids) == listed.decode(ids)


def written(tmp_path, tok, **changes):
    """A file of what `tok` writes, with other values for some keys; None to leave a key out."""
    entries = dict(formats_gguf._entries_of_pieces(tok._definition))
    for name, value in changes.items():
        entries.pop(f"tokenizer.ggml.{name}", None)
        if value is not None:
            entries[f"tokenizer.ggml.{name}"] = value
    body = b"".join(struct.pack("<Q", len(key)) + key.encode() + value for key, value in entries.items())
    (tmp_path / "changed.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries)) + body)
    return tmp_path / "changed.gguf"


def types(changes: dict[int, int], n: int) -> bytes:
    kinds = [2, *[6] * 256, *[1] * (n - 257)]
    for number, kind in changes.items():
        kinds[number] = kind
    return struct.pack(f"<IIQ{n}i", 9, 5, n, *kinds)


def test_what_is_refused(tmp_path, tok):
    n, no_scores = tok.n_vocab, struct.pack("<IIQ", 9, 6, 0)
    infinite = struct.pack(f"<IIQ{n}f", 9, 6, n, *[float("inf")] * n)
    for changes, message in (
        ({"scores": None}, "one for each token"),
        ({"scores": no_scores}, "one for each token"),
        ({"scores": infinite}, "has the score inf"),
        ({"token_type": None}, "one for each token"),
        ({"token_type": types({0: 1}, n)}, "0 pieces of type UNKNOWN"),
        ({"token_type": types({5: 1}, n)}, "no piece for byte 0x04"),
        ({"token_type": types({n - 1: 9}, n)}, "unknown kind 9"),
        ({"token_type": types({n - 1: 5}, n)}, "is marked unused"),
        ({"add_space_prefix": struct.pack("<II", 4, 1)}, "neither true nor false"),
        ({"precompiled_charsmap": struct.pack("<IIQB", 9, 0, 1, 1)}, "map of characters"),
        ({"model": struct.pack("<IQ", 8, 2) + b"t5"}, "the kind 't5'"),
    ):
        with pytest.raises(FormatError, match=message):
            Tokenizer.from_gguf(written(tmp_path, tok, **changes))


def test_types_that_are_read(tmp_path, tok):
    n = tok.n_vocab
    second = Tokenizer.from_gguf(written(tmp_path, tok, token_type=types({n - 1: 2}, n), add_space_prefix=None))
    assert second.special_tokens.keys() == {"<unk>", "cc"}
    assert second.encode_ordinary("cc") != tok.encode_ordinary("cc")
    found = Tokenizer.from_gguf(written(tmp_path, tok, token_type=types({n - 1: 4}, n)))
    assert found.added_tokens == {"cc": n - 1}
    with pytest.raises(ValueError, match="found behind the space"):
        found.to_huggingface(tmp_path / "t.json")
    no_prefix = Tokenizer.from_gguf(written(tmp_path, tok, add_space_prefix=struct.pack("<I?", 7, False)))
    assert no_prefix.decode(no_prefix.encode("ab")) == "ab"
    no_prefix.to_huggingface(tmp_path / "t.json")
    assert Tokenizer.from_huggingface(tmp_path / "t.json").encode(" ab") == no_prefix.encode(" ab")


def test_what_cannot_be_written(tmp_path, tok):
    content = characters(merges=ORDER, added_tokens=[added(len(characters(merges=ORDER)["model"]["vocab"]), "<x>")])
    with pytest.raises(ValueError, match="behind the token '<x>'"):
        Tokenizer.from_huggingface(write_json(tmp_path / "t.json", content)).to_gguf(tmp_path / "t.gguf")
    content = characters("metaspace first True", merges=ORDER)
    with pytest.raises(ValueError, match="no way to read text"):
        Tokenizer.from_huggingface(write_json(tmp_path / "t.json", content)).to_gguf(tmp_path / "t.gguf")
    assert not (tmp_path / "t.gguf").exists()
