"""Many texts at once give what each gives alone, whatever is done to text before it is split."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.huggingface_files import added, characters, tokenizer_json, write_json

from pybpe import Tokenizer

NAMES = [
    added(262, "<s>", special=True),
    added(263, "<call>"),
    added(264, "<mask>", lstrip=True, special=True),
    added(265, "lowered", normalized=True),
]
PREPROCESSINGS = {
    "no names": {**tokenizer_json(normalizer={"type": "NFC"}), "added_tokens": []},
    "plain": tokenizer_json(),
    "NFC": tokenizer_json(normalizer={"type": "NFC"}),
    "NFC and names": tokenizer_json(NAMES, normalizer={"type": "NFC"}),
    "names": tokenizer_json(NAMES[:3]),
    "characters, no unknown": characters(),
    "characters, unknown": characters(byte_fallback=False),
    "a space first": characters("metaspace first True"),
}
PARTS = [
    "<s>",
    "<call>",
    " <mask>",
    "lowered",
    "low",
    "<",
    "e\u0301",
    "é",
    "\u0344",
    "가",
    "\ud83d",
    "\ude42",
    "中",
    " ",
    "\n",
]
texts = st.lists(st.lists(st.sampled_from(PARTS), max_size=6).map("".join), max_size=8)


@pytest.fixture(scope="module", params=PREPROCESSINGS)
def tok(request, tmp_path_factory):
    return Tokenizer.from_huggingface(
        write_json(tmp_path_factory.mktemp("read") / "tokenizer.json", PREPROCESSINGS[request.param])
    )


@pytest.mark.parametrize("allowed", ["all", frozenset(), frozenset({"<s>"})], ids=["all", "none", "one"])
@given(texts=texts, as_bytes=st.booleans())
def test_a_batch_gives_what_each_text_gives(tok, allowed, texts, as_bytes):
    if as_bytes:
        texts = [text.encode("utf-8", "surrogatepass") for text in texts]
    policy = {"allowed_special": allowed, "disallowed_special": ()}
    alone = [tok.encode(text, **policy) for text in texts]
    assert tok.encode_batch(texts, threads=1, **policy) == alone
    ids, offsets = tok.encode_batch_to_numpy(texts, threads=1, **policy)
    assert [ids[first:last].tolist() for first, last in zip(offsets, offsets[1:], strict=False)] == alone


class Text(str):
    """A str of another class, as numpy and some readers of tables give."""

    __slots__ = ()


@pytest.mark.parametrize("make", [Text, np.str_])
def test_strings_of_other_classes(tok, make):
    for text in ("low", "e\u0301 가", "<s>lowered <call>", "\ud83d", ""):
        other, policy = make(text), {"disallowed_special": ()}
        ids = tok.encode(text, **policy)
        assert tok.encode(other, **policy) == tok.encode_to_numpy(other, **policy).tolist() == ids
        assert tok.encode_batch([other], **policy) == [ids]
        assert tok.encode_batch_to_numpy([other], **policy)[0].tolist() == ids
        assert tok.count(other) == tok.count_batch([other])[0] == len(tok.encode_ordinary(text))


def test_the_number_of_threads_is_an_integer(tok):
    for call in (tok.encode_to_numpy, lambda text, threads: tok.encode_batch([text], threads=threads)):
        with pytest.raises(TypeError, match="threads must be an integer or None, not float"):
            call("low", threads=2.5)


@pytest.mark.parametrize("texts", [[1], ["low", None], ["\ud83d", b"low", 1.5], ["<s>", ["low"]]])
def test_what_is_no_text(tok, texts):
    for call in (tok.encode_batch, tok.encode_batch_to_numpy, tok.count_batch):
        with pytest.raises(TypeError, match="text must be str or bytes, not"):
            call(texts)


@pytest.mark.parametrize("text", ["low e\u0301 가 ", "low <s>lowered ", "é中\n", "e\u0301"])
def test_a_long_text_on_two_threads(tok, text):
    text *= 600_000 // len(text.encode())
    for policy in ({"disallowed_special": ()}, {"allowed_special": "all"}):
        alone = tok.encode_to_numpy(text, **policy)
        assert tok.encode_to_numpy(text, threads=2, **policy).tolist() == alone.tolist()


def test_the_collector_knows_of_lists_of_ids():
    text = "low " * 100
    tok = Tokenizer.train(iter([text]), vocab_size=260, progress=False)
    found = [tok.encode(text), *tok.encode_batch([text] * 3), tok.as_tiktoken().encode(text)]
    assert all(map(gc.is_tracked, found))


class Held:
    """An object that a weak reference can look at."""


@pytest.mark.parametrize("call", ["encode", "encode_ordinary", "encode_batch"])
def test_a_cycle_through_a_list_of_ids_is_collected(call):
    tok = Tokenizer.train(iter(["low " * 100]), vocab_size=260, progress=False)
    ids = tok.encode_batch(["low"])[0] if call == "encode_batch" else getattr(tok, call)("low")
    held = Held()
    held.ids = ids
    ids.append(held)
    seen = weakref.ref(held)
    del ids, held
    gc.collect()
    assert seen() is None
