"""Rows that begin and end at any time, computed together, equal those that are generated alone."""

import doctest
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

import torch

from pybpe.gpt import batching, slot_cache
from pybpe.gpt.batching import Engine
from pybpe.gpt.generation import Inference
from pybpe.gpt.model import FORMS, GPT, GPTConfig
from pybpe.gpt.sampling import Sampling, choose_rows

N_VOCAB, CONTEXT = 30, 20


def made(form, dtype=torch.float64):
    torch.manual_seed(1)
    config = GPTConfig(n_vocab=N_VOCAB, n_layer=2, n_head=2, n_embd=8, block_size=CONTEXT, vocab_rows=32, **FORMS[form])
    return Inference(GPT(config, init_std=0.6).to(dtype))


MODELS = {form: made(form) for form in FORMS}
SAMPLINGS = st.sampled_from(
    [
        Sampling(0),
        Sampling(1.0),
        Sampling(0.8, 5, 0.9, 0.01),
        Sampling(1.0, None, 0.7, None, 1.3),
        Sampling(0, repetition_penalty=2.0),
    ]
)
# Few different ids, so that prompts share prefixes.
PROMPTS = st.lists(st.integers(0, 2), min_size=1, max_size=CONTEXT - 1)
EVENTS = st.one_of(
    st.tuples(st.just("open"), PROMPTS, SAMPLINGS, st.integers(0, 99)),
    st.tuples(st.just("step"), st.integers(1, 5)),
    st.tuples(st.just("close"), st.integers(0, 9)),
    st.tuples(st.just("wait"), st.integers(0, 9)),
    st.tuples(st.just("force"), st.integers(0, 9), st.lists(st.integers(0, N_VOCAB - 1), max_size=4)),
    st.tuples(st.just("ban"), st.integers(0, 9), st.sets(st.integers(0, N_VOCAB - 2), max_size=9)),
)


def pick(rows, number):
    return rows[number % len(rows)] if rows else None


class Told:
    """Rows with the origin of each of their ids: forced, or chosen while some ids were banned."""

    def __init__(self):
        self.origins = {}

    def opened(self, row, seed):
        self.origins[row] = (list(row.ids), row.sampling, seed, [])

    def check(self, row, network):
        """The ids are those that the model and the seed give where nobody else is."""
        ids, sampling, seed, steps = self.origins[row]
        rng = random.Random(seed)
        for id_, banned in steps:
            if banned is not None:
                logits = network.logits([ids])[0, -1]
                logits[list(banned)] = -np.inf
                assert sampling.choose(logits, rng, set(ids)) == id_
            ids.append(id_)
        assert ids == row.ids


@pytest.mark.parametrize("module", [batching, slot_cache])
def test_the_examples_of(module):
    result = doctest.testmod(module)
    assert (result.failed, result.attempted > 0) == (0, True)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60)
@given(st.lists(EVENTS, max_size=30), st.integers(1, 4), st.sampled_from([1, 3, 7, 128]))
def test_a_row_does_not_depend_on_the_others(form, events, slots, chunk):
    network, told = MODELS[form], Told()
    engine = Engine(network, slots, chunk=chunk)
    rows = []
    for kind, *rest in [*events, ("step", 2)]:
        if kind == "open":
            if engine.free:
                rows.append(engine.open(rest[0], rest[1], seed=rest[2], top_logprobs=2))
                told.opened(rows[-1], rest[2])
            else:
                with pytest.raises(RuntimeError, match="slots are taken"):
                    engine.open(rest[0])
        elif kind == "step":
            for _ in range(rest[0]):
                for chosen in engine.step():
                    assert not chosen.row.waiting
                    assert chosen.row.ids[-1] == chosen.id
                    told.origins[chosen.row][3].append((chosen.id, {*chosen.row.banned}))
        elif (row := pick(rows, rest[0])) is not None:
            if kind == "close":
                engine.close(row)
                engine.close(row)
                rows.remove(row)
                told.check(row, network)
            elif kind == "wait":
                row.waiting = not row.waiting
            elif kind == "ban":
                row.banned = rest[1]
            elif len(rest[1]) <= row.room:
                row.force(rest[1])
                told.origins[row][3].extend((id_, None) for id_ in rest[1])
            else:
                with pytest.raises(ValueError, match="do not fit"):
                    row.force(rest[1])
        assert engine.rows == rows
        assert engine.free == slots - len(rows)
        assert all(0 <= row.room < CONTEXT for row in rows)
    for row in rows:
        told.check(row, network)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "sampling", [Sampling(0), Sampling(1.0), Sampling(0.9, 9, 0.9)], ids=["greedy", "plain", "top"]
)
def test_equal_to_generate(form, sampling):
    network = MODELS[form]
    engine = Engine(network, 5, chunk=6)
    prompts = [[1], [2, 3, 4, 5], list(range(12)), [7] * 19, [1, 2]]
    rows = [engine.open(prompt, sampling, seed=seed) for seed, prompt in enumerate(prompts)]
    while any(row.room for row in rows):
        engine.step()
    for seed, (prompt, row) in enumerate(zip(prompts, rows, strict=True)):
        alone = network.generate(
            prompt, CONTEXT - len(prompt), sampling.temperature, sampling.top_k, sampling.top_p, seed
        )
        assert row.ids == [*prompt, *alone]
    assert engine.step() == []  # no row has room


