"""Conversations from files: what is cut, left out and held out, and files that are refused."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pybpe import Tokenizer
from pybpe.errors import ConversationError, TrainingError
from pybpe.gpt.characters import Characters
from pybpe.gpt.conversation import CHAT_TOKENS, ChatFormat, parse_conversation
from pybpe.gpt.finetune.data import PROMPTS, read_chat_data
from pybpe.gpt.settings import FINETUNE, Settings


@pytest.fixture(scope="module")
def tokenizer():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return Tokenizer.train(iter(["what is it"]), 260, progress=False).with_special_tokens(CHAT_TOKENS)


def chat_settings(**changes):
    return Settings(**{**FINETUNE, "block_size": 64, **changes})


def turns(*texts):
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]}


def write(path, conversations):
    path.write_text("".join(json.dumps(each) + "\n" for each in conversations), encoding="utf-8")
    return path


TURNS = st.lists(st.text(max_size=12), min_size=1, max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(TURNS, min_size=1, max_size=12),
    st.integers(6, 40),
    st.sampled_from([0.0, 0.05, 0.3, 0.5]),
    st.integers(0, 9),
)
def test_each_conversation_is_trained_on_or_held_out_or_left_out(
    tokenizer, tmp_path, conversations, block_size, held_out, seed
):
    """And is cut to a row. The same files, settings and seed give the same parts."""
    path = write(tmp_path / "a.jsonl", [turns(*each) for each in conversations])
    chat, kept, n_cut = ChatFormat(tokenizer), [], 0
    for each in conversations:
        ids, mask = chat.encode(parse_conversation(turns(*each)))
        if any(mask[: block_size + 1]):
            kept.append((tuple(ids[: block_size + 1]), tuple(map(bool, mask[: block_size + 1]))))
            n_cut += len(ids) > block_size + 1
    chosen = chat_settings(block_size=block_size, held_out=held_out, seed=seed)
    if not kept:
        with pytest.raises(TrainingError, match="nothing to train on"):
            read_chat_data([path], tokenizer, chosen)
        return
    data = read_chat_data([path], tokenizer, chosen)
    parts = [data.conversations] + ([] if data.held_out is None else [data.held_out])
    found = [
        (tuple(part.take([number]).ids.tolist()), tuple(part.take([number]).mask.tolist()))
        for part in parts
        for number in range(len(part))
    ]
    assert sorted(found) == sorted(kept)
    assert (data.n_cut, data.n_left_out) == (n_cut, len(conversations) - len(kept))
    expected = min(len(kept) - 1, max(round(held_out * len(kept)), held_out > 0))
    assert (0 if data.held_out is None else len(data.held_out)) == expected
    assert len(data.questions) == min(PROMPTS, len(parts[-1]))
    for number, question in enumerate(data.questions):
        assert parts[-1].take([number]).ids.tolist()[: len(question)] == question
        assert question[-1] == chat.ids["<|assistant_start|>"]
    again = read_chat_data([path], tokenizer, chosen)
    assert again.digest() == data.digest()
    assert np.array_equal(again.measured, data.measured)
    assert data.measured.tolist() == parts[-1].targets.tolist()


def test_what_was_cut_and_left_out_is_said(tokenizer, tmp_path):
    conversations = [turns("a", "b"), turns("a"), turns("x" * 99, "b"), turns("a", "y" * 99)]
    data = read_chat_data([write(tmp_path / "a.jsonl", conversations)], tokenizer, chat_settings(held_out=0.5))
    facts = dict(data.facts())
    assert facts["conversations"] == "1 to train on, 1 held out"
    assert facts["cut at their end"] == "1 that are longer than a row"
    assert facts["left out"] == "2 without an answer that begins within a row"


def test_other_ids_have_another_fingerprint(tokenizer, tmp_path):
    seen = set()
    for answers in (("b", "c"), ("b", "d"), ("c", "b")):
        path = write(tmp_path / "a.jsonl", [turns("a", answer) for answer in answers])
        seen.add(read_chat_data([path], tokenizer, chat_settings(held_out=0.0)).digest())
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"a\.jsonl, line 2: not JSON"),
        ("[]", r"a\.jsonl, line 2: .*needs a message of the user"),
        ('{"text": "plain text"}', r"a\.jsonl, line 2: a conversation must be"),
        ('{"messages": [{"role": "assistant", "content": "x"}]}', r"line 2: message 1 is of the role 'assistant'"),
        ("\ud800", r"line 2: not JSON"),
    ],
)
def test_a_bad_line_is_one_clear_error(tokenizer, tmp_path, line, message):
    path = tmp_path / "a.jsonl"
    path.write_bytes(f"{json.dumps(turns('a', 'b'))}\n{line}\n".encode("utf-8", "surrogatepass"))
    with pytest.raises(ConversationError, match=message):
        read_chat_data([path], tokenizer, chat_settings())


def test_vocabularies_that_cannot_hold_conversations(tokenizer, tmp_path):
    path = write(tmp_path / "a.jsonl", [turns("a", "b")])
    for vocabulary in (Characters("ab"), None):
        with pytest.raises(TrainingError, match="not a vocabulary of single characters"):
            read_chat_data([path], vocabulary, chat_settings())
    with pytest.raises(ConversationError, match="has no token"):
        read_chat_data([path], Tokenizer.train(iter(["ab" * 9]), 257, progress=False), chat_settings())


def test_more_than_fits_in_memory_is_refused(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr("pybpe.gpt.finetune.data.MOST_IDS", 30)
    path = write(tmp_path / "a.jsonl", [turns("a", "b" * 9)] * 4)
    with pytest.raises(TrainingError, match="more than 30 tokens"):
        read_chat_data([path], tokenizer, chat_settings())
