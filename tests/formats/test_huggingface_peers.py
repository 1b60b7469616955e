"""tokenizer.json beside the real packages: the same ids from their files and from ours."""

from __future__ import annotations

import itertools
import json
import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.accepted import Accepted
from support.huggingface_files import added, split_by, tokenizer_json, write_json
from support.strategies import BOUNDARY, boundary_text, text

from pybpe import FormatError, Tokenizer
from pybpe._core.unicode import classes
from pybpe.formats.helpers.oniguruma import to_oniguruma
from pybpe.pretokenization.patterns import GPT2_ORIGINAL, PATTERNS, prepare
from pybpe.pretokenization.stages import stages_of

tokenizers = pytest.importorskip("tokenizers", reason="the ids of tokenizer.json are compared with tokenizers")

COMBINING = "\u0300\u0301\u0327\u0338\u0345\u0897\u09be\u1161\u11a8\u3099\U00011930"
BASES = "eoK가ᄀ\u09c7か<\u212b\u2126\u2003"
RANDOM_STRINGS = int(os.environ.get("PYBPE_RANDOM_STRINGS", "20000"))
LINES = [
    "The quick brown fox jumps over the lazy dog, and the dog doesn't mind at all.",
    "It's 2024 now: 12345 numbers, 3.14159 of pi,   many   spaces\n\n\nand newlines.\r\n",
    "Größe, naïve café, Ελληνικά, русский язык, 中文字符, 日本語の文章, 한국어, हिन्दी, 🙂🙃",
]


def theirs_of(path):
    return tokenizers.Tokenizer.from_file(str(path))


def ids_of(theirs, text: str) -> list[int]:
    return theirs.encode(text, add_special_tokens=False).ids


def random_texts(count: int, seed: int, names=()) -> list[str]:
    rng = random.Random(seed)
    alphabet = [*BOUNDARY, *COMBINING, *BASES, *names]
    return ["".join(rng.choices(alphabet, k=rng.randrange(1, 24))) for _ in range(count)]


# Public vocabularies


# Every code point that has a class, and some of those that have none; scripts/parity.py takes all.
POINTS = [point for point in range(0x110000) if not 0xD800 <= point < 0xE000 and (classes(point) or point % 16 == 0)]


@pytest.fixture(scope="module")
def qwen(vocabs):
    path = vocabs / "qwen3" / "tokenizer.json"
    if not path.exists():
        pytest.skip("no qwen3/tokenizer.json among the public vocabularies")
    return Tokenizer.from_huggingface(path), theirs_of(path)


@pytest.fixture(scope="module")
def gpt2(vocabs):
    files = [str(vocabs / "gpt2" / name) for name in ("vocab.json", "merges.txt")]
    if not (vocabs / "gpt2" / "vocab.json").exists():
        pytest.skip("no gpt2/vocab.json among the public vocabularies")
    theirs = tokenizers.Tokenizer(tokenizers.models.BPE.from_file(*files))
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    return Tokenizer.from_gpt2(*files), theirs


@pytest.fixture(params=["qwen", "gpt2"])
def pair(request):
    return request.getfixturevalue(request.param)


def test_real_texts(pair, texts):
    ours, theirs = pair
    for content in texts.values():
        content = content[:1_000_000]
        assert ours.encode_to_numpy(content, disallowed_special=()).tolist() == ids_of(theirs, content)


def test_every_code_point(pair):
    ours, theirs = pair
    points = list(map(chr, POINTS))
    blocks = [points[start : start + 0x200] for start in range(0, len(points), 0x200)]
    for form in ("a{0}b", " {0} \n", "{0}\u0301"):
        together = [" x".join(form.format(char) for char in block) for block in blocks]
        expected = [found.ids for found in theirs.encode_batch_fast(together, add_special_tokens=False)]
        assert ours.encode_batch(together, disallowed_special=()) == expected, form


