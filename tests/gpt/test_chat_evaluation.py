"""The test of a model with questions of the curriculum: what counts as exact and as right, and answers side by side."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from pybpe import Tokenizer, sandbox  # noqa: E402
from pybpe.gpt import chat_evaluation  # noqa: E402
from pybpe.gpt.answering import ChatModel  # noqa: E402
from pybpe.gpt.chat_evaluation import MOST_TOKENS, Attempt, attempt_all, score  # noqa: E402
from pybpe.gpt.conversation import CHAT_TOKENS, ChatFormat, Message, Part  # noqa: E402
from pybpe.gpt.curriculum import Exchange, make_questions  # noqa: E402
from pybpe.gpt.generation import Inference  # noqa: E402
from pybpe.gpt.inference import Model  # noqa: E402
from pybpe.gpt.model import FORMS, GPT, GPTConfig  # noqa: E402

QUESTION = Exchange("How many r are in 'strawberry'?", "It has 3", "'strawberry'.count('r')", "3")
CALL = (Part("python", QUESTION.code), Part("output", "3"))


@pytest.fixture(scope="module")
def chat():
    return ChatFormat(Tokenizer.train(iter(["a"]), 256, progress=False).with_special_tokens(CHAT_TOKENS))


@pytest.fixture(scope="module")
def runner():
    with sandbox.open_sandbox("none") as runner:
        yield runner


def network(chat, seed, block_size=256):
    """A model with random weights, in float64, whose logits are far apart."""
    torch.manual_seed(seed)
    shape = {"n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": block_size}
    model = GPT(GPTConfig(chat.tokenizer.n_vocab, **shape, **FORMS["modern"]), init_std=1.0)
    return Inference(model.double())


def talking(chat, network):
    return ChatModel(Model(network, chat.tokenizer))


@pytest.mark.parametrize(
    ("parts", "exact_call", "right"),
    [
        ((*CALL, Part("text", "It has 3")), True, True),
        ((Part("text", "I count. "), *CALL, Part("text", "3")), True, True),
        ((*CALL, Part("text", "It has 3.")), True, False),
        ((*CALL, Part("text", "It has 13")), True, False),
        ((*CALL, Part("text", "It has 33")), True, False),
        (CALL, True, False),
        ((*CALL, *CALL, Part("text", "It has 3")), False, True),
        ((Part("python", "'strawbery'.count('r')"), Part("output", "3"), Part("text", "3")), False, True),
        ((Part("python", QUESTION.code + " "), Part("output", "3"), Part("text", "3")), False, True),
        ((Part("text", "It has 3"),), False, True),
        ((Part("text", "It has \N{SUPERSCRIPT THREE}"),), False, False),
        ((Part("text", "It has \N{ARABIC-INDIC DIGIT THREE}"),), False, False),
        ((), False, False),
    ],
)
def test_exact_calls_and_right_answers(parts, exact_call, right):
    attempt = Attempt(QUESTION, parts)
    assert (attempt.exact_call, attempt.right) == (exact_call, right)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_a_score_is_the_fraction(cases):
    attempts = []
    for exact, right in cases:
        text = Part("text", "3" if right else "4")
        attempts.append(Attempt(QUESTION, (*CALL, text) if exact else (text,)))
    found = score(attempts)
    assert found.n == len(cases)
    assert found.exact_calls == pytest.approx(sum(exact for exact, _ in cases) / len(cases))
    assert found.right == pytest.approx(sum(right for _, right in cases) / len(cases))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(0, 6), slots=st.integers(1, 4))
def test_answers_do_not_depend_on_those_beside_them(chat, runner, seed, n, slots):
    model, questions = talking(chat, network(chat, seed)), make_questions("templates", n, seed)
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chat_evaluation, "SLOTS", slots)
        together = attempt_all(model, questions, runner, told.append)
    assert together == [attempt_all(model, [question], runner)[0] for question in questions]
    assert [attempt.exchange for attempt in together] == questions
    assert told == [min(n, done) for done in range(slots, n + slots, slots)]


class Scripted(Inference):
    """A model that writes given ids after assistant_start, whatever the question is."""

    def __init__(self, chat, written):
        super().__init__(network(chat, 1).model)
        forward, read, start = self.model.forward, [], chat.ids["<|assistant_start|>"]

        def scripted(ids, targets=None, cache=None):
            logits = torch.zeros_like(forward(ids, targets, cache))
            read.extend(ids[0].tolist())
            done = len(read) - 1 - max(at for at, id_ in enumerate(read) if id_ == start)
            logits[..., written[min(done, len(written) - 1)]] = 1.0
            return logits

        self.model.forward = scripted


def test_code_is_run_and_its_output_is_in_the_answer(chat, runner):
    answer = (*CALL, Part("text", "It has 3"))
    user = Message("user", (Part("text", QUESTION.question),))
    ids, _ = chat.encode([user, Message("assistant", answer)])
    written = ids[ids.index(chat.ids["<|assistant_start|>"]) + 1 :]
    (attempt,) = attempt_all(talking(chat, Scripted(chat, written)), [QUESTION], runner)
    assert attempt == Attempt(QUESTION, answer)
    assert attempt.exact_call
    assert attempt.right


def test_answers_are_cut(chat, runner):
    letter = chat.tokenizer.encode_ordinary("a")
    (attempt,) = attempt_all(talking(chat, Scripted(chat, letter)), [QUESTION], runner)
    assert attempt.parts == (Part("text", "a" * MOST_TOKENS),)
