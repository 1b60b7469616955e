"""What stands in for tokenizers.Tokenizer beside the real one: every answer the same, whoever gives it."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.huggingface_files import added, split_by, tokenizer_json
from support.strategies import BOUNDARY

import pybpe.compat.tokenizers as standing_in
from pybpe import FormatError, ParityError
from pybpe.compat.encoding import Encoding
from pybpe.compat.tokenizers import Tokenizer

tokenizers = pytest.importorskip("tokenizers", reason="pybpe stands in for tokenizers, which is needed for it")

NAMES = ["<s>", "</s>", "<|a|>", "<pad>", "[X]", " y", "日", "ab"]
SPLIT = r"\p{N}{1,3}| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+"
ATTRIBUTES = [
    *("ids", "type_ids", "attention_mask", "special_tokens_mask", "n_sequences"),  # made by pybpe
    *("tokens", "offsets", "word_ids", "sequence_ids"),
]

texts = st.lists(st.sampled_from([*BOUNDARY, *NAMES, "low", "lower", "\u0301"]), max_size=30).map("".join)


def template(single: str, pair: str, **special: int):
    entries = {name: {"id": name, "ids": [token], "tokens": [name]} for name, token in special.items()}

    def pieces(text: str) -> list[dict]:
        parts = (part.split(":") for part in text.split())
        return [
            {"Sequence": {"id": name[1:], "type_id": int(kind)}}
            if name.startswith("$")
            else {"SpecialToken": {"id": name, "type_id": int(kind)}}
            for name, kind in parts
        ]

    return {"type": "TemplateProcessing", "single": pieces(single), "pair": pieces(pair), "special_tokens": entries}


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
PROCESSORS = [
    None,
    BYTE_LEVEL,
    template("<s>:0 $A:0", "<s>:0 $A:0 $B:1", **{"<s>": 262}),
    template("<s>:0 $A:1 </s>:2", "<s>:0 $A:0 </s>:0 $B:1 </s>:1", **{"<s>": 262, "</s>": 263}),
    {"type": "Sequence", "processors": [BYTE_LEVEL, template("<s>:0 $A:0", "$A:0 $B:1", **{"<s>": 262})]},
    {
        "type": "RobertaProcessing",
        "sep": ["</s>", 263],
        "cls": ["<s>", 262],
        "trim_offsets": True,
        "add_prefix_space": False,
    },
]


def content(processor=None, **settings) -> dict:
    flags = [
        *({"special": True}, {"special": True}, {"special": True, "lstrip": True}, {"special": True, "rstrip": True}),
        *({"normalized": True}, {}, {"single_word": True}, {"normalized": True, "lstrip": True, "rstrip": True}),
    ]
    names = [added(262 + i, name, **some) for i, (name, some) in enumerate(zip(NAMES, flags, strict=True))]
    names[-1]["id"] = 260  # in the vocabulary
    return {**tokenizer_json(names, **settings), "post_processor": processor}


@st.composite
def tokenizer_files(draw):
    normalizer = draw(st.sampled_from([None, {"type": "NFC"}, {"type": "NFKC"}]))
    pre_tokenizer = draw(st.sampled_from([None, split_by(SPLIT)]))
    whole = draw(st.booleans())
    return content(
        draw(st.sampled_from(PROCESSORS)), normalizer=normalizer, pre_tokenizer=pre_tokenizer, ignore_merges=whole
    )


def real_of(file: dict):
    return tokenizers.Tokenizer.from_str(json.dumps(file))


@pytest.fixture(autouse=True)
def no_passing_on(request):
    """A tokenizer that pybpe does not serve warns; where a test does not say that it should, that is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def both(file: dict) -> tuple[Tokenizer, object]:
    return Tokenizer(real_of(file)), real_of(file)


def assert_equal(ours, theirs):
    """Every attribute; those that pybpe does not make itself come after those that it does, and then all again."""
    for attributes in (ATTRIBUTES, ATTRIBUTES):
        for name in attributes:
            assert getattr(ours, name) == getattr(theirs, name), name
    assert len(ours) == len(theirs)
    assert [each.ids for each in ours.overflowing] == [each.ids for each in theirs.overflowing]
    assert repr(ours) == repr(theirs)