def test_random_strings(pair):
    ours, theirs = pair
    strings = random_texts(RANDOM_STRINGS, 9)
    expected = [found.ids for found in theirs.encode_batch_fast(strings, add_special_tokens=False)]
    assert ours.encode_batch(strings, disallowed_special=()) == expected


def test_tokens_by_name(qwen):
    ours, theirs = qwen
    names = [*ours.special_tokens, *ours.added_tokens]
    assert ours.special_tokens["<|endoftext|>"] == 151643
    assert ours.added_tokens["<think>"] == 151667
    strings = [f"a{name} b" for name in names] + random_texts(RANDOM_STRINGS // 10, 10, names)
    for string in strings:
        assert ours.encode(string, allowed_special="all") == ids_of(theirs, string)
    assert ours.decode(ours.encode("".join(names), allowed_special="all")) == "".join(names)


def test_the_public_file_written_again(qwen, tmp_path):
    ours, _ = qwen
    ours.to_huggingface(tmp_path / "again.json")
    theirs = theirs_of(tmp_path / "again.json")
    for string in random_texts(2000, 11, ["<think>", "<|im_end|>"]):
        assert ours.encode(string, allowed_special="all") == ids_of(theirs, string)
    assert Tokenizer.from_huggingface(tmp_path / "again.json").vocab == ours.vocab


@pytest.mark.parametrize("encoding", ["r50k_base", "cl100k_base", "o200k_base"])
def test_rank_files_as_tokenizer_json(encoding, vocabs, texts, tmp_path):
    ours = Tokenizer.from_tiktoken(vocabs / f"{encoding}.tiktoken")
    ours.to_huggingface(tmp_path / "t.json")
    theirs, again = theirs_of(tmp_path / "t.json"), Tokenizer.from_huggingface(tmp_path / "t.json")
    strings = [*random_texts(2000, 12, ours.special_tokens), *(content[:200_000] for content in texts.values())]
    for string in strings:
        ids = ours.encode(string, allowed_special="all")
        assert ids == ids_of(theirs, string) == again.encode(string, allowed_special="all")
    assert again.special_tokens == ours.special_tokens


# Vocabularies trained by tokenizers


def trained(pre_tokenizer, normalizer=None, **model):
    theirs = tokenizers.Tokenizer(tokenizers.models.BPE(**model))
    theirs.pre_tokenizer, theirs.normalizer = pre_tokenizer, normalizer
    theirs.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>"], initial_alphabet=alphabet, show_progress=False
    )
    theirs.train_from_iterator(LINES * 3, trainer)
    return theirs


def steps(pattern: str, behavior: str = "isolated", invert: bool = False):
    splits = [
        tokenizers.pre_tokenizers.Split(tokenizers.Regex(stage), behavior, invert) for stage in stages_of(pattern)
    ]
    last = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return tokenizers.pre_tokenizers.Sequence([*splits, last])


def digits(individual: bool):
    last = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return tokenizers.pre_tokenizers.Sequence([tokenizers.pre_tokenizers.Digits(individual), last])


ByteLevel = tokenizers.pre_tokenizers.ByteLevel
TRAINED = {
    "byte level": lambda: trained(ByteLevel(add_prefix_space=False)),
    "byte level with a space": lambda: trained(ByteLevel(add_prefix_space=True)),
    "no split": lambda: trained(ByteLevel(add_prefix_space=False, use_regex=False)),
    "whole words": lambda: trained(ByteLevel(add_prefix_space=False), ignore_merges=True),
    "digits": lambda: trained(digits(True)),
    "runs of digits": lambda: trained(digits(False)),
    "removed inverted": lambda: trained(steps(PATTERNS["llama3"], "removed", True)),
    "of its own": lambda: trained(steps(r"\p{Han}+|[^\S\n]+|\p{L}{1,4}|\n")),
    **{
        form: lambda form=form: trained(ByteLevel(), getattr(tokenizers.normalizers, form)())
        for form in ("NFC", "NFKD")
    },
    **{name: lambda name=name: trained(steps(PATTERNS[name])) for name in PATTERNS if name != "cl100k"},
}


