"""tokenizer.json: what is read, what is refused and why, and that no file at all does worse than be refused."""

from __future__ import annotations

import copy
import functools
import json
import operator
import pickle
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.accepted import Accepted
from support.huggingface_files import added, split_by, tokenizer_json, write_json

from pybpe import FormatError, PybpeError, Tokenizer
from pybpe.formats import huggingface
from pybpe.pretokenization.patterns import LLAMA3

LOWER = 256 + 3  # " low"
ADDED = [added(262, "<s>", special=True), added(263, "<call>"), added(264, "<mask>", lstrip=True, special=True)]


@pytest.fixture
def read(tmp_path):
    return lambda content: Tokenizer.from_huggingface(write_json(tmp_path / "tokenizer.json", content))


def test_what_is_read(read):
    tok = read(tokenizer_json(ADDED, normalizer={"type": "NFC"}))
    assert tok.encode("a low<call>") == [97, LOWER, 263]
    assert tok.special_tokens == {"<s>": 262, "<mask>": 264}
    assert tok.added_tokens == {"<call>": 263}
    assert tok.info["normalizer"] == "NFC"
    assert tok.encode("e\u0301") == tok.encode("é") == list("é".encode())
    assert tok.encode("a  <mask>", allowed_special="all") == [97, 264]
    assert tok.encode("<s>", disallowed_special=()) == list(b"<s>")
    assert tok.decode([97, 263]) == "a<call>"
    assert tok.token_id("<call>") == 263
    with pytest.raises(PybpeError, match="<s>"):
        tok.encode("<s>")


def test_merges_as_pairs_and_twice(read):
    content = tokenizer_json(merges=["a b", "b c", "a b"])
    as_pairs = copy.deepcopy(content)
    as_pairs["model"]["merges"] = [merge.split(" ") for merge in content["model"]["merges"]]
    assert read(content) == read(as_pairs)
    assert read(content).encode("abc") == [97, 257]  # of a merge that is there twice the later counts


def test_whole_words(read):
    extra = {"extra_tokens": ["abc"]}
    assert read(tokenizer_json(**extra)).encode("abc") == [260, 99]
    assert read(tokenizer_json(**extra, ignore_merges=True)).encode("abc abc") == [262, 32, 260, 99]


@pytest.mark.parametrize("changed", [{}, {"normalizer": {"type": "NFKC"}}, {"ignore_merges": True}])
def test_all_of_it_is_saved_compared_and_pickled(read, tmp_path, changed):
    plain, tok = read(tokenizer_json()), read(tokenizer_json(ADDED, **changed))
    tok.save(tmp_path / "saved.pybpe")
    text = "low <mask><call> e\u0301 ﬁ"
    for other in (Tokenizer.load(tmp_path / "saved.pybpe"), pickle.loads(pickle.dumps(tok))):
        assert other == tok != plain
        assert other.fingerprint == tok.fingerprint
        assert other.encode(text, allowed_special="all") == tok.encode(text, allowed_special="all")
        assert other.added_tokens == tok.added_tokens


def test_a_folder(tmp_path, read):
    read(tokenizer_json(ADDED))
    config = {"chat_template": "{{ x }}", "added_tokens_decoder": {"263": {"content": "<call>", "special": False}}}
    write_json(tmp_path / "tokenizer_config.json", config)
    tok = Tokenizer.from_huggingface(tmp_path)
    tok.to_huggingface(tmp_path / "out")
    assert (
        json.loads((tmp_path / "out/tokenizer_config.json").read_text(encoding="utf-8"))["chat_template"] == "{{ x }}"
    )
    assert Tokenizer.from_huggingface(tmp_path / "out").encode("low<call>") == [257, 263]
    config["added_tokens_decoder"]["263"]["special"] = True
    write_json(tmp_path / "tokenizer_config.json", config)
    with pytest.raises(FormatError, match="do not say the same of the added token with id 263"):
        Tokenizer.from_huggingface(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no tokenizer\.json"):
        Tokenizer.from_huggingface(tmp_path)


def test_what_is_put_around_the_ids_is_written_back(read, tmp_path):
    content = tokenizer_json(ADDED)
    content["post_processor"] = {"type": "RobertaProcessing", "cls": ["<s>", 262]}
    read(content).to_huggingface(tmp_path / "again.json")
    assert (
        json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))["post_processor"] == content["post_processor"]
    )