truncations = st.none() | st.fixed_dictionaries(
    {
        "max_length": st.integers(0, 12),
        "stride": st.integers(0, 3),
        "strategy": st.sampled_from(["longest_first", "only_first", "only_second"]),
        "direction": st.sampled_from(["left", "right"]),
    }
)
paddings = st.none() | st.fixed_dictionaries(
    {
        "length": st.none() | st.integers(0, 20),
        "direction": st.sampled_from(["left", "right"]),
        "pad_to_multiple_of": st.sampled_from([None, 1, 4, 8]),
        "pad_id": st.integers(0, 9),
        "pad_type_id": st.integers(0, 3),
        "pad_token": st.sampled_from(["<pad>", "?"]),
    }
)


def outcome(call):
    """What a call gives; of an error its kind."""
    try:
        return call()
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit, AssertionError)):
            raise
        return type(error)


@given(
    file=tokenizer_files(),
    batch=st.lists(texts, max_size=4),
    truncation=truncations,
    padding=paddings,
    add_special_tokens=st.booleans(),
    fast=st.booleans(),
)
def test_batches(file, batch, truncation, padding, add_special_tokens, fast):
    ours, theirs = both(file)
    for each in (ours, theirs):
        if truncation is not None:
            outcome(partial(each.enable_truncation, **truncation))
        if padding is not None:
            each.enable_padding(**padding)
    name = "encode_batch_fast" if fast else "encode_batch"
    found, expected = (
        outcome(lambda each=each: getattr(each, name)(batch, add_special_tokens=add_special_tokens))
        for each in (ours, theirs)
    )
    assert ours.reason is None
    if isinstance(expected, type):
        assert found is expected
    else:
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_equal(one, other)
    for text in batch[:1]:
        one, other = (outcome(partial(each.encode, text)) for each in (ours, theirs))
        if isinstance(other, type):
            assert one is other
        else:
            assert_equal(one, other)


@given(file=tokenizer_files(), text=texts, ids=st.lists(st.integers(0, 275), max_size=20), skip=st.booleans())
def test_decoding(file, text, ids, skip):
    ours, theirs = both(file)
    for some in (theirs.encode(text).ids, ids):
        assert ours.decode(some, skip_special_tokens=skip) == theirs.decode(some, skip_special_tokens=skip)
        assert ours.decode_batch([some, ids], skip) == theirs.decode_batch([some, ids], skip)


def test_pybpe_does_the_work():
    ours, _ = both(content(PROCESSORS[2]))
    found = ours.encode("lower<|a|>")
    assert isinstance(found, Encoding)
    assert isinstance(ours.encode_batch(["low"])[0], Encoding)
    assert isinstance(ours.encode_batch_fast(["low"])[0], Encoding)
    assert found._real is None
    assert found.ids[0] == 262
    assert (found._real, len(found.attention_mask)) == (None, len(found))
    assert found.offsets[0] == (0, 0)
    assert found._real is not None


@pytest.mark.parametrize(
    "arguments",
    [("low", "er"), (["low", "er"], None, True), ("low", "er", False, False)],
    ids=["pair", "words", "pair without specials"],
)
def test_what_is_passed_on(arguments):
    ours, theirs = both(content(PROCESSORS[3]))
    assert ours.encode(*arguments).ids == theirs.encode(*arguments).ids
    assert ours.encode_batch([("a", "b"), "c"])[0].ids == theirs.encode_batch([("a", "b"), "c"])[0].ids
    for each in (ours, theirs):
        each.encode_special_tokens = True
    assert ours.encode("<s>low<|a|>[X]").ids == theirs.encode("<s>low<|a|>[X]").ids


@pytest.mark.parametrize("wrong", [None, 1, b"low", ["a", None], "half \ud800", [1], {}])
def test_wrong_texts_are_their_errors(wrong):
    ours, theirs = both(content())
    for name in ("encode", "encode_batch"):
        expected = outcome(lambda name=name: getattr(theirs, name)(wrong))
        assert isinstance(expected, (type, list))
        assert outcome(lambda name=name: getattr(ours, name)(wrong)) == expected


@pytest.mark.parametrize("wrong", [None, "low", [1.5], [-1], [2**32], [10**6, 5], 5, [[1]]])
def test_wrong_ids_are_their_errors(wrong):
    ours, theirs = both(content())
    expected = outcome(lambda: theirs.decode(wrong))
    assert outcome(lambda: ours.decode(wrong)) == expected


