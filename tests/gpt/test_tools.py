"""Answers that run code, followed id by id."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybpe import Tokenizer
from pybpe.gpt.conversation import CHAT_TOKENS, ChatFormat, Message, Part
from pybpe.gpt.tools import Answer, ToolLimits, output_text


def result(stdout="", error=None):
    return SimpleNamespace(stdout=stdout, error=error, success=error is None, timeout=False)


@pytest.fixture(scope="module")
def chat():
    return ChatFormat(Tokenizer.train(iter(["ab"]), 256, progress=False).with_special_tokens(CHAT_TOKENS))


def follow(answer, chat, parts, end=True):
    """Feed what a model would choose for these parts; output is given. Returns the events."""
    events = []
    for part in parts:
        if part.kind == "output":
            assert answer.code is not None
            events += answer.give(result(part.text))[1]
            continue
        marks = [chat.ids["<|python_start|>"]], [chat.ids["<|python_end|>"]]
        before, after = marks if part.kind == "python" else ([], [])
        for id_ in [*before, *chat.tokenizer.encode_ordinary(part.text), *after]:
            events += answer.feed(id_)
    if end:
        events += answer.feed(chat.ids["<|assistant_end|>"])
    return events


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=1, max_size=9)


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=3), TEXTS)
def test_parts_of_an_answer(chat, rounds, last):
    parts = []
    for text, code, out in rounds:
        parts += [Part("text", text), Part("python", code), Part("output", out)]
    parts.append(Part("text", last))
    answer = Answer(chat)
    events = follow(answer, chat, parts)
    assert answer.ended
    assert answer.parts == parts
    assert answer.ids == [id_ for event in events for id_ in event.ids]
    for kind in ("text", "python", "output"):
        shown = "".join(event.text for event in events if event.kind == kind)
        assert shown == "".join(part.text for part in parts if part.kind == kind)
    assert all(event.forced == (event.kind == "output") for event in events)
    # The ids are those of the conversation that is kept.
    ids, _ = chat.encode([Message("user", ()), Message("assistant", tuple(parts))])
    assert ids[ids.index(chat.ids["<|assistant_start|>"]) + 1 :] == answer.ids


def test_never_half_a_character(chat):
    answer = Answer(chat)
    shown = [answer.feed(id_) for id_ in chat.tokenizer.encode_ordinary("\U0001f600")[:3]]
    assert [event.text for events in shown for event in events] == ["", "", ""]
    assert [event.text for event in answer.feed(chat.ids["<|python_start|>"])] == ["�", ""]
    assert answer.parts == [Part("text", "�"), Part("python", "")]


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=3), TEXTS, st.integers(0, 200))
def test_an_answer_goes_on_from_its_ids(chat, rounds, last, cut):
    """An answer that takes its first ids at once is in the state of one that was given them one by one."""
    parts = []
    for text, code, out in rounds:
        parts += [Part("text", text), Part("python", code), Part("output", out)]
    whole = Answer(chat)
    follow(whole, chat, [*parts, Part("text", last)], end=False)
    ids = whole.ids[:cut]
    answer = Answer(chat)
    if ids.count(chat.ids["<|output_start|>"]) > ids.count(chat.ids["<|output_end|>"]):
        with pytest.raises(ValueError, match="has no"):
            answer.replay(ids)
        return
    answer.replay(ids)
    assert answer.ids == ids
    answer.replay(whole.ids[cut:])
    assert (answer.parts, answer.calls, answer.banned, answer.ids) == (
        *(whole.parts, whole.calls, whole.banned),
        whole.ids,
    )


def test_ids_that_no_answer_begins_with(chat):
    special = {name.strip("<|>"): id_ for name, id_ in chat.ids.items()}
    code = [special["python_start"], special["python_end"]]
    for ids, message in [
        ([special["bos"]], "cannot follow"),
        ([97, special["user_start"]], "cannot follow"),
        ([special["output_start"]], "cannot follow"),
        ([special["python_start"], special["python_start"]], "cannot follow"),
        ([97, special["assistant_end"]], "has ended"),
        ([special["assistant_end"], 97], "cannot follow"),
        ([*code, 97], "cannot follow"),
        ([*code, special["output_start"], 97], "has no"),
        ([*code, special["output_start"], special["bos"]], "stands in the output"),
        ([*code, special["output_start"], special["output_end"]] * 5, "cannot follow"),  # more calls than allowed
    ]:
        with pytest.raises(ValueError, match=message):
            Answer(chat).replay(ids)


def test_banned_ids(chat):
    names = {id_: name for name, id_ in chat.ids.items()}

    def allowed(answer):
        return {name for id_, name in names.items() if id_ not in answer.banned}

    answer = Answer(chat, ToolLimits(calls=1))
    assert allowed(answer) == {"<|python_start|>", "<|assistant_end|>"}
    for banned in answer.banned:
        with pytest.raises(ValueError, match="cannot follow"):
            answer.feed(banned)
    answer.feed(chat.ids["<|python_start|>"])
    assert allowed(answer) == {"<|python_end|>"}
    answer.feed(chat.ids["<|python_end|>"])
    assert answer.code == ""
    with pytest.raises(ValueError, match="cannot follow"):
        answer.feed(97)
    answer.give(result("x"))
    assert allowed(answer) == {"<|assistant_end|>"}  # the only call is used up
    with pytest.raises(ValueError, match="no code"):
        answer.give(result("x"))
    assert allowed(Answer(chat, ToolLimits(calls=0))) == {"<|assistant_end|>"}
    answer.feed(chat.ids["<|assistant_end|>"])
    with pytest.raises(ValueError, match="cannot follow"):
        answer.feed(97)


def test_an_error_is_output(chat):
    answer = Answer(chat)
    follow(answer, chat, [Part("python", "1/0")], end=False)
    ids, events = answer.give(result("4\n", "Traceback\n  line\nZeroDivisionError: division by zero"))
    assert [event.text for event in events] == ["4\nZeroDivisionError: division by zero"]
    assert ids[0] == chat.ids["<|output_start|>"]
    assert ids[-1] == chat.ids["<|output_end|>"]


@given(st.text(max_size=200), st.none() | st.text(max_size=200), st.integers(16, 100))
def test_output_is_bounded(stdout, error, most):
    text = output_text(result(stdout, error), most)
    assert len(text.encode()) <= most
    if error is None and len(stdout.encode("utf-8", "replace")) <= most:
        assert text == stdout.encode("utf-8", "replace").decode().rstrip("\n")
    if error == "E: x":
        assert text.endswith("E: x")


@pytest.mark.parametrize("changes", [{"calls": -1}, {"seconds": 0}, {"seconds": float("nan")}, {"output_bytes": 1}])
def test_limits_that_cannot_be(changes):
    with pytest.raises(ValueError, match="must lie"):
        ToolLimits(**changes)
