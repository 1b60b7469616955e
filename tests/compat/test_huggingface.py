"""transformers' face beside transformers itself: the same from every public method, and files that it reads."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.huggingface_files import tokenizer_json, write_json
from support.strategies import BOUNDARY

from pybpe import FormatError, ParityError, PybpeError, Tokenizer
from pybpe.compat import encoding, patch_transformers, unpatch_transformers
from pybpe.compat import tokenizers as standing_in

transformers = pytest.importorskip(
    "transformers", reason="the face of transformers is a subclass of one of its classes"
)
import tokenizers  # noqa: E402  transformers brings it

from pybpe.compat.huggingface import PreTrainedTokenizerFast  # noqa: E402

SPECIAL = ["<s>", "</s>", "<pad>", "<mask>"]
texts = st.lists(st.sampled_from([*BOUNDARY, *SPECIAL, "The quick", " fox", "\u0301"]), max_size=20).map("".join)


@pytest.fixture(scope="module")
def trained() -> Tokenizer:
    lines = ["The quick brown fox jumps over the lazy dog's 1234 back.\n", "Größe, 中文字符 and 한국어 🙂   !\n"] * 4
    return Tokenizer.train(iter(lines), vocab_size=320, special_tokens=SPECIAL, progress=False)


def configured(tokenizer):
    """With named special tokens and a template."""
    tokenizer.backend_tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> $B:1 </s>:1",
        special_tokens=[(name, tokenizer.convert_tokens_to_ids(name)) for name in ("<s>", "</s>")],
    )
    tokenizer.add_special_tokens(
        {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "mask_token": "<mask>"}
    )
    tokenizer.model_max_length = 1000
    tokenizer.chat_template = "{% for m in messages %}<s>{{ m.role }}: {{ m.content }}</s>{% endfor %}"
    return tokenizer


@pytest.fixture(scope="module")
def pair(trained, tmp_path_factory):
    """pybpe's face and what transformers makes of the same folder."""
    folder = tmp_path_factory.mktemp("trained") / "tokenizer"
    trained.to_huggingface(folder)
    return configured(trained.as_huggingface()), configured(transformers.AutoTokenizer.from_pretrained(folder))


def outcome(call):
    """What a call gives, without the class that holds it; of an error its kind and its words, and of a panic too."""
    try:
        found = call()
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        return type(error), str(error)
    return {**found} if isinstance(found, transformers.BatchEncoding) else found