def _add(each):
    each.add_tokens(["zz", "lo"])


def _add_special(each):
    each.add_special_tokens([tokenizers.AddedToken("low", lstrip=True)])


def _normalize(each):
    each.normalizer = tokenizers.normalizers.NFC()


def _split(each):
    each.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)


def _split_within(each):
    each.pre_tokenizer.add_prefix_space = True


def _template(each):
    each.post_processor = tokenizers.processors.TemplateProcessing(single="$A <s>", special_tokens=[("<s>", 262)])


def _model(each):
    file = tokenizer_json()
    file["model"]["merges"] = ["e r", "a b", "Ġ Ġ", "Ġ l", "l o", "lo w"]
    file["model"]["vocab"]["Ġl"] = file["model"]["vocab"].pop("Ġlow")
    each.model = real_of(file).model


def _ignore_merges(each):
    each.model.ignore_merges = True


CHANGES = [_add, _add_special, _normalize, _split, _split_within, _template, _model, _ignore_merges]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(change):
    ours, theirs = both(content())
    text = "low lower<|a|> zz e\u0301 lowest"
    before = ours.encode(text)
    assert before.ids == theirs.encode(text).ids
    change(ours)
    change(theirs)
    assert ours.encode(text).ids == theirs.encode(text).ids
    assert isinstance(ours.encode(text), Encoding)
    assert ours.decode(theirs.encode(text).ids) == theirs.decode(theirs.encode(text).ids)
    assert ours.backend.to_str() == theirs.to_str()


def test_training():
    ours, theirs = both(tokenizer_json())
    ours.check()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    for each in (ours, theirs):
        trainer = tokenizers.trainers.BpeTrainer(vocab_size=280, initial_alphabet=alphabet, show_progress=False)
        each.model = tokenizers.models.BPE()  # one that has encoded remembers words, and still does when trained again
        each.train_from_iterator(["lowest lower zz " * 9], trainer)
    found = ours.encode("low lower zz lowest")
    assert found.ids == theirs.encode("low lower zz lowest").ids
    assert isinstance(found, Encoding)
    assert max(found.ids) > 256


def test_a_change_does_not_reach_back():
    ours, theirs = both(content())
    kept, lost = ours.encode("low zz"), ours.encode("low zz")
    ours.add_tokens(["zz"])
    assert kept.tokens == theirs.encode("low zz").tokens
    ours.pre_tokenizer.add_prefix_space = True  # of the one that made the encoding, too
    with pytest.raises(ParityError, match="was changed after this text was encoded"):
        assert lost.tokens


def test_what_pybpe_cannot_do_is_passed_on_with_a_warning():
    ours, theirs = both(content())
    for each in (ours, theirs):
        each.normalizer = tokenizers.normalizers.BertNormalizer()
    with pytest.warns(UserWarning, match="tokenizers does the work itself, not pybpe: the tokenizer: .*BertNormalizer"):
        assert ours.encode("low").ids == theirs.encode("low").ids
    assert "BertNormalizer" in ours.reason
    assert ours.encode("low").ids == theirs.encode("low").ids  # said once
    ours.normalizer = None
    assert isinstance(ours.encode("low"), Encoding)
    assert ours.reason is None


def test_what_cannot_be_written_is_passed_on():
    class Halves:
        def pre_tokenize(self, pretokenized):
            pass

    ours, _ = both(content())
    ours.pre_tokenizer = tokenizers.pre_tokenizers.PreTokenizer.custom(Halves())
    with pytest.raises(FormatError, match=r"the tokenizer cannot be written as a tokenizer\.json"):
        ours.check()
    with pytest.warns(UserWarning, match="tokenizers does the work itself"):
        ours.encode("low")