@pytest.mark.parametrize("form", FORMS)
def test_memory_grows_with_the_longest_row(form, monkeypatch):
    monkeypatch.setattr(slot_cache, "FIRST_POSITIONS", 3)
    network = MODELS[form]
    engine = Engine(network, 3, chunk=6)
    held = lambda: engine._cache._layers[-1][1].shape[2]  # noqa: E731
    assert held() == 3
    first = engine.open([1, 2], Sampling(0))
    engine.step()
    assert held() == 3
    longer = engine.open([3, 4, 5, 6, 7, 8, 9, 1], Sampling(0))
    engine.step()
    assert held() == 6
    copied = engine.open([*longer.ids[:6], 2], Sampling(0))
    assert copied.reused == 6
    while engine.step():
        pass
    assert held() == CONTEXT  # 3, 6, 12, and no more than the context
    for row, prompt in ((first, [1, 2]), (longer, [3, 4, 5, 6, 7, 8, 9, 1]), (copied, [3, 4, 5, 6, 7, 8, 2])):
        assert row.ids == [*prompt, *network.generate(prompt, CONTEXT - len(prompt), 0)]
    engine.close(first)
    assert engine.open([1, 2, *first.ids[2:9], 5], Sampling(0)).reused == 9


def test_float32_is_equal_up_to_rounding():
    network = made("modern", torch.float32)
    engine = Engine(network, 3, chunk=4)
    rows = [engine.open(prompt, Sampling(0), top_logprobs=N_VOCAB) for prompt in ([1], [2, 3, 4, 5, 6, 7], [5, 4])]
    for _ in range(12):
        before = {row: list(row.ids) for row in rows}
        for chosen in engine.step():
            logits = network.logits([before[chosen.row]])[0, -1]
            expected = logits - logits.max() - math.log(np.exp(logits - logits.max()).sum())
            assert dict(chosen.top) == pytest.approx(dict(enumerate(expected)), abs=1e-4)


def test_logprobs_are_of_the_plain_softmax():
    network = MODELS["gpt2"]
    logits = network.logits([[3, 4]])[0, -1]
    expected = logits - np.log(np.exp(logits).sum())
    order = np.argsort(-expected, kind="stable")
    engine = Engine(network, 1)
    row = engine.open([3, 4], Sampling(0.1), seed=1, top_logprobs=4)
    row.banned = {int(id_) for id_ in order[:6]}
    (chosen,) = engine.step()
    assert chosen.id not in row.banned
    assert chosen.logprob == pytest.approx(expected[chosen.id])
    assert [id_ for id_, _ in chosen.top] == order[:4].tolist()
    assert [logprob for _, logprob in chosen.top] == pytest.approx(expected[order[:4]].tolist())
    engine.close(row)
    engine.open([3, 4])
    assert engine.step()[0].top == []


def test_a_prefix_is_not_computed_again():
    network = MODELS["modern"]
    engine = Engine(network, 2)
    row = engine.open([1, 2, 3, 4, 5, 6], Sampling(0))
    assert row.reused == 0
    for _ in range(3):
        engine.step()
    again = engine.open(row.ids, Sampling(0))  # from a slot that is taken
    assert again.reused == len(row.ids) - 1
    engine.close(row)
    engine.close(again)
    other = engine.open([9, 9], Sampling(0))  # takes the slot that was closed first
    assert other.reused == 0
    kept = engine.open([*again.ids, 8, 8], Sampling(0))
    assert kept.reused == len(again.ids) - 1  # its last id was not read
    assert [each.row for each in engine.step()] == [other, kept]
    assert kept.ids[-1] == int(network.logits([kept.ids[:-1]])[0, -1].argmax())


def test_a_closed_row_belongs_to_the_caller():
    engine = Engine(MODELS["gpt2"], 1)
    row = engine.open([1, 2, 3], Sampling(0))
    engine.step()
    engine.close(row)
    row.ids[:] = [7, 7, 7, 7]
    assert engine.open([7, 7, 7, 7]).reused == 0


def test_a_short_match_does_not_take_the_slot_of_a_long_conversation():
    engine = Engine(MODELS["nanogpt"], 2)
    long = engine.open([1, 2, 3, 4, 5, 6, 7, 8], Sampling(0))
    engine.step()
    engine.close(long)
    other = engine.open([1, 2, 9], Sampling(0))
    assert other.reused == 2
    engine.step()
    assert engine.open([1, 2, 3, 4, 5, 6, 7, 8, 9], Sampling(0)).reused == 8


