"""get_encoding: from a file on this machine, or downloaded once, checked and kept. No test leaves this machine."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import replace

import pytest
import tiktoken
import tiktoken.model
import tiktoken_ext.openai_public

import pybpe
from pybpe import DownloadError, FormatError, UnknownEncodingError, encoding_for_model, get_encoding
from pybpe.compat import tiktoken as face
from pybpe.encodings.public import _kept
from pybpe.encodings.registry import BY_NAME, name_for_model

CONTENT = b"".join(b64encode(bytes([i])) + b" %d\n" % i for i in range(256))


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A public encoding of 256 tokens; nothing of it on this machine, and what the network gives is in a list."""
    for name in ("PYBPE_VOCABS", "DATA_GYM_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "cache"))
    known = replace(
        BY_NAME["r50k_base"],
        name="fake",
        file="fake.tiktoken",
        n_bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        special_tokens={"<|endoftext|>": 256},
    )
    monkeypatch.setitem(BY_NAME, "fake", known)
    asked = []

    def fetch(url, n_bytes, sha256):
        asked.append(url)
        return CONTENT

    monkeypatch.setattr("pybpe.encodings.rank_files.fetch", fetch)
    _kept.cache_clear()
    yield known, asked
    _kept.cache_clear()


def test_downloaded_once_and_kept(fake, tmp_path):
    _, asked = fake
    tok = get_encoding("fake")
    assert tok.encode("a<|endoftext|>", allowed_special="all") == [97, 256]
    assert get_encoding("fake") is tok
    _kept.cache_clear()
    assert get_encoding("fake") == tok
    assert asked == ["https://openaipublic.blob.core.windows.net/encodings/fake.tiktoken"]
    assert [path.read_bytes() for path in (tmp_path / "cache").iterdir()] == [CONTENT]


def test_a_damaged_copy_in_the_cache_is_replaced(fake):
    known, asked = fake
    known.cached.parent.mkdir()
    for damaged in (b"", CONTENT[:-5], CONTENT + b"x" * 10_000):
        known.cached.write_bytes(damaged)
        _kept.cache_clear()
        assert get_encoding("fake").n_vocab == 257
        assert known.cached.read_bytes() == CONTENT
    assert len(asked) == 3


def test_folders_of_the_user(fake, tmp_path, monkeypatch):
    _, asked = fake
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "fake.tiktoken").write_bytes(CONTENT)
    assert get_encoding("fake", folder=folder).n_vocab == 257
    monkeypatch.setenv("PYBPE_VOCABS", str(folder))
    assert get_encoding("fake").n_vocab == 257
    assert not asked
    (folder / "fake.tiktoken").write_bytes(CONTENT[:-1] + b" ")
    with pytest.raises(FormatError, match=r"fake.tiktoken is not the published fake.tiktoken"):
        get_encoding("fake", folder=folder)
    assert not asked


def test_nothing_is_kept_where_nothing_should_be(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    assert get_encoding("fake").n_vocab == 257
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to(fake, tmp_path, monkeypatch):
    (tmp_path / "cache").write_bytes(b"a file")
    with pytest.raises(OSError, match="cache"):
        get_encoding("fake")
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR")  # now it is nobody's wish to keep it
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "cache"))
    assert get_encoding("fake").n_vocab == 257


def test_without_a_network(fake, monkeypatch):
    known, _ = fake
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("pybpe.encodings.registry.FOLDER_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("pybpe.encodings.rank_files.fetch", pybpe.encodings.download.fetch)
    with pytest.raises(DownloadError, match=r"fake\.tiktoken, set PYBPE_VOCABS to the folder that holds it") as raised:
        get_encoding("fake")
    assert "\n" not in str(raised.value)
    assert not known.cached.exists()


def test_names_that_are_not_known():
    with pytest.raises(UnknownEncodingError, match=r"no encoding 'cl100k'; did you mean 'cl100k_base'\?") as raised:
        get_encoding("cl100k")
    assert isinstance(raised.value, ValueError)
    with pytest.raises(KeyError, match="model 'gpt-9' is not known"):
        encoding_for_model("gpt-9")
    for odd in ("*", "", "gpt"):
        with pytest.raises(UnknownEncodingError):
            name_for_model(odd)
    with pytest.raises(UnknownEncodingError):
        get_encoding(5)


def test_models_are_those_of_tiktoken():
    models = [*tiktoken.model.MODEL_TO_ENCODING]
    for beginning in tiktoken.model.MODEL_PREFIX_TO_ENCODING:
        models += [beginning, f"{beginning}x", f"{beginning}-2030", beginning[:-1]]
    for model in models:
        try:
            expected = tiktoken.model.encoding_name_for_model(model)
        except KeyError:
            with pytest.raises(KeyError):
                name_for_model(model)
        else:
            assert name_for_model(model) == expected


@pytest.mark.parametrize("name", tiktoken_ext.openai_public.ENCODING_CONSTRUCTORS)
def test_the_facts_are_those_of_tiktoken(name, monkeypatch):
    loaded = []
    monkeypatch.setattr(
        "tiktoken_ext.openai_public.load_tiktoken_bpe", lambda url, expected_hash: loaded.append((url, expected_hash))
    )
    monkeypatch.setattr("tiktoken_ext.openai_public.data_gym_to_mergeable_bpe_ranks", lambda **_: None)
    theirs, ours = tiktoken_ext.openai_public.ENCODING_CONSTRUCTORS[name](), BY_NAME[name]
    assert (ours.name, ours.pattern, ours.special_tokens) == (name, theirs["pat_str"], theirs["special_tokens"])
    assert loaded == ([] if name == "gpt2" else [(ours.url, ours.sha256)])
    assert sorted(BY_NAME) == sorted(tiktoken_ext.openai_public.ENCODING_CONSTRUCTORS)


def test_gpt2_has_the_ranks_of_r50k(vocabs, monkeypatch):
    monkeypatch.setenv("PYBPE_VOCABS", str(vocabs))
    pair = pybpe.Tokenizer.from_gpt2(vocabs / "gpt2" / "vocab.json", vocabs / "gpt2" / "merges.txt")
    tok = get_encoding("gpt2")
    assert tok.mergeable_ranks == pair.mergeable_ranks
    assert tok.special_tokens == pair.special_tokens


def test_two_names_with_one_id(vocabs, monkeypatch):
    monkeypatch.setenv("PYBPE_VOCABS", str(vocabs))
    ours = face.encoding_for_model("gpt-oss-120b")
    theirs = tiktoken.Encoding(
        ours.name,
        pat_str=ours._pat_str,
        mergeable_ranks=ours._mergeable_ranks,
        special_tokens=ours._special_tokens,
    )
    text = "<|start|>a<|endofprompt|><|reserved_200018|><|reserved_201087|>"
    assert ours.encode(text, allowed_special="all") == theirs.encode(text, allowed_special="all")
    for token in range(199_990, theirs.n_vocab):
        if token in theirs._special_token_values:
            assert ours.decode([token]) == theirs.decode([token])
    assert ours.n_vocab == theirs.n_vocab
    assert face.get_encoding("o200k_harmony") is ours
    assert face.list_encoding_names() == list(BY_NAME)