@pytest.mark.parametrize("what", ["encode", "decode"])
def test_a_difference_is_found(what, monkeypatch):
    ours, theirs = both(content())

    class Wrong(standing_in.Snapshot):
        def encode(self, texts, threads):
            lists = super().encode(texts, threads)
            return [[token + (what == "encode" and token == 256) for token in ids] for ids in lists]

        def decode(self, ids, skip):
            return super().decode(ids, skip).replace("lo", "l0" if what == "decode" else "lo")

    monkeypatch.setattr(standing_in, "Snapshot", Wrong)
    with pytest.raises(ParityError, match=rf"will not stand in: to {what} .*lo.*, pybpe gives .* at place \d+, token"):
        ours.check()
    with pytest.warns(UserWarning, match="will not stand in"):
        assert ours.encode("low").ids == theirs.encode("low").ids


def test_one_thread_if_the_environment_says_so(monkeypatch):
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    assert standing_in._threads() == 1
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    assert standing_in._threads() is None


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_copies(copied):
    ours, theirs = both(content(PROCESSORS[2]))
    again = copied(ours)
    assert type(again) is Tokenizer
    assert again.encode("low<|a|>").ids == theirs.encode("low<|a|>").ids
    encoding = pickle.loads(pickle.dumps(ours.encode("low<|a|>")))
    assert isinstance(encoding, tokenizers.Encoding)
    assert encoding.ids == theirs.encode("low<|a|>").ids


def test_its_makers(tmp_path):
    theirs = real_of(content())
    theirs.save(str(tmp_path / "tokenizer.json"))
    for ours in (
        Tokenizer.from_file(str(tmp_path / "tokenizer.json")),
        Tokenizer.from_str(theirs.to_str()),
        Tokenizer.from_buffer(theirs.to_str().encode()),
        Tokenizer(Tokenizer(theirs)),
    ):
        assert ours.encode("lower").ids == theirs.encode("lower").ids
        assert ours.to_str() == theirs.to_str()
    assert Tokenizer(theirs.model).get_vocab_size() == 262
    assert {name for name in dir(tokenizers.Tokenizer) if not name.startswith("_")} <= {*dir(ours)}
    encoding = {name for name in dir(tokenizers.Encoding) if not name.startswith("_")}
    assert all(hasattr(ours.encode("lower"), name) for name in encoding - {"words"})  # which is deprecated


def test_methods_that_change_an_encoding():
    ours, theirs = both(content(PROCESSORS[3]))
    found, expected = ours.encode("low lower lowest"), theirs.encode("low lower lowest")
    for each in (found, expected):
        each.truncate(4)
        each.pad(6, pad_id=7)
    assert_equal(found, expected)
    joined = Encoding.merge([ours.encode("low"), ours.encode("er")])
    assert joined.ids == tokenizers.Encoding.merge([theirs.encode("low"), theirs.encode("er")]).ids
    assert joined.offsets == tokenizers.Encoding.merge([theirs.encode("low"), theirs.encode("er")]).offsets


SURROGATE = r"lone surrogate '\\ud800' at index 1, half a character.*text.encode\('utf-16', 'surrogatepass'\)"


@pytest.mark.parametrize(
    "encode",
    [
        lambda face: face.encode("a\ud800"),
        lambda face: face.encode("a", "a\ud800"),
        lambda face: face.encode(["a", "a\ud800"], is_pretokenized=True),
        lambda face: face.encode_batch(["x", "a\ud800b"]),
        lambda face: face.encode_batch_fast(["x", ("a", "a\ud800b")]),
        lambda face: face.encode_batch([["x", "a\ud800"]], is_pretokenized=True),
    ],
)
def test_a_lone_surrogate_is_named(encode):
    face, real = both(content())
    with pytest.raises(TypeError, match=SURROGATE):
        encode(face)
    with pytest.raises(TypeError, match="must be"):
        encode(real)


def test_what_is_no_text_is_their_own_error():
    for tokenizer in both(content()):
        with pytest.raises(TypeError, match="TextEncodeInput must be"):
            tokenizer.encode_batch([5])


def test_what_is_written_in_rust_names_the_way_out():
    face, real = both(content())
    stream = tokenizers.decoders.DecodeStream(skip_special_tokens=False)
    with pytest.raises(TypeError, match=r"pass its attribute backend instead.* is not an instance of 'Tokenizer'"):
        stream.step(face, 65)
    assert stream.step(face.backend, 65) == real.decode([65])
    assert pickle.loads(pickle.dumps(type(face))) is type(face)
    assert pickle.loads(pickle.dumps(face)).encode("ab").ids == real.encode("ab").ids