@pytest.fixture(scope="module", params=TRAINED)
def trained_pair(request, tmp_path_factory):
    theirs = TRAINED[request.param]()
    path = tmp_path_factory.mktemp("trained") / "tokenizer.json"
    theirs.save(str(path))
    ours = Tokenizer.from_huggingface(path)
    ours.to_huggingface(path.parent / "again.json")
    return ours, theirs, theirs_of(path.parent / "again.json")


@given(text=st.one_of(text, boundary_text, st.text(BASES + COMBINING), st.just("<s> a<s>")))
def test_trained_vocabularies(trained_pair, text):
    ours, theirs, written = trained_pair
    ids = ids_of(theirs, text)
    assert ours.encode(text, allowed_special="all") == ids == ids_of(written, text)
    if ours.special_tokens.keys().isdisjoint(ids) and not ours.info["normalizer"] and not ours.info["add_prefix_space"]:
        assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=False)


@given(text=st.one_of(text, boundary_text))
def test_our_training_in_their_file(small, tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "ours.json"
    if not path.exists():
        small.to_huggingface(path)
    assert ids_of(theirs_of(path), text) == small.encode(text, disallowed_special=())


def test_transformers_opens_the_folder(small, tmp_path):
    transformers = pytest.importorskip("transformers", reason="the folder is opened by transformers")
    small.to_huggingface(tmp_path / "folder")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "folder")
    line = "The quick brown fox <|pad|>, naïve 中文 12345\n\n x"
    assert theirs(line, add_special_tokens=False)["input_ids"] == small.encode(line, allowed_special="all")


# Tokens by name, in all their ways

ALPHABET = "ab <>\n\u00a0\u2003é\u0301e\u0327K\u212a_1가\u1100\u1161\u11a8\u200d-ß\u0338\u0897"
FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
PRE_TOKENIZERS = [
    *(
        {"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": True, "use_regex": regex}
        for space, regex in itertools.product((False, True), repeat=2)
    ),
    split_by(r"\p{N}|\p{L}+|\s"),
    split_by(GPT2_ORIGINAL),
]
NORMALIZERS = [None, {"type": "NFC"}, {"type": "NFKC"}, {"type": "NFD"}, {"type": "Sequence", "normalizers": []}]
names = st.lists(st.text("ab <>\né_K=", min_size=1, max_size=4), max_size=6, unique=True)
MADE = ["l o", "a b", "ab a", "Ġ Ġ", "Ġ a", "< a", "Ã ©", "Ċ Ċ", "Ġ <", "b a"]


@st.composite
def files(draw):
    chosen = draw(names)
    flags = [{flag: draw(st.booleans()) for flag in FLAGS} for _ in chosen]
    content = tokenizer_json(
        normalizer=draw(st.sampled_from(NORMALIZERS)),
        merges=draw(st.permutations(MADE)),
        pre_tokenizer=draw(st.sampled_from(PRE_TOKENIZERS)),
        extra_tokens=["abab", *draw(st.sets(st.sampled_from(chosen)) if chosen else st.just(()))],
        ignore_merges=draw(st.booleans()),
    )
    vocab, last = content["model"]["vocab"], len(content["model"]["vocab"]) - 1
    for name, some in zip(chosen, flags, strict=True):
        content["added_tokens"].append(added(vocab.get(name, last + 1), name, **some))
        last = max(last, content["added_tokens"][-1]["id"])
    return content


