"""tokenizer.json of characters, with spaces as U+2581 and bytes for what has no token: beside tokenizers."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.accepted import Accepted
from support.huggingface_files import CHARS, MADE, PREPEND, PREPROCESSINGS, TO_SPACE, added, characters, write_json
from support.strategies import any_text

from pybpe import FormatError, Tokenizer

tokenizers = pytest.importorskip("tokenizers", reason="the ids of tokenizer.json are compared with tokenizers")

NAMES = ["<s>", "▁▁", "  ", "ab", "\n\n", "<a>", "a b", "é", "▁<x>", " <x>", "<x>", "\n"]
REPLACED = [({"String": "<<"}, "<"), ({"String": "\t"}, ""), ({"String": "c"}, "ba"), ({"Regex": "b{2,3}"}, "a")]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.getbasetemp() / "characters.json"


@st.composite
def files(draw):
    merges = draw(st.permutations(MADE))
    content = characters(draw(st.sampled_from(sorted(PREPROCESSINGS))), merges[: draw(st.integers(0, len(MADE)))])
    if draw(st.booleans()):
        pattern, by = draw(st.sampled_from(REPLACED))
        steps = content["normalizer"]["normalizers"] if content["normalizer"] else []
        steps = [{"type": "Replace", "pattern": pattern, "content": by}, *steps]
        content["normalizer"] = {"type": "Sequence", "normalizers": steps}
    vocab = content["model"]["vocab"]
    made = {"".join(pair) for pair in content["model"]["merges"]}
    merges = [pair for pair in content["model"]["merges"] if all(len(part) == 1 or part in made for part in pair)]
    content["model"]["merges"] = merges
    last = len(vocab) - 1
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5)):
        flags = {flag: draw(st.booleans()) for flag in ("lstrip", "rstrip", "single_word", "normalized", "special")}
        content["added_tokens"].append(added(vocab.get(name, last + 1), name, **flags))
        last = max(last, content["added_tokens"][-1]["id"])
    return content


def test_ids_text_and_what_is_written_are_theirs(path):
    accepted = Accepted()

    @given(content=files(), data=st.data())
    def check(content, data):
        write_json(path, content)
        ours = None
        with accepted.or_refused(FormatError):
            ours = Tokenizer.from_huggingface(path)
        if ours is None:
            return
        ours.to_huggingface(path.with_name("written.json"))
        theirs = [tokenizers.Tokenizer.from_file(str(path)) for path in (path, path.with_name("written.json"))]
        assert Tokenizer.from_huggingface(path.with_name("written.json")) == ours
        parts = st.sampled_from([*CHARS, " ", "  ", "▁", "b", "\t", "🙂", "e\u0301", "Σ", "<<", *(NAMES * 2)])
        strings = st.one_of(any_text, st.lists(parts, max_size=14).map("".join))
        for text in data.draw(st.lists(strings, min_size=1, max_size=6)):
            try:
                expected = theirs[0].encode(text, add_special_tokens=False).ids
            except BaseException as error:
                if type(error).__name__ != "PanicException":  # two names that want the same white space can be too much
                    raise
                continue
            assert ours.encode(text, allowed_special="all") == expected
            assert ours.encode(text.encode(), allowed_special="all") == expected
            assert theirs[1].encode(text, add_special_tokens=False).ids == expected
            assert ours.encode_with_offsets(text, allowed_special="all")[0] == expected
            assert ours.decode(expected) == theirs[0].decode(expected, skip_special_tokens=False)
        ids = data.draw(st.lists(st.sampled_from(sorted(ours.vocab)), max_size=8))
        assert ours.decode(ids) == theirs[0].decode(ids, skip_special_tokens=False)

    check()
    assert accepted.count > 20


@pytest.mark.parametrize(("pattern", "by"), [REPLACED[0], REPLACED[1], REPLACED[3]])
def test_where_the_first_character_comes_from_another_place_metaspace_first_is_refused(path, pattern, by):
    content = characters("metaspace first True")
    content["normalizer"] = {"type": "Replace", "pattern": pattern, "content": by}
    with pytest.raises(FormatError, match="add_prefix_space cannot be"):
        Tokenizer.from_huggingface(write_json(path, content))


def test_a_name_that_is_another_in_normal_text(path):
    content = characters("turned")
    n = len(content["model"]["vocab"])
    content["added_tokens"] += [added(n, "<x>", normalized=True), added(n + 1, " <x>")]
    ours = Tokenizer.from_huggingface(write_json(path, content))
    theirs = tokenizers.Tokenizer.from_file(str(path))
    for text in ("a <x>b", "<x>", "a<x> <x>"):
        assert ours.encode(text) == theirs.encode(text).ids


def test_the_first_token_loses_all_its_spaces(path):
    content = characters("metaspace always True")
    name = len(content["model"]["vocab"])
    content["added_tokens"].append(added(name, " x"))
    ours = Tokenizer.from_huggingface(write_json(path, content))
    theirs = tokenizers.Tokenizer.from_file(str(path))
    for ids in ([ours.token_id("ab "), name], [name, name], [ours.token_id(" "), ours.token_id(" a")]):
        assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=False)
        stream = ours.decode_stream()
        assert "".join([*map(stream.feed, ids), stream.finish()]) == ours.decode(ids)


def test_bytes_without_a_token_for_a_space_are_refused(path):
    content = characters(merges=["a b"])
    vocab = content["model"]["vocab"]
    content["model"]["vocab"] = {name: token for name, token in vocab.items() if name != "▁"}
    with pytest.raises(FormatError, match="no token '▁'"):
        Tokenizer.from_huggingface(write_json(path, content))


def test_every_reading_is_taken(path):
    for preprocessing in PREPROCESSINGS:
        ours = Tokenizer.from_huggingface(write_json(path, characters(preprocessing)))
        theirs = tokenizers.Tokenizer.from_file(str(path))
        for text in ("ab  ab", "abé中 é", "", " ", "▁ab\n\nab "):
            assert ours.encode(text) == theirs.encode(text).ids, (preprocessing, text)


@given(text=st.one_of(any_text, st.text("ab x▁中🙂")))
def test_without_bytes_a_run_of_unknown_characters_is_one_token(path, text):
    for preprocessing in ("llama", "metaspace always True"):
        content = characters(preprocessing, byte_fallback=False)
        content["decoder"]["decoders"] = [
            part for part in content["decoder"]["decoders"] if part["type"] != "ByteFallback"
        ]
        ours = Tokenizer.from_huggingface(write_json(path, content))
        theirs = tokenizers.Tokenizer.from_file(str(path))
        assert ours.encode_ordinary(text) == theirs.encode(text).ids


def test_every_way_in_and_out(path, tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece")
    order = ["▁ ▁", "a b", "▁ a", "ab c", "c c"]
    ours = Tokenizer.from_huggingface(write_json(path, characters(merges=order)))
    ours.save(tmp_path / "t.pybpe")
    ours.to_sentencepiece(tmp_path / "t.model")
    ours.to_gguf(tmp_path / "t.gguf")
    model = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "t.model"))
    others = [Tokenizer.from_sentencepiece(tmp_path / "t.model"), Tokenizer.from_gguf(tmp_path / "t.gguf")]
    others[0].to_huggingface(tmp_path / "back.json")
    others += [Tokenizer.load(tmp_path / "t.pybpe"), Tokenizer.from_huggingface(tmp_path / "back.json")]
    for text in ("ab  abcc", "éa", " x ab", "", "ab\tab   c", "▁a"):
        ids = ours.encode(text)
        assert [other.encode(text) for other in others] == [ids] * 4
        assert model.encode(text) == ids
        assert [other.decode(ids) for other in others] == [ours.decode(ids)] * 4 == [model.decode(ids)] * 4
    assert others[2] == ours


@pytest.mark.parametrize(
    ("merges", "message"),
    [(["a b", "▁ a", "▁a b"], "no merge joins"), (["ab c", "c c", "b c", "a bc", "a b"], "come in an order")],
)
def test_lists_that_scores_cannot_say(path, tmp_path, merges, message):
    ours = Tokenizer.from_huggingface(write_json(path, characters(merges=merges)))
    for write in (ours.to_sentencepiece, ours.to_gguf):
        with pytest.raises(ValueError, match=message):
            write(tmp_path / "t.model")


def _without(content, name):
    vocab = {token: number for token, number in content["model"]["vocab"].items() if token != name}
    return {**content, "model": {**content["model"], "vocab": vocab}}


NEXT = len(characters()["model"]["vocab"])
REFUSED = [
    (characters(ignore_merges=True), "ignore_merges"),
    (characters(byte_fallback=False, fuse_unk=False), "fuse_unk is off"),
    (characters(byte_fallback=False, unk_token=None), "neither bytes nor an unk_token"),
    (_without(characters(), "<0xE4>"), "no token '<0xE4>'"),
    (characters() | {"normalizer": None}, "not written as U\\+2581"),
    (characters() | {"normalizer": PREPEND}, "puts something before"),
    (characters() | {"normalizer": {"type": "Sequence", "normalizers": [TO_SPACE, {"type": "NFC"}]}}, "goes on after"),
    (characters() | {"normalizer": {"type": "Sequence", "normalizers": [PREPEND, PREPEND, TO_SPACE]}}, "one U\\+2581"),
    (characters() | {"pre_tokenizer": {"type": "Whitespace"}}, "'Whitespace'"),
    (characters() | {"pre_tokenizer": {"type": "Metaspace", "replacement": "_"}}, "Metaspace"),
    (characters() | {"decoder": {"type": "ByteLevel"}}, "cannot decode"),
    (characters(merges=[*MADE, "a<0x41> b"]), "needs the token"),
    (characters(added_tokens=[added(500, "x")]), "would give it"),
    (
        characters(added_tokens=[added(NEXT, "x", normalized=True, rstrip=True)]),
        "has lstrip or rstrip",
    ),
    (
        characters("metaspace first True", added_tokens=[added(NEXT, "x y", normalized=True)]),
        "holds a space",
    ),
]


@pytest.mark.parametrize(("content", "message"), REFUSED)
def test_what_is_refused(path, content, message):
    with pytest.raises(FormatError, match=message):
        Tokenizer.from_huggingface(write_json(path, content))


def test_a_megabyte_without_a_space(path):
    ours = Tokenizer.from_huggingface(write_json(path, characters()))
    took = []
    for size in (100_000, 1_000_000):
        start = time.perf_counter()
        assert ours.decode(ours.encode("abc" * (size // 3))) == "abc" * (size // 3)
        took.append(time.perf_counter() - start)
    assert took[1] < 60 * took[0] + 1, "longer than in proportion: 10 times the text"


def test_a_stream_and_a_pickle(path):
    ours = Tokenizer.from_huggingface(write_json(path, characters()))
    ids = ours.encode("ab 🙂 ab")
    stream = ours.decode_stream()
    assert "".join(map(stream.feed, ids)) + stream.finish() == "ab 🙂 ab" == ours.decode(ids)
    info = ours.info
    assert (info["rule"], info["byte_fallback"]) == ("characters", True)
    assert json.dumps(info)
    with pytest.raises(ValueError, match="merges of their own"):
        ours.to_tiktoken(path)
