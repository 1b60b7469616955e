"""Conversations to ids and masks, in nanochat's form."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybpe import Tokenizer
from pybpe.errors import ConversationError
from pybpe.gpt import conversation
from pybpe.gpt.conversation import (
    CHAT_TOKENS,
    ChatFormat,
    Message,
    Part,
    parse_conversation,
    read_conversations,
)

TEXT = "How many r are in strawberry? There are 3. Hello, what is 1 + 1? 2."


@pytest.fixture(scope="module")
def chat():
    with pytest.warns(UserWarning, match="too small"):
        tokenizer = Tokenizer.train(iter([TEXT]), 400, progress=False)
    return ChatFormat(tokenizer.with_special_tokens(CHAT_TOKENS))


def user(text):
    return {"role": "user", "content": text}


def assistant(content):
    return {"role": "assistant", "content": content}


# Restated from nanochat's form: texts and tokens in order, with + before those that are trained on.
TABLE = [
    (
        [user("Hi"), assistant("Hello")],
        "<|bos|>/<|user_start|>/Hi/<|user_end|>/<|assistant_start|>/+Hello/+<|assistant_end|>",
    ),
    ([user("Hi")], "<|bos|>/<|user_start|>/Hi/<|user_end|>"),  # a question alone
    (  # a system message stands before the first text of the user
        [{"role": "system", "content": "Be brief."}, user("Hi"), assistant("Hello")],
        "<|bos|>/<|user_start|>/Be brief.\n\nHi/<|user_end|>/<|assistant_start|>/+Hello/+<|assistant_end|>",
    ),
    (  # code is trained on with its marks, output is not; several calls in one answer
        [
            user("1 + 1?"),
            assistant(
                [
                    {"type": "text", "text": "I count. "},
                    {"type": "python", "text": "1 + 1"},
                    {"type": "python_output", "text": "2"},
                    {"type": "python", "text": "1 % 0"},
                    {"type": "output", "text": "ZeroDivisionError: integer modulo by zero"},
                    {"type": "text", "text": "2."},
                ]
            ),
        ],
        "<|bos|>/<|user_start|>/1 + 1?/<|user_end|>/<|assistant_start|>/+I count. "
        "/+<|python_start|>/+1 + 1/+<|python_end|>/<|output_start|>/2/<|output_end|>"
        "/+<|python_start|>/+1 % 0/+<|python_end|>"
        "/<|output_start|>/ZeroDivisionError: integer modulo by zero/<|output_end|>/+2./+<|assistant_end|>",
    ),
    (  # two turns
        [user("a"), assistant("b"), user("c"), assistant("")],
        "<|bos|>/<|user_start|>/a/<|user_end|>/<|assistant_start|>/+b/+<|assistant_end|>"
        "/<|user_start|>/c/<|user_end|>/<|assistant_start|>/+<|assistant_end|>",
    ),
]


@pytest.mark.parametrize(("messages", "expected"), TABLE)
def test_the_form_is_nanochats(chat, messages, expected):
    ids, mask = [], []
    for written in expected.split("/"):
        text, trained = written.removeprefix("+"), int(written[:1] == "+")
        found = [chat.ids[text]] if text in chat.ids else chat.tokenizer.encode_ordinary(text)
        ids += found
        mask += [trained] * len(found)
    assert chat.encode(parse_conversation(messages)) == (ids, mask)
    assert chat.encode(parse_conversation({"messages": messages})) == (ids, mask)


def test_prompts(chat):
    one = parse_conversation([user("Hi")])
    assert chat.encode_prompt(one) == [*chat.encode(one)[0], chat.ids["<|assistant_start|>"]]
    begun = parse_conversation([user("Hi"), assistant("He")])  # is continued
    assert chat.encode_prompt(begun) == chat.encode(begun)[0][:-1]
    with pytest.raises(ConversationError, match="needs a message"):
        chat.encode_prompt([])


PARTS = st.sampled_from(
    [*CHAT_TOKENS, "<|endoftext|>", "<|", "|>", "<|bos", "a", " ", "\n\n", "é", "user_start|>", "\U0001f600"]
)
TEXTS = st.lists(PARTS, max_size=8).map("".join) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_text_becomes_a_special_token(chat, data):
    """250 messages in each example: 100,000 texts."""
    special = set(chat.tokenizer.special_tokens.values())
    parts = data.draw(st.lists(PARTS, min_size=4, max_size=12))
    for number in range(250):
        text = "".join(parts[(number * step + step) % len(parts)] for step in range(1, 2 + number % 7))
        ids, _ = chat.encode([Message("user", (Part("text", text),))])
        assert special.isdisjoint(ids[2:-1])
        assert chat.tokenizer.decode(ids[2:-1]) == text


KINDS = st.sampled_from(["text", "python", "output"])
ANSWERS = st.lists(st.builds(Part, KINDS, TEXTS), max_size=5).map(tuple)


@settings(deadline=None)
@given(ANSWERS)
def test_answers_are_read_back(chat, parts):
    ids, mask = chat.encode([Message("user", ()), Message("assistant", parts)])
    begin = ids.index(chat.ids["<|assistant_start|>"]) + 1
    expected = []  # texts that follow each other are one
    for part in parts:
        if part.kind == "text" and (not part.text or (expected and expected[-1].kind == "text")):
            if part.text:
                expected[-1] = Part("text", expected[-1].text + part.text)
        else:
            expected.append(part)
    assert chat.parts(ids[begin:]) == expected
    trained = [id_ for id_, counts in zip(ids, mask, strict=True) if counts]
    assert trained[-1] == chat.ids["<|assistant_end|>"]
    assert not {chat.ids[name] for name in ("<|output_start|>", "<|output_end|>", "<|bos|>")} & set(trained)


@settings(deadline=None)
@given(st.lists(st.builds(Part, KINDS, TEXTS), max_size=4), st.booleans())
def test_messages_survive_json(parts, system):
    messages = [Message("user", (Part("text", "a"),)), Message("assistant", tuple(parts))]
    if system:
        messages.insert(0, Message("system", (Part("text", "s"),)))
    again = parse_conversation(json.loads(json.dumps([message.as_json() for message in messages])))
    assert [message.text for message in again] == [message.text for message in messages]
    if any(part.kind != "text" for part in parts):
        assert again == messages


BAD = [
    (5, 'must be {"messages"'),
    ({}, 'must be {"messages"'),
    ([], "needs a message of the user"),
    ([{"role": "system", "content": "a"}], "needs a message of the user"),
    ([assistant("a")], "message 1 is of the role 'assistant' where 'user' is due"),
    ([user("a"), user("b")], "message 2 is of the role 'user' where 'assistant' is due"),
    ([{"role": "system", "content": "s"}, user("a"), user("b")], "message 3"),
    ([user("a"), {"role": "system", "content": "b"}], "message 2 is of the role 'system'"),
    ([{"role": "tool", "content": "a"}], "the role 'tool'"),
    ([{"role": ["user"], "content": "a"}], "message 1 has the role"),
    ([user(None)], "content of message 1"),
    ([user([{"type": "image", "text": "a"}])], "a part of the type 'image'"),
    ([user([{"type": ["text"], "text": "a"}])], "a part of the type"),
    ([user([{"type": "text"}])], "a part of message 1"),
    ([user([{"type": "python", "text": "1"}])], "must be text alone"),
    ([user("\ud800")], "half a surrogate pair"),
    ([7], "message 1 must be"),
]


@pytest.mark.parametrize(("value", "message"), BAD)
def test_what_is_no_conversation(value, message):
    with pytest.raises(ConversationError, match=re.escape(message)):
        parse_conversation(value)


def test_files(tmp_path, monkeypatch):
    path = tmp_path / "talk.jsonl"
    good = json.dumps({"messages": [user("a"), assistant("b")]})
    path.write_text(f"{good}\n\n{json.dumps([user('c')])}\n", encoding="utf-8")
    assert [len(messages) for messages in read_conversations(path)] == [2, 1]
    for bad, reason in [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (json.dumps([user(3)]), "content of message 1"),
    ]:
        path.write_text(f"{good}\n{bad}\n", encoding="utf-8")
        with pytest.raises(ConversationError, match=f"line 2: .*{reason}"):
            list(read_conversations(path))
    path.write_bytes(b'["\xff"]\n')
    with pytest.raises(ConversationError, match="line 1: not JSON"):
        list(read_conversations(path))
    monkeypatch.setattr(conversation, "MOST_LINE", 20)
    path.write_text("[" + " " * 30 + "]", encoding="utf-8")
    with pytest.raises(ConversationError, match="line 1: longer than"):
        list(read_conversations(path))


def test_a_tokenizer_without_chat_tokens(chat):
    with pytest.raises(ConversationError, match="pybpe gpt finetune"):
        ChatFormat(Tokenizer.train(iter(["a"]), 256, progress=False))
    again = chat.tokenizer.with_special_tokens(CHAT_TOKENS)
    assert again.special_tokens == chat.tokenizer.special_tokens


def test_the_oldest_turns_are_dropped(chat):
    system = {"role": "system", "content": "Be brief."}
    turns = [message for number in range(5) for message in (user(f"question {number}"), assistant("yes"))]
    messages = parse_conversation([system, *turns, user("last")])
    whole = len(chat.encode_prompt(messages))
    assert chat.fit(messages, whole) == (messages, 0)
    kept, dropped = chat.fit(messages, whole - 1)
    assert (kept, dropped) == ([messages[0], *messages[3:]], 2)
    kept, dropped = chat.fit(messages, len(chat.encode_prompt([messages[0], messages[-1]])))
    assert (kept, dropped) == ([messages[0], messages[-1]], 10)
    with pytest.raises(ConversationError, match="shorten it"):
        chat.fit(messages, 5)


@given(st.lists(TEXTS, min_size=1, max_size=12), st.none() | TEXTS, st.integers(0, 120))
def test_as_few_turns_as_possible_are_dropped(chat, texts, system, room):
    """Fitting gives what dropping one turn after another gives, whatever the length of each."""
    roles = ["user" if number % 2 == 0 else "assistant" for number in range(len(texts))]
    head = [] if system is None else [Message("system", (Part("text", system),))]
    turns = [Message(role, (Part("text", text),)) for role, text in zip(roles, texts, strict=True)]
    for dropped in range(0, len(turns), 2):
        kept = [*head, *turns[dropped:]]
        if len(chat.encode_prompt(kept)) <= room:
            assert chat.fit([*head, *turns], room) == (kept, dropped)
            return
    with pytest.raises(ConversationError, match="shorten it"):
        chat.fit([*head, *turns], room)
