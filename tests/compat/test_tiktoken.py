"""tiktoken's face beside the real tiktoken: the same ids, the same answers, the same kinds of errors."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import any_text, boundary_text, messy_bytes, tiny_corpus

from pybpe import Tokenizer
from pybpe.compat.tiktoken import Encoding
from pybpe.normalization.preprocessing import Preprocessing
from pybpe.pretokenization.patterns import CL100K, GPT2

PUBLIC = [name for name in vars(tiktoken.Encoding) if not name.startswith("_")]
PRIVATE = ["_encode_single_piece", "_encode_only_native_bpe", "_encode_bytes"]
EOT = "<|endoftext|>"


def real(face: Encoding) -> tiktoken.Encoding:
    return tiktoken.Encoding(
        face.name, pat_str=face._pat_str, mergeable_ranks=face._mergeable_ranks, special_tokens=face._special_tokens
    )


@pytest.fixture(scope="module", params=["r50k_base", "cl100k_base", "o200k_base", "trained"])
def pair(request) -> tuple[Encoding, tiktoken.Encoding]:
    """A face and what it stands for."""
    if request.param == "trained":
        face = request.getfixturevalue("small").as_tiktoken("trained")
    else:
        folder = request.getfixturevalue("vocabs")
        face = Tokenizer.from_tiktoken(folder / f"{request.param}.tiktoken").as_tiktoken(request.param)
    return face, real(face)


@pytest.fixture(scope="module")
def trained(small) -> tuple[Encoding, tiktoken.Encoding]:
    face = small.as_tiktoken("trained")
    return face, real(face)


def answer(call):
    """What a call gives, in a form that compares; or the kind of its error."""
    try:
        found = call()
    except (KeyError, ValueError, TypeError, UnicodeError, AttributeError) as error:
        return next(kind for kind in (KeyError, UnicodeError, ValueError, TypeError) if isinstance(error, kind))
    return found.tolist() if isinstance(found, np.ndarray) else found


def alike(pair, method: str, *args, **options):
    ours, theirs = (answer(lambda each=each: getattr(each, method)(*args, **options)) for each in pair)
    assert ours == theirs, (method, args, options)


def test_the_names_and_arguments_are_tiktokens():
    for name in PUBLIC + PRIVATE + ["__init__"]:
        theirs = inspect.getattr_static(tiktoken.Encoding, name)
        ours = inspect.getattr_static(Encoding, name)
        if inspect.isfunction(theirs):
            said = [(each.name, each.kind) for each in inspect.signature(ours).parameters.values()]
            assert said == [(each.name, each.kind) for each in inspect.signature(theirs).parameters.values()], name
    real_names = {name for name in vars(real(Encoding("x", **BYTES))) if name != "_core_bpe"}
    assert real_names <= {*dir(Encoding("x", **BYTES))}


BYTES = {"pat_str": GPT2, "mergeable_ranks": {bytes([i]): i for i in range(256)}, "special_tokens": {EOT: 300}}


def test_what_it_holds(pair):
    for name in ("name", "n_vocab", "max_token_value", "eot_token", "special_tokens_set", "_special_token_values"):
        assert getattr(pair[0], name) == getattr(pair[1], name), name
    assert repr(pair[0]) == repr(pair[1])
    assert pair[0].token_byte_values() == pair[1].token_byte_values()
    for token in (0, 100, pair[1].eot_token, pair[1].n_vocab - 1):
        assert pair[0].is_special_token(token) is pair[1].is_special_token(token)


texts = st.one_of(
    boundary_text,
    any_text,
    st.lists(st.sampled_from([EOT, "<|", "a b", "\n", "<|fim_prefix|>", "\ud83d", "x"])).map("".join),
)


@given(text=texts)
def test_encoding(pair, text):
    options = ({}, {"allowed_special": "all"}, {"disallowed_special": ()}, {"allowed_special": {EOT}})
    more = ({"disallowed_special": {"a b"}}, {"disallowed_special": "b"}, {"disallowed_special": [EOT]})
    for each in options + more:
        alike(pair, "encode", text, **each)
        alike(pair, "encode_batch", [text, "", text], num_threads=2, **each)
        if "\ud83d" not in text:
            alike(pair, "encode_to_numpy", text, **each)
    alike(pair, "encode_ordinary", text)
    alike(pair, "encode_ordinary_batch", [text, text])
    if pair[0].name == "r50k_base" and "\ud83d" not in text:  # whose pattern means the same in the regex module
        alike(pair, "_encode_only_native_bpe", text)


@given(content=messy_bytes)
def test_bytes(pair, content):
    alike(pair, "_encode_bytes", content)
    alike(pair, "encode_single_token", content)
    if content:
        alike(pair, "_encode_single_piece", content)
    assert pair[0].decode_bytes(pair[0]._encode_bytes(content)) == content


@given(data=st.data())
def test_decoding(pair, data):
    ids = data.draw(st.lists(st.integers(0, pair[1].n_vocab + 3), max_size=9))
    there = {*pair[1]._mergeable_ranks.values(), *pair[1]._special_tokens.values()}
    valid = [token for token in ids if token in there]
    for some in (ids, valid, np.array(valid, dtype=np.uint32), tuple(valid)):
        for method in ("decode", "decode_bytes", "decode_tokens_bytes", "decode_with_offsets"):
            alike(pair, method, some)
        alike(pair, "decode_batch", [some, some], num_threads=2)
        alike(pair, "decode_bytes_batch", [some, some])
    for errors in ("strict", "ignore", "backslashreplace"):
        alike(pair, "decode", valid, errors)
        alike(pair, "decode_batch", [valid], errors=errors)
    readable = pair[1].encode_ordinary(pair[1].decode(valid))
    alike(pair, "decode_with_offsets", readable)


def same_completions(pair, text: str, **options):
    ours, theirs = (each.encode_with_unstable(text, **options) for each in pair)
    assert ours[0] == theirs[0]
    assert sorted(ours[1]) == sorted(theirs[1])


UNSTABLE = [
    "hello fanta",
    "",
    " ",
    "\n\n",
    "a\n \t",
    "a \u3000",
    "x\x1c",
    f"a{EOT}",
    f"{EOT} ",
    "日本",
    "é  \n",
    "don't",
]


@pytest.mark.parametrize("text", UNSTABLE)
def test_unstable_ends(pair, text):
    same_completions(pair, text, allowed_special="all")
    alike(pair, "encode_with_unstable", f"{text}{EOT}")


@given(text=texts.filter(lambda text: "\ud83d" not in text))
def test_any_unstable_end(trained, text):
    same_completions(trained, text, disallowed_special=())


@given(corpus=tiny_corpus, text=st.text("ab \n", max_size=9), pattern=st.sampled_from([GPT2, CL100K]))
@pytest.mark.filterwarnings("ignore:the corpus is too small")
def test_vocabularies_with_tokens_that_merging_does_not_reach(corpus, text, pattern):
    ranks = Tokenizer.train(iter(corpus), 270, pattern=pattern, progress=False).mergeable_ranks
    for token in (b"abab", b"bbba", b"  b"):
        ranks.setdefault(token, len(ranks) + 5)
    arguments = {"pat_str": pattern, "mergeable_ranks": ranks, "special_tokens": {EOT: 400}}
    pair = Encoding("made", **arguments), tiktoken.Encoding("made", **arguments)
    same_completions(pair, text)
    alike(pair, "encode", text)
    alike(pair, "_encode_bytes", text.encode() + b"\xff")
    assert pair[0]._mergeable_ranks == ranks


@pytest.mark.parametrize(
    ("method", "args", "options"),
    [
        ("encode", [b"a"], {}),
        ("encode", [5], {}),
        ("encode", ["a"], {"allowed_special": "abc"}),
        ("encode", ["a"], {"disallowed_special": 5}),
        ("encode", ["a", "b"], {}),
        ("encode_ordinary", [b"a"], {}),
        ("encode_to_numpy", [None], {}),
        ("encode_batch", [["a", b"b"]], {}),
        ("encode_batch", ["ab"], {}),
        ("encode_batch", [["a"]], {"num_threads": 0}),
        ("encode_ordinary_batch", [[]], {"num_threads": 0}),
        ("encode_ordinary_batch", [("a", "b")], {"num_threads": 100}),
        ("encode_with_unstable", [b"a"], {}),
        ("encode_single_token", ["not one token"], {}),
        ("encode_single_token", [""], {}),
        ("encode_single_token", [5], {}),
        ("encode_single_token", [EOT], {}),
        ("encode_single_token", [], {"text_or_bytes": "a"}),
        ("decode", [[10**6]], {}),
        ("decode", [["a"]], {}),
        ("decode", [[1.0]], {}),
        ("decode", [5], {}),
        ("decode", ["ab"], {}),
        ("decode", [{1, 2}], {}),
        ("decode", [[np.int64(3)]], {}),
        ("decode_batch", [[[1]]], {"num_threads": 0}),
        ("decode_bytes_batch", [[[1]]], {"num_threads": 0}),
        ("decode_single_token_bytes", [10**6], {}),
        ("decode_single_token_bytes", [1.5], {}),
        ("decode_single_token_bytes", [np.int64(5)], {}),
        ("decode_tokens_bytes", [[1, 10**6]], {}),
        ("decode_with_offsets", [[]], {}),
        ("_encode_bytes", ["a"], {}),
    ],
)
def test_odd_arguments(trained, method, args, options):
    alike(trained, method, *args, **options)


def test_the_words_of_the_error_that_programs_look_for(trained):
    for call in ("encode", "encode_to_numpy", "encode_with_unstable"):
        messages = []
        for each in trained:
            with pytest.raises(
                ValueError, match="Encountered text corresponding to disallowed special token"
            ) as raised:
                getattr(each, call)(f"a{EOT}")
            messages.append(str(raised.value))
        assert messages[0].splitlines()[0] == messages[1].splitlines()[0]
    with pytest.raises(ValueError, match=r"disallowed special token '<\|pad\|>'"):
        trained[0].encode_batch(["a", "<|pad|>"])


def test_lone_surrogates_everywhere_alike(trained):
    ids = trained[1].encode("a\ud83d\udc4d\ud83d")
    assert trained[0].encode_to_numpy("a\ud83d\udc4d\ud83d").tolist() == ids
    assert trained[0].encode_with_unstable("a\ud83d ")[0] == trained[1].encode("a\ufffd")


@pytest.mark.parametrize("text", ["\ud83d\ude42", "a\ud83d\ude42b", "\ud83d\ude42<a>\ud800", "<a>\ude42\ud83d"])
@pytest.mark.parametrize("allowed", ["all", {"\U0001f642"}, set()])
@pytest.mark.parametrize("disallowed", ["all", {"\U0001f642"}, ()])
def test_special_tokens_written_as_surrogates(text, allowed, disallowed):
    tiktoken = pytest.importorskip("tiktoken")
    arguments = {
        "pat_str": r"\w+|\W+",
        "mergeable_ranks": {bytes([byte]): byte for byte in range(256)},
        "special_tokens": {"\U0001f642": 256, "<a>": 257},
    }
    found = []
    for make in (Encoding, tiktoken.Encoding):
        try:
            found.append(make("some", **arguments).encode(text, allowed_special=allowed, disallowed_special=disallowed))
        except ValueError:
            found.append(None)
    assert found[0] == found[1]


def test_numbers_beyond_all_ids(trained):
    for token in (-1, 2**40):
        for call in ("decode_single_token_bytes", "decode"):
            with pytest.raises(KeyError):
                getattr(trained[0], call)(token if call.endswith("bytes") else [token])


def test_pickling_and_copies(pair):
    for again in (pickle.loads(pickle.dumps(pair[0])), copy.deepcopy(pair[0])):
        assert again.name == pair[0].name
        assert again.encode(f"hello {EOT}", allowed_special="all") == pair[1].encode(
            f"hello {EOT}", allowed_special="all"
        )


def test_a_name_without_an_end_of_text(small):
    bare = Encoding("bare", **{**BYTES, "special_tokens": {}})
    with pytest.raises(KeyError):
        _ = bare.eot_token
    assert bare.max_token_value == 255
    assert small.as_tiktoken().name == "pybpe"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mergeable_ranks": {}}, "no token for byte 0x00"),
        ({"mergeable_ranks": {**BYTES["mergeable_ranks"], b"ab": 5}}, "share rank 5"),
        ({"mergeable_ranks": {**BYTES["mergeable_ranks"], b"ab": -5}}, "must map bytes to ids"),
        ({"mergeable_ranks": {**BYTES["mergeable_ranks"], "ab": 300}}, "must map bytes to ids"),
        ({"mergeable_ranks": {**BYTES["mergeable_ranks"], b"": 300}}, "which is the token b''"),
        ({"special_tokens": {EOT: 5}}, "which is the token"),
        ({"pat_str": "("}, "not a valid regular expression"),
        ({"explicit_n_vocab": 257}, "explicit_n_vocab is 257"),
    ],
)
def test_what_contradicts_itself(changes, message):
    with pytest.raises(ValueError, match=message):
        Encoding("wrong", **{**BYTES, **changes})


def test_explicit_n_vocab():
    assert Encoding("right", **{**BYTES, "special_tokens": {EOT: 256}}, explicit_n_vocab=257).n_vocab == 257


def test_tiktoken_is_not_needed(small, tmp_path):
    small.save(tmp_path / "saved")
    code = (
        "import sys; sys.modules['tiktoken'] = None\n"
        "from pybpe import Tokenizer\n"
        "face = Tokenizer.load('saved').as_tiktoken()\n"
        "assert face.decode(face.encode('a fox')) == 'a fox'\n"
        "import pickle; assert pickle.loads(pickle.dumps(face)).encode_with_unstable('a fox')[0]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_what_a_hugging_face_file_adds(small):
    preprocessing = Preprocessing(normalizer="NFC", added_tokens={"<tool>": 500})
    tok = Tokenizer(replace(small._definition, preprocessing=preprocessing))
    face = tok.as_tiktoken()
    content = "cafe\u0301<tool>fox "
    assert face.encode(content) == tok.encode(content)
    assert face.encode(content, disallowed_special=face.special_tokens_set) == tok.encode(content)
    assert face.decode(face.encode(content)) == "caf\u00e9<tool>fox "
    assert face.encode_single_token("<tool>") == 500
    assert face.n_vocab == tok.n_vocab
    assert not face.is_special_token(500)
    stable, completions = face.encode_with_unstable(content)
    assert face.decode(stable) == "caf\u00e9<tool>fox"
    assert all(face.decode_bytes(ids).startswith(b" ") for ids in completions)
    assert pickle.loads(pickle.dumps(face)).encode(content) == tok.encode(content)