def test_any_tokens_by_name(tmp_path_factory):
    accepted = Accepted()

    @given(content=files(), data=st.data())
    def check(content, data):
        path = write_json(tmp_path_factory.getbasetemp() / "named.json", content)
        ours = None
        with accepted.or_refused(FormatError):
            ours = Tokenizer.from_huggingface(path)
        if ours is None:
            return
        theirs = theirs_of(path)
        names = [entry["content"] for entry in content["added_tokens"]]
        parts = st.sampled_from([*ALPHABET, *names * 4])
        for string in data.draw(st.lists(st.lists(parts, max_size=14).map("".join), min_size=1, max_size=8)):
            try:
                expected = ids_of(theirs, string)
            except BaseException as error:
                if type(error).__name__ != "PanicException":  # two names that want the same white space can be too much
                    raise
                continue
            ids = ours.encode(string, allowed_special="all")
            assert ids == expected, json.dumps(content["added_tokens"])
            assert ours.encode(string.encode(), allowed_special="all") == ids
            assert ours.encode_batch([string], allowed_special="all") == [ids]
            check_places(ours, string, ids)
            check_parts(ours, string, data.draw(st.integers(0, len(string))))

    check()
    assert accepted.count > 20


def check_places(ours: Tokenizer, text: str, ids: list[int]) -> None:
    """Every byte of a text is in the place of some token."""
    for unit, size in (("char", len(text)), ("byte", len(text.encode()))):
        found, spans = ours.encode_with_offsets(text, unit=unit, allowed_special="all")
        assert found == ids
        assert all(0 <= start <= end <= size for start, end in spans)
        assert {place for start, end in spans for place in range(start, end)} == set(range(size))


def check_parts(ours: Tokenizer, text: str, place: int) -> None:
    """What looks at a part of a text only gives what the whole gives."""
    whole = ours.encode_ordinary(text)
    appender = ours.encode_appender()
    appender.append(text[:place])
    assert appender.ids == ours.encode_ordinary(text[:place])
    appender.append(text[place:])
    assert appender.ids == whole
    assert ours.count(text) == len(whole)
    if ours.cut:
        end = ours.cut(text.encode())
        assert ours.encode_ordinary(text.encode()[:end]) + ours.encode_ordinary(text.encode()[end:]) == whole
    beginning = ours.truncate(text, place)
    assert text.startswith(beginning)
    assert ours.count(beginning) <= place
    assert ours.encode_with_dropout(text, 0.0, seed=1) == whole


def test_what_is_part_of_a_word_and_what_is_white_space(tmp_path):
    """Every code point beside a token that stands alone or takes white space."""
    alone = added(262, "<a>", single_word=True)
    path = write_json(tmp_path / "t.json", tokenizer_json([alone, added(263, "<b>", lstrip=True, rstrip=True)]))
    ours, theirs = Tokenizer.from_huggingface(path), theirs_of(path)
    points = list(map(chr, POINTS))
    blocks = [points[start : start + 0x400] for start in range(0, len(points), 0x400)]
    for form in (".{0}<a>.", ".<a>{0}.", ".{0}<b>{0}."):
        together = ["".join(map(form.format, block)) for block in blocks]
        expected = [found.ids for found in theirs.encode_batch_fast(together, add_special_tokens=False)]
        assert ours.encode_batch(together) == expected, form


@pytest.mark.parametrize("name", PATTERNS)
def test_every_code_point_by_the_named_patterns(name):
    pattern = PATTERNS[name]
    theirs = [
        tokenizers.pre_tokenizers.Split(tokenizers.Regex(to_oniguruma(p)), "isolated") for p in stages_of(pattern)
    ]
    theirs, ours = tokenizers.pre_tokenizers.Sequence(theirs), prepare(pattern)
    points = list(map(chr, POINTS))
    for start in range(0, len(points), 0x100):
        together = " x".join(f"{char} a{char}'{char}1{char}\n" for char in points[start : start + 0x100])
        expected = [word for word, _ in theirs.pre_tokenize_str(together)]
        assert [word.decode() for word in ours.split(together.encode())] == expected, hex(start)