def test_a_long_prompt_does_not_stop_the_others():
    engine = Engine(MODELS["gpt2"], 3, chunk=4)
    quick = engine.open([1], Sampling(0))
    long = engine.open(list(range(15)), Sampling(0))
    last = engine.open([5, 6, 7], Sampling(0))
    stepped = [[chosen.row for chosen in engine.step()] for _ in range(5)]
    assert all(quick in rows for rows in stepped)
    assert [long in rows for rows in stepped] == [False, False, False, True, True]
    assert [last in rows for rows in stepped] == [False, False, False, False, True]  # the first of two is read first


def test_what_cannot_be():
    network = MODELS["micro"]
    engine = Engine(network, 1, capacity=5)
    with pytest.raises(ValueError, match="empty"):
        engine.open([])
    with pytest.raises(ValueError, match=r"not one of 0\.\.29"):
        engine.open([N_VOCAB])
    with pytest.raises(ValueError, match="has 5 tokens, and with an answer at most 5 fit"):
        engine.open([1] * 5)
    assert engine.free == 1
    row = engine.open([1, 2])
    with pytest.raises(ValueError, match=r"not one of 0\.\.29"):
        row.force([-1])
    with pytest.raises(ValueError, match="4 ids do not fit: the row has room for 3"):
        row.force([1] * 4)
    assert row.ids == [1, 2]
    for changes in ({"slots": 0}, {"capacity": CONTEXT + 1}, {"capacity": 0}, {"chunk": 0}):
        with pytest.raises(ValueError, match="must"):
            Engine(network, **changes)


def test_an_error_is_that_of_one_row():
    network = made("gpt2")
    with torch.no_grad():
        network.model.wte.weight[7] = math.inf  # a row that reads this id computes nan
        network.model.lm_head = torch.nn.Linear(8, 32, bias=False).double()
    engine = Engine(network, 3)
    good, bad = engine.open([1, 2], Sampling(1.0), seed=1), engine.open([1, 7], Sampling(1.0), seed=2)
    shut = engine.open([3], Sampling(1.0), seed=3)
    shut.banned = set(range(N_VOCAB))
    assert [chosen.row for chosen in engine.step()] == [good]
    assert "not finite" in bad.error
    assert "every id is banned" in shut.error
    good.banned = {7}
    assert [chosen.row for chosen in engine.step()] == [good]
    # The slot holds no nan that would reach those that take it later, together with longer rows.
    engine.close(bad)
    after = engine.open([1], Sampling(1.0), seed=4)
    after.banned = {7}
    assert after.reused <= 1
    assert {chosen.row for chosen in engine.step()} == {good, after}


def test_an_interrupted_step_can_be_repeated(monkeypatch):
    network = MODELS["modern"]
    engine = Engine(network, 2)
    rows = [engine.open([1, 2, 3], Sampling(0)), engine.open([4], Sampling(0))]
    engine.step()

    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(batching, "choose_rows", interrupt)
        with pytest.raises(KeyboardInterrupt):
            engine.step()
    for _ in range(4):
        engine.step()
    assert [row.ids for row in rows] == [[*prompt, *network.generate(prompt, 5, 0)] for prompt in ([1, 2, 3], [4])]


@given(
    st.integers(1, 40).flatmap(
        lambda width: st.lists(
            st.lists(st.floats(-30, 30) | st.just(-math.inf), min_size=width, max_size=width).filter(
                lambda row: max(row) > -math.inf
            ),
            min_size=1,
            max_size=8,
        )
    ),
    st.lists(
        st.builds(
            Sampling,
            st.sampled_from([0, 1e-308, 0.01, 0.8, 1.0, 2.5]),
            st.sampled_from([None, 1, 3, 100]),
            st.sampled_from([None, 0.3, 0.9, 1.0]),
            st.sampled_from([None, 0.05, 1.0]),
            st.sampled_from([1.0, 1.3]),
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 1 << 30),
)
def test_rows_are_chosen_as_one_by_one(rows, samplings, seed):
    logits = np.array(rows)
    mine = [samplings[place % len(samplings)] for place in range(len(rows))]
    seen = [set(range(0, logits.shape[1], place + 2)) for place in range(len(rows))]
    rngs = [[random.Random(seed + place) for place in range(len(rows))] for _ in range(2)]
    together = choose_rows(logits.copy(), mine, rngs[0], seen)
    alone = [each.choose(*rest) for each, *rest in zip(mine, logits, rngs[1], seen, strict=True)]
    assert together == alone
    assert [rng.random() for rng in rngs[0]] == [rng.random() for rng in rngs[1]]


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_rows_that_are_not_finite(wrong):
    logits = np.zeros((2, 5))
    logits[1, 3] = wrong
    with pytest.raises(ValueError, match="not finite"):
        choose_rows(logits, [Sampling(1.0)] * 2, [random.Random(1)] * 2, [(), ()])