def plain(value):
    """Arrays, which may hold lists of several lengths, as lists."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return (value.dtype, plain(value.tolist())) if isinstance(value, np.ndarray) else value


def assert_same(pair, call):
    ours, theirs = (plain(outcome(lambda each=each: call(each))) for each in pair)
    assert ours == theirs


options = st.fixed_dictionaries(
    {},
    optional={
        "padding": st.sampled_from([True, False, "longest", "max_length", "do_not_pad"]),
        "truncation": st.sampled_from([True, False, None, "longest_first", "only_first", "only_second"]),
        "max_length": st.sampled_from([None, 0, 1, 3, 8, 16]),
        "stride": st.integers(0, 3),
        "pad_to_multiple_of": st.sampled_from([None, 4, 8]),
        "padding_side": st.sampled_from(["left", "right"]),
        "add_special_tokens": st.booleans(),
        "return_tensors": st.sampled_from([None, "np"]),
        "return_token_type_ids": st.booleans(),
        "return_attention_mask": st.booleans(),
        "return_overflowing_tokens": st.booleans(),
        "return_special_tokens_mask": st.booleans(),
        "return_offsets_mapping": st.booleans(),
        "return_length": st.booleans(),
        "split_special_tokens": st.booleans(),
    },
)
inputs = st.one_of(
    st.tuples(texts),
    st.tuples(st.lists(texts, max_size=4)),
    st.tuples(texts, texts),
    st.lists(st.tuples(texts, texts), min_size=1, max_size=3).map(
        lambda rows: tuple(map(list, zip(*rows, strict=True)))
    ),
)


@given(given_texts=inputs, settings=options, side=st.sampled_from(["left", "right"]))
def test_calls(pair, given_texts, settings, side):
    for each in pair:
        each.truncation_side = side
    assert_same(pair, lambda each: each(*given_texts, **settings))


@given(words=st.lists(st.lists(texts, max_size=4), min_size=1, max_size=3), settings=options)
def test_texts_split_into_words(pair, words, settings):
    assert_same(pair, lambda each: each(words, is_split_into_words=True, **settings))
    assert_same(pair, lambda each: each(words, is_split_into_words=True).word_ids())


@given(text=texts, other=texts, ids=st.lists(st.integers(0, 330), max_size=12), skip=st.booleans())
def test_the_other_methods(pair, text, other, ids, skip):
    assert_same(pair, lambda each: each.encode(text))
    assert_same(pair, lambda each: each.encode(text, other, add_special_tokens=False))
    assert_same(pair, lambda each: each.tokenize(text))
    assert_same(pair, lambda each: each.decode(ids, skip_special_tokens=skip))
    assert_same(pair, lambda each: each.batch_decode([ids, each.encode(text)], skip_special_tokens=skip))
    assert_same(pair, lambda each: each.decode(np.array(each.encode(text)), skip_special_tokens=skip))
    assert_same(pair, lambda each: each.convert_ids_to_tokens(each.encode(text), skip_special_tokens=skip))
    assert_same(pair, lambda each: each.convert_tokens_to_ids(each.tokenize(text)))
    assert_same(pair, lambda each: each.convert_tokens_to_string(each.tokenize(text)))
    assert_same(pair, lambda each: each.get_special_tokens_mask(each.encode(text), already_has_special_tokens=True))
    for method in ("tokens", "word_ids", "sequence_ids"):
        assert_same(pair, lambda each, method=method: getattr(each([text, other]), method)(1))
    for i in range(len(text)):
        assert_same(pair, lambda each, i=i: each(text).char_to_token(i))
    for i in range(len(pair[1](text)["input_ids"])):
        assert_same(pair, lambda each, i=i: each(text).token_to_chars(i))
        assert_same(pair, lambda each, i=i: each(text).token_to_word(i))


@pytest.mark.parametrize("wrong", [None, 1, [], [[]], [1, 2], [["a"], ["b"]], [None], b"a", [["a", None]], {}])
def test_wrong_texts_are_transformers_errors(pair, wrong):
    assert_same(pair, lambda each: each(wrong))
    assert_same(pair, lambda each: each.encode(wrong))
    assert_same(pair, lambda each: each(["a", "b"], wrong))


def test_pybpe_does_the_work(pair, monkeypatch):
    ours, theirs = pair
    ours("the first text, before which parity is checked")
    calls = []
    real = standing_in.Snapshot.encode
    monkeypatch.setattr(standing_in.Snapshot, "encode", lambda *given: calls.append(given) or real(*given))
    batch = ours(["The quick fox", "dog"], padding=True, truncation=True, max_length=6)
    assert isinstance(batch.encodings[0], encoding.Encoding)
    assert batch.encodings[0]._real is None
    assert len(calls) == 1
    assert dict(batch) == dict(theirs(["The quick fox", "dog"], padding=True, truncation=True, max_length=6))


def test_a_huge_text(pair):
    text = "The quick brown fox 🙂 <s> \n" * 40_000
    assert_same(pair, lambda each: each(text, verbose=False)["input_ids"])


def test_added_tokens(trained, tmp_path):
    trained.to_huggingface(tmp_path / "tokenizer")
    two = trained.as_huggingface(), transformers.AutoTokenizer.from_pretrained(tmp_path / "tokenizer")
    assert_same(two, lambda each: each.add_tokens(["zebra", tokenizers.AddedToken(" fox", lstrip=True)]))
    assert_same(two, lambda each: each.add_special_tokens({"pad_token": "<|PAD|>"}))
    assert_same(two, lambda each: each("a zebra  fox<|PAD|> <s>"))
    assert_same(two, lambda each: each(["a zebra  fox<|PAD|> <s>", "a"], padding=True))
    assert_same(two, lambda each: (len(each), each.get_added_vocab(), each.special_tokens_map, each.vocab_size))
    assert_same(two, lambda each: each.decode(each.encode("a zebra fox<|PAD|>"), skip_special_tokens=True))
    assert two[0].backend_tokenizer.reason is None


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_copies(pair, copied):
    again = copied(pair[0])
    assert type(again) is PreTrainedTokenizerFast
    assert_same((again, pair[1]), lambda each: each("The quick<s> fox"))
    assert_same((pickle.loads(pickle.dumps(pair[0](["a fox"]))), pair[1](["a fox"])), dict)


def test_chats(pair):
    chat = [{"role": "user", "content": "Hello <s>"}, {"role": "assistant", "content": "fox"}]
    assert_same(pair, lambda each: each.apply_chat_template(chat, tokenize=False))
    assert_same(pair, lambda each: each.apply_chat_template(chat, return_dict=True))
    assert_same(pair, lambda each: each.apply_chat_template([chat, chat[:1]], padding=True, return_tensors="np"))


def test_saved_it_is_a_tokenizer_of_transformers(pair, tmp_path):
    ours, theirs = pair
    ours.save_pretrained(tmp_path)
    text = "The quick 中文 <s> fox"
    for read in (transformers.AutoTokenizer, transformers.PreTrainedTokenizerFast, PreTrainedTokenizerFast):
        again = read.from_pretrained(tmp_path)
        assert isinstance(again, PreTrainedTokenizerFast) == (read is PreTrainedTokenizerFast)
        assert again(text)["input_ids"] == theirs(text)["input_ids"]
        assert again.decode(again(text)["input_ids"]) == theirs.decode(theirs(text)["input_ids"])
        assert again.chat_template == theirs.chat_template
        assert again.special_tokens_map == theirs.special_tokens_map
    program = "import sys, transformers as t; print(t.AutoTokenizer.from_pretrained(sys.argv[1]).encode('a fox'))"
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == theirs.encode("a fox")  # where pybpe was never imported


def test_what_to_huggingface_writes(trained, tmp_path):
    trained.to_huggingface(tmp_path / "folder")
    trained.to_huggingface(tmp_path / "alone.json")
    for read in (
        transformers.AutoTokenizer.from_pretrained(tmp_path / "folder"),
        transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path / "folder"),
        transformers.PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "alone.json")),
    ):
        for text in ("The quick 中文 <s> fox's  12345", "\u0301 \n\n x"):
            assert read(text)["input_ids"] == trained.encode(text, allowed_special="all")


def test_settings_of_a_file_reach_the_face(tmp_path):
    file = {**tokenizer_json(), "truncation": None}
    config = {"model_max_length": 77, "eos_token": "!", "padding_side": "left", "chat_template": "{{ eos_token }}"}
    write_json(tmp_path / "tokenizer.json", file)
    write_json(tmp_path / "tokenizer_config.json", config)
    face = Tokenizer.from_huggingface(tmp_path).as_huggingface()
    assert (face.model_max_length, face.eos_token, face.padding_side) == (77, "!", "left")
    assert face.apply_chat_template([{"role": "user", "content": ""}], tokenize=False) == "!"
    assert face.name_or_path == ""


# A tokenizer that is there


@pytest.fixture
def theirs(trained, tmp_path):
    trained.to_huggingface(tmp_path / "tokenizer")
    return configured(transformers.AutoTokenizer.from_pretrained(tmp_path / "tokenizer"))


def test_patching_and_back(theirs):
    before, backend = copy.deepcopy(theirs), theirs.backend_tokenizer
    assert patch_transformers(theirs) is theirs
    assert type(theirs) is type(before)
    assert isinstance(theirs(["a"]).encodings[0], encoding.Encoding)
    assert_same((theirs, before), lambda each: each(["The quick fox 🙂<s>", "a"], padding=True))
    patched = theirs.backend_tokenizer
    assert patch_transformers(theirs).backend_tokenizer is patched
    theirs.add_tokens(["zebra"])
    assert unpatch_transformers(theirs) is theirs
    assert isinstance(theirs.backend_tokenizer, tokenizers.Tokenizer)
    assert theirs.backend_tokenizer.to_str() == backend.to_str()
    assert theirs.tokenize("zebra") == ["zebra"]
    assert unpatch_transformers(theirs).backend_tokenizer.to_str() == backend.to_str()


@given(given_texts=inputs, settings=options)
def test_calls_of_a_patched_one(pair, given_texts, settings):
    patched = patch_transformers(copy.copy(pair[1]))
    assert pair[1].backend_tokenizer is not patched.backend_tokenizer
    assert_same((patched, pair[1]), lambda each: each(*given_texts, **settings))


def test_what_cannot_be_patched_stays(theirs, monkeypatch):
    theirs.backend_tokenizer.normalizer = tokenizers.normalizers.BertNormalizer()
    before = theirs.backend_tokenizer
    with pytest.raises(FormatError, match="BertNormalizer"):
        patch_transformers(theirs)
    assert theirs.backend_tokenizer is before
    theirs.backend_tokenizer.normalizer = None
    monkeypatch.setattr(standing_in.Snapshot, "encode", lambda self, texts, threads: [[1] for _ in texts])
    with pytest.raises(ParityError, match=r"differ, so pybpe will not stand in: to encode ''.*pybpe gives"):
        patch_transformers(theirs)
    assert theirs.backend_tokenizer is before


@pytest.mark.parametrize("wrong", [None, "gpt2", tokenizers.Tokenizer(tokenizers.models.BPE()), Tokenizer])
def test_what_is_no_tokenizer_of_transformers(wrong):
    for change in (patch_transformers, unpatch_transformers):
        with pytest.raises(TypeError, match="tokenizer must be a fast tokenizer of transformers, not "):
            change(wrong)


def test_the_face_is_not_taken_off(pair):
    assert patch_transformers(pair[0]) is pair[0]
    with pytest.raises(PybpeError, match="was made by pybpe"):
        unpatch_transformers(pair[0])


def test_a_slow_tokenizer(tmp_path):
    slow = transformers.ByT5Tokenizer()
    with pytest.raises(TypeError, match="ByT5Tokenizer is not a fast tokenizer"):
        patch_transformers(slow)


# Public vocabularies


@pytest.mark.parametrize("name", ["gpt2", "qwen3"])
def test_public_vocabularies(name, vocabs, texts):
    if name == "gpt2":
        files = [str(vocabs / "gpt2" / file) for file in ("vocab.json", "merges.txt")]
        theirs = transformers.GPT2TokenizerFast(*files)
        face = Tokenizer.from_gpt2(*files).as_huggingface()
    else:
        file = str(vocabs / "qwen3" / "tokenizer.json")
        theirs = transformers.PreTrainedTokenizerFast(tokenizer_file=file)
        face = Tokenizer.from_huggingface(file).as_huggingface()
    patched = patch_transformers(copy.deepcopy(theirs))
    some = [text[start : start + 4096] for text in texts.values() for start in range(0, 400_000, 4096)]
    expected = theirs(some)["input_ids"]
    assert patched(some)["input_ids"] == expected
    assert face(some)["input_ids"] == expected
    assert patched.batch_decode(expected) == theirs.batch_decode(expected)


def test_settings_that_transformers_does_not_take_are_one_clear_error(tmp_path):
    write_json(tmp_path / "tokenizer.json", tokenizer_json())
    for config in ({"bos_token": 5}, {"chat_template": [1]}, {"extra_special_tokens": 5}):
        write_json(tmp_path / "tokenizer_config.json", config)
        tok = Tokenizer.from_huggingface(tmp_path)
        with pytest.raises(FormatError, match="transformers cannot read this tokenizer's settings"):
            tok.as_huggingface()


def test_ids_that_are_no_ids_are_their_error(trained):
    patched = trained.as_huggingface()
    special = patched.convert_tokens_to_ids("<s>")
    with pytest.raises(TypeError):
        patched._tokenizer.decode([float(special)], skip_special_tokens=True)