TEMPLATE = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}], "pair": []}
REFUSED = [
    (tokenizer_json() | {"version": "2.0"}, "version is '2.0'"),
    (tokenizer_json() | {"truncation": "x"}, "truncation is not a JSON object"),
    (tokenizer_json() | {"post_processor": {"type": "Foo"}}, "post_processor is not one of the tokenizers package"),
    (tokenizer_json() | {"post_processor": {"type": "Sequence", "processors": 1}}, "not one of the tokenizers package"),
    (tokenizer_json() | {"post_processor": TEMPLATE}, "no special_tokens"),
    (tokenizer_json() | {"post_processor": TEMPLATE | {"special_tokens": {}}}, "that is not in its special_tokens"),
    (
        tokenizer_json() | {"decoder": {"type": "Sequence", "decoders": [[]]}},
        "decoder is not one of the tokenizers package",
    ),
    (tokenizer_json(type="WordPiece"), "of type 'WordPiece'"),
    (tokenizer_json(dropout=0.1), "at random"),
    (tokenizer_json(end_of_word_suffix="</w>"), "0x00 at the end of a word"),
    (tokenizer_json(end_of_word_suffix=1), "end_of_word_suffix is not a string"),
    (tokenizer_json(byte_fallback=1), "byte_fallback is neither"),
    (tokenizer_json(normalizer={"type": "BertNormalizer"}), "'BertNormalizer'"),
    (tokenizer_json(normalizer={"type": "Sequence", "normalizers": 1}), "a Sequence without a list"),
    (tokenizer_json(normalizer={"type": "Sequence", "normalizers": [{"type": "NFC"}] * 200}), "more than 100 steps"),
    (
        tokenizer_json(normalizer={"type": "Replace", "pattern": {"Regex": "a|b"}, "content": ""}),
        "may mean something else in pybpe",
    ),
    (tokenizer_json(pre_tokenizer={"type": "Metaspace"}), "Metaspace writes a space as 'None'"),
    (tokenizer_json(pre_tokenizer={"type": "Sequence", "pretokenizers": []}), "not written as U\\+2581"),
    (tokenizer_json(pre_tokenizer={"type": "UnicodeScripts"}), "'UnicodeScripts'"),
    (tokenizer_json(pre_tokenizer=split_by(r"\p{L}+", "Removed")), "Removed"),
    (tokenizer_json(pre_tokenizer=split_by(r"\s+", "Removed", True)), "Removed"),
    (tokenizer_json(pre_tokenizer=split_by("ab", "MergedWithNext", kind="String")), "MergedWithNext"),
    (tokenizer_json(pre_tokenizer=split_by(" ", "MergedWithNext", True, kind="String")), "MergedWithNext"),
    (tokenizer_json(pre_tokenizer=split_by(r"\p{N}{1,3}+")), "repetition of a repetition"),
    (tokenizer_json(pre_tokenizer=split_by(r"\h+")), "may not mean the same"),
    (tokenizer_json(pre_tokenizer=split_by(r"a$")), "may not mean the same"),
    (tokenizer_json(pre_tokenizer=split_by(r"(?i:strasse)")), "upper and lower case"),
    (tokenizer_json(pre_tokenizer=split_by(r"a*")), "nothing at all"),
    (tokenizer_json(pre_tokenizer=split_by("(" * 60 + "a" + ")" * 60)), "nested"),
    (tokenizer_json(pre_tokenizer=split_by("a" * 20_000)), "characters"),
    (tokenizer_json([added(500, "<x>")]), "would give it 262"),
    (tokenizer_json([added(262, "<x>"), added(263, "<x>")]), "there twice"),
    (tokenizer_json([added(262, "<x>") | {"lstrip": 1}]), "lstrip"),
    (tokenizer_json([added(195, "Ã")]), "bytes of another token"),
    (tokenizer_json([added(262, "e\u0301", normalized=True)], normalizer={"type": "NFC"}), "NFC"),
    (tokenizer_json(extra_tokens=["naïve 中"]), "stands for no byte"),
    (tokenizer_json(merges=["a b"]) | {"model": {}}, "no vocabulary"),
]


