"""Answers of models that talk, with the code that they run."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from support.chat_models import CONTEXT, FakeSandbox, assistant, chat_folder, chat_tokenizer, result, script, user

from pybpe.errors import ConversationError, SandboxError
from pybpe.gpt.answering import ChatModel, open_chat, open_torch_model
from pybpe.gpt.conversation import Message, Part
from pybpe.gpt.generation import Inference
from pybpe.gpt.micro import MicroConfig, MicroGPT
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.tools import ToolLimits
from pybpe.gpt.vocabulary import save_vocabulary

END, PYTHON, PYTHON_END = "<|assistant_end|>", "<|python_start|>", "<|python_end|>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return chat_folder(tmp_path_factory.mktemp("models") / "chat")


@pytest.fixture(scope="module")
def model(folder):
    return open_chat(folder, "cpu")


def test_an_answer_that_runs_code(model, monkeypatch):
    sandbox = FakeSandbox(result("7\n"), result("1\n", "ZeroDivisionError: division by zero"))
    script(
        monkeypatch,
        model.chat.tokenizer,
        *("I add. ", PYTHON, "3 + 4", PYTHON_END, "It is 7", PYTHON, "1/0", PYTHON_END, ".", END),
    )
    reply = model.answer([user("3 + 4?")], sandbox=sandbox, limits=ToolLimits(seconds=2.5))
    events = list(reply)
    assert sandbox.codes == ["3 + 4", "1/0"]
    assert sandbox.seconds == [2.5, 2.5]
    assert reply.finish == "stop"
    assert reply.message == assistant(
        ("text", "I add. "),
        ("python", "3 + 4"),
        ("output", "7"),
        ("text", "It is 7"),
        ("python", "1/0"),
        ("output", "1\nZeroDivisionError: division by zero"),
        ("text", "."),
    )
    shown = "".join(event.text for event in events)
    assert shown == "".join(part.text for part in reply.message.parts)
    assert [event.text for event in events if event.forced] == ["7", "1\nZeroDivisionError: division by zero"]
    assert reply.n_chosen == len([id_ for event in events if not event.forced for id_ in event.ids])
    assert reply.dropped == 0
    # What the model has read is what the conversation is as ids, so it is found again.
    row = model._engine.open(model.chat.encode_prompt([user("3 + 4?"), reply.message, user("x")]))
    assert row.reused >= len(model.chat.encode([user("3 + 4?"), reply.message])[0]) - 2
    model._engine.close(row)


def test_what_the_model_may_choose(model, monkeypatch):
    special = model.chat.tokenizer.special_tokens
    for sandbox, allowed in ((None, {END}), (FakeSandbox(), {END, PYTHON})):
        reply = model.answer([user("a")], sandbox=sandbox)
        (row,) = model._engine.rows
        assert {name for name, id_ in special.items() if id_ not in row.banned} == allowed
        reply.close()
        assert list(reply) == []
        assert reply.finish is None
    script(monkeypatch, model.chat.tokenizer, "x", "<|endoftext|>")
    stopping = model.answer([user("a")], stop=[special["<|endoftext|>"]])
    assert "".join(event.text for event in stopping) == "x"
    assert (stopping.finish, stopping.message) == ("stop", assistant(("text", "x")))


def test_only_so_many_calls(model, monkeypatch):
    script(monkeypatch, model.chat.tokenizer, PYTHON, "1", PYTHON_END, "x", END)
    reply = model.answer([user("a")], sandbox=FakeSandbox(), limits=ToolLimits(calls=1))
    for event in reply:
        if event.forced:
            (row,) = model._engine.rows
            assert model.chat.ids[PYTHON] in row.banned
    assert reply.message.parts[1] == Part("output", "7")


@pytest.mark.parametrize("most", [1, 3, 4, 5])
def test_max_tokens_counts_what_the_model_chooses(model, monkeypatch, most):
    script(monkeypatch, model.chat.tokenizer, PYTHON, "1", PYTHON_END, "abcdef")
    reply = model.answer([user("a")], sandbox=FakeSandbox(), max_tokens=most)
    events = list(reply)
    assert (reply.finish, reply.n_chosen) == ("length", most)
    assert sum(event.forced for event in events) == (most >= 3)
    with pytest.raises(ValueError, match="max_tokens is 0"):
        model.answer([user("a")], max_tokens=0)


def test_output_that_does_not_fit_ends_the_answer(model, monkeypatch):
    script(monkeypatch, model.chat.tokenizer, PYTHON, "1", PYTHON_END, "x")
    reply = model.answer([user("a" * 60)], sandbox=FakeSandbox(result("y" * 40)), max_tokens=20)
    events = list(reply)
    assert reply.finish == "length"
    assert events[-1].text == "y" * 40


def test_never_half_a_character(model, monkeypatch):
    script(monkeypatch, model.chat.tokenizer, "é\U0001f600", END)
    shown = [event.text for event in model.answer([user("a")])]
    assert shown == ["", "é", "", "", "", "\U0001f600", ""]
    script(monkeypatch, model.chat.tokenizer, "\U0001f600")
    cut = list(model.answer([user("a")], max_tokens=3))
    assert "".join(event.text for event in cut) == "\N{REPLACEMENT CHARACTER}"


def test_the_oldest_turns_are_dropped(model):
    turns = [message for _ in range(8) for message in (user("question"), assistant(("text", "answer")))]
    system = Message("system", (Part("text", "Be brief."),))
    reply = model.answer([system, *turns, user("last")], max_tokens=10)
    list(reply)
    assert reply.dropped > 0
    assert reply.dropped % 2 == 0
    with pytest.raises(ConversationError, match="room for 48"):
        model.answer([user("x" * 50)])
    assert list(model.answer([user("x" * 50)], max_tokens=20))  # a shorter answer leaves more room


def test_another_answer_ends_the_one_before(model):
    first = model.answer([user("a")], seed=1)
    next(first)
    second = model.answer([user("b")], seed=2)
    assert list(second)
    assert list(first) == []
    assert first.finish is None


def test_an_answer_is_continued(model, monkeypatch):
    script(monkeypatch, model.chat.tokenizer, "lo", END)
    reply = model.answer([user("a"), assistant(("text", "hel"))])
    (row,) = model._engine.rows
    assert model.chat.tokenizer.decode(row.ids).endswith("<|assistant_start|>hel")
    list(reply)
    assert reply.message == assistant(("text", "lo"))


def test_a_sandbox_that_breaks_is_an_error_that_the_model_reads(model, monkeypatch):
    pytest.importorskip("pybpe.sandbox", reason="there is no sandbox")

    class Broken(FakeSandbox):
        def run(self, code, timeout=5.0):
            raise SandboxError("the kernel refuses")

    script(monkeypatch, model.chat.tokenizer, PYTHON, "1", PYTHON_END, "x", END)
    reply = model.answer([user("a")], sandbox=Broken())
    list(reply)
    assert reply.message.parts[1] == Part("output", "SandboxError: the kernel refuses")


def test_logits_that_are_not_finite(folder):
    import torch

    model = open_chat(folder, "cpu")
    with torch.no_grad():
        model.network.model.lm_head.weight.fill_(float("inf"))
    with pytest.raises(ValueError, match="not finite"):
        list(model.answer([user("a")]))
    with pytest.raises(ValueError, match="not finite"):
        model.answer_all([[user("a")]])


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@settings(max_examples=25)
@given(TEXTS, st.integers(0, 1000), st.none() | st.integers(1, 60), st.booleans(), st.sampled_from([0.0, 0.7, 1.5]))
def test_what_holds_for_every_answer(model, text, seed, most, tool, temperature):
    sandbox = FakeSandbox(result("out\n")) if tool else None
    asked = [user(text)]
    settings = {"sampling": Sampling(temperature), "max_tokens": most, "sandbox": sandbox}
    reply = model.answer(asked, seed=seed, **settings)
    prompt = model.chat.encode_prompt(asked)
    (row,) = model._engine.rows
    events = list(reply)
    assert model._engine.rows == []
    ids = [id_ for event in events for id_ in event.ids]
    assert row.ids[: len(prompt)] == prompt
    assert row.ids[len(prompt) :] == ids[: len(row.ids) - len(prompt)]
    assert len(row.ids) <= CONTEXT
    assert reply.finish in ("stop", "length")
    assert reply.n_chosen <= (most or CONTEXT)
    assert [*reply.message.parts] == model.chat.parts(ids)
    for kind in ("text", "python", "output"):
        told = "".join(event.text for event in events if event.kind == kind)
        assert told == "".join(part.text for part in reply.message.parts if part.kind == kind)
    assert (sandbox.codes if sandbox else []) == [
        code.text for code, out in pairwise(reply.message.parts) if out.kind == "output"
    ]
    # The same seed gives the same answer, alone and among others.
    many = model.answer_all([asked, [user("other")], asked], seeds=[seed, 5, seed], slots=2, **settings)
    assert many[0] == many[2] == reply.message


def test_models_that_learned_nothing_run_code(model):
    """So that the property above is about code too."""
    sandbox = FakeSandbox()
    model.answer_all([[user(str(n))] for n in range(40)], seeds=range(40), sampling=Sampling(1.0), sandbox=sandbox)
    assert len(sandbox.codes) > 5


def test_many_answers_equal_single_ones(model):
    asked = [[user("question " * (number % 4))] for number in range(9)]
    for slots in (1, 4, 16):
        answers = model.answer_all(asked, sampling=Sampling(0), max_tokens=15, slots=slots)
        for conversation, answer in zip(asked, answers, strict=True):
            reply = model.answer(conversation, sampling=Sampling(0), max_tokens=15)
            list(reply)
            assert reply.message == answer
    assert model.answer_all([]) == []


def test_models_that_cannot_talk(tmp_path):
    from pybpe import Tokenizer

    from .test_inference import micro_folder, torch_folder

    bare = Tokenizer.train(iter(["ab"]), 256, progress=False)
    for make in (micro_folder, torch_folder):
        with pytest.raises(ConversationError, match="pybpe gpt finetune"):
            open_chat(make(tmp_path / make.__name__, bare), "cpu")
    with pytest.raises(FileNotFoundError, match="not the folder of a model"):
        open_chat(tmp_path)


def test_a_model_of_the_micro_engine_is_converted(tmp_path):
    tokenizer = chat_tokenizer()
    micro = MicroGPT(MicroConfig(tokenizer.n_vocab, 1, 2, 16, 64, init_std=0.3, dtype="float64"))
    micro.save(tmp_path / "model.safetensors", {"tokenizer": tokenizer.fingerprint})
    save_vocabulary(tokenizer, tmp_path)
    model = open_chat(tmp_path)
    assert isinstance(model, ChatModel)
    assert isinstance(model.network, Inference)
    prompt = model.chat.encode_prompt([user("ab")])
    assert list(model.network.generate(prompt, 20, 0)) == list(micro.generate(prompt, 20, 0))
    assert list(model.answer([user("ab")], max_tokens=5))
    assert open_torch_model(tmp_path).n_params == micro.n_params