@pytest.mark.parametrize(("content", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_is_refused(read, content, message):
    with pytest.raises(FormatError, match=message):
        read(content)


def test_several_steps(read, tmp_path):
    content = tokenizer_json(pre_tokenizer=split_by(r"\p{N}"), merges=["1 2", "a b", "Ġ 1"])
    content["pre_tokenizer"]["pretokenizers"][1]["use_regex"] = True
    tok = read(content)
    assert tok.info["pattern_name"] is None or "starcoder" in tok.info["pattern_name"]
    assert tok.encode("ab 12") == [257, 32, 49, 50]
    tok.to_huggingface(tmp_path / "again.json")
    assert Tokenizer.from_huggingface(tmp_path / "again.json") == tok
    with pytest.raises(FormatError, match="record separator"):
        read(tokenizer_json(pre_tokenizer=split_by("a\x1eb")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda vocab, merges: vocab.pop("A"), "byte 0x41"),
        (lambda vocab, merges: vocab.update(A=66), "share id 66"),
        (lambda vocab, merges: vocab.update(zz=1 << 40), "ids go from 0"),
        (lambda vocab, merges: vocab.update(zz=-1), "ids go from 0"),
        (lambda vocab, merges: vocab.update(zz=1.5), "ids go from 0"),
        (lambda vocab, merges: vocab.update({"\ud800": 300}), "stands for no byte"),
        (lambda vocab, merges: merges.append("q u"), "needs the token 'qu'"),
        (lambda vocab, merges: merges.append("x yyy"), "needs the token 'yyy'"),
        (lambda vocab, merges: merges.append("a b c"), "not a pair"),
        (lambda vocab, merges: merges.append(7), "not a pair"),
        (lambda vocab, merges: merges.append(["a", None]), "not a pair"),
    ],
)
def test_damaged_vocabularies(read, change, message):
    content = tokenizer_json()
    change(content["model"]["vocab"], content["model"]["merges"])
    with pytest.raises(FormatError, match=message):
        read(content)


def test_holes_are_allowed(read):
    content = tokenizer_json()
    content["model"]["vocab"]["zz"] = 1000
    assert read(content).n_vocab == 1001


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 1_000_000, "nested too deeply"),
        (b'{"a":' * 500_000, "nested too deeply"),
        (b'{"model": {"vocab": {"a": ' + b"9" * 100_000 + b"}}}", "JSON|ids go"),
        (b'{"model": null}', "model is not a JSON object"),
    ],
)
def test_files_that_are_no_tokenizers(tmp_path, content, message):
    path = tmp_path / "t.json"
    path.write_bytes(content)
    start = time.perf_counter()
    with pytest.raises(FormatError, match=message):
        Tokenizer.from_huggingface(path)
    assert time.perf_counter() - start < 10


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("pybpe.formats.helpers.byte_level.MAX_FILE", 100)
    with pytest.raises(FormatError, match="too large"):
        Tokenizer.from_huggingface(write_json(tmp_path / "t.json", tokenizer_json()))


FUZZED = tokenizer_json(ADDED, normalizer={"type": "NFC"}, pre_tokenizer=split_by(LLAMA3))
JUNK = [None, True, 0, -1, 1 << 70, 1.5, "", "x", "\ud800", "NFC", [], [1], ["a", "b"], {}, {"type": "NFD"}, {"a": 1}]


def paths_in(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from paths_in(part, (*path, key))


PATHS = list(paths_in(FUZZED))
SKELETON = [path for path in PATHS if "vocab" not in path[:-1]]


@given(data=st.data())
def test_any_values_anywhere(tmp_path_factory, data):
    content = copy.deepcopy(FUZZED)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.one_of(st.sampled_from(SKELETON), st.sampled_from(PATHS)))
        value = data.draw(st.sampled_from(JUNK))
        place = content
        try:
            for key in path[:-1]:
                place = place[key]
            if not path:
                content = value
            elif data.draw(st.booleans()):
                place[path[-1]] = value
            else:
                del place[path[-1]]
        except (KeyError, IndexError, TypeError):
            pass
    read_or_refuse(tmp_path_factory.getbasetemp() / "fuzz.json", content, Accepted())


def read_or_refuse(path, content, accepted):
    write_json(path, content)
    with accepted.or_refused(PybpeError):
        Tokenizer.from_huggingface(path).encode("a low<call>  <s> é e\u0301", allowed_special="all")


def test_one_other_value_anywhere(tmp_path):
    """Each value in each place: some are no matter, most are refused."""
    accepted, n_files = Accepted(), 0
    for path in filter(None, SKELETON):
        for value in JUNK:
            content = copy.deepcopy(FUZZED)
            place = functools.reduce(operator.getitem, path[:-1], content)
            place[path[-1]] = value
            read_or_refuse(tmp_path / "fuzz.json", content, accepted)
            n_files += 1
    assert 100 < accepted.count < n_files - 500


def test_any_damage(tmp_path):
    path, whole, accepted, rng = tmp_path / "damaged.json", json.dumps(FUZZED).encode(), Accepted(), random.Random(6)
    for _ in range(600):
        content = bytearray(whole)
        content[-rng.randrange(1, 3000)] = rng.choice([*b' 0"a\n', rng.randrange(256)])
        path.write_bytes(content[: rng.choice((len(content), rng.randrange(len(content))))])
        with accepted.or_refused(PybpeError):
            Tokenizer.from_huggingface(path)
    assert 10 < accepted.count < 590


def test_what_cannot_be_written(small, tmp_path):
    odd = Tokenizer.train(iter(["a b"]), 256, pattern=r"\bx|.", progress=False)
    with pytest.raises(ValueError, match="may not mean the same"):
        odd.to_huggingface(tmp_path / "t.json")
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_read(small, tmp_path):
    small.to_huggingface(tmp_path / "t.json")
    again = Tokenizer.from_huggingface(tmp_path / "t.json")
    assert again.special_tokens == small.special_tokens
    assert again.merges == small.merges
    assert again.vocab == small.vocab
    assert huggingface.read(tmp_path / "t.json").pattern == small.pattern
