import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe.gpt.sampling import Sampling, checked_prompt

LOGITS = np.log(np.array([0.05, 0.4, 0.15, 0.3, 0.1]))


def drawn(sampling, logits=LOGITS, seen=(), n=400):
    rng = random.Random(7)
    return {sampling.choose(logits, rng, seen) for _ in range(n)}


def test_what_each_setting_leaves():
    assert drawn(Sampling(1.0)) == {0, 1, 2, 3, 4}
    assert drawn(Sampling(0)) == {1}
    assert drawn(Sampling(1.0, top_k=2)) == {1, 3}
    assert drawn(Sampling(1.0, top_k=99)) == {0, 1, 2, 3, 4}
    assert drawn(Sampling(1.0, top_p=0.71)) == {1, 2, 3}
    assert drawn(Sampling(1.0, min_p=0.3)) == {1, 2, 3}
    assert drawn(Sampling(1.0, min_p=1.0)) == {1}
    assert drawn(Sampling(1.0, top_k=3, top_p=0.5, min_p=0.2)) == {1, 3}


def test_of_equals_the_first_stay():
    assert drawn(Sampling(1.0, top_k=2), np.zeros(5)) == {0, 1}
    assert drawn(Sampling(1.0, top_p=0.5), np.zeros(4)) == {0, 1}


def test_a_choice_is_that_of_random_choices():
    ours, theirs = random.Random(3), random.Random(3)
    weights = np.exp(LOGITS / 0.7)
    for _ in range(200):
        assert Sampling(0.7).choose(LOGITS, ours) == theirs.choices(range(5), weights)[0]


def test_the_penalty_divides_positive_logits_and_multiplies_others():
    logits = np.array([2.0, 1.5, -1.0, -1.5])
    assert Sampling(0, repetition_penalty=2.0).choose(logits, random.Random(1), {0}) == 1
    assert Sampling(0, repetition_penalty=2.0).choose(logits[2:], random.Random(1), {0}) == 1
    assert Sampling(0).choose(logits, random.Random(1), {0}) == 0
    assert logits.tolist() == [2.0, 1.5, -1.0, -1.5]


def test_top_p_sees_what_top_k_left():
    """4/7 reaches a half alone; of the four, 0.4 does not."""
    assert drawn(Sampling(1.0, top_k=2, top_p=0.5), np.log([0.4, 0.3, 0.2, 0.1])) == {0}
    assert drawn(Sampling(1.0, top_p=0.5), np.log([0.4, 0.3, 0.2, 0.1])) == {0, 1}


@given(
    st.lists(st.integers(-60, 60), min_size=1, max_size=30, unique=True),
    st.sampled_from([0.25, 0.7, 1.0, 3.0]),
    st.none() | st.integers(1, 35),
    st.none() | st.floats(0.01, 1.0),
    st.none() | st.floats(0.01, 1.0),
    st.sampled_from([0.5, 1.0, 1.3]),
    st.integers(0, 1 << 30),
)
def test_choices_are_those_of_transformers(numbers, temperature, top_k, top_p, min_p, penalty, seed):
    """The same ids remain with the same probabilities, step by step."""
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
    process = pytest.importorskip("transformers", reason="transformers is not installed").generation.logits_process
    logits = np.array(numbers) / 7 + 0.01
    seen = list(range(0, len(logits), 3))
    steps = [process.RepetitionPenaltyLogitsProcessor(penalty), process.TemperatureLogitsWarper(temperature)]
    steps += [process.TopKLogitsWarper(top_k)] if top_k else []
    steps += [process.TopPLogitsWarper(top_p)] if top_p else []
    steps += [process.MinPLogitsWarper(min_p)] if min_p else []
    scores = torch.tensor(logits)[None]
    for step in steps:
        scores = step(torch.tensor([seen]), scores)
    running = np.cumsum(scores.softmax(-1)[0].numpy())
    rng, ours = random.Random(seed), random.Random(seed)
    sampling = Sampling(temperature, top_k, top_p, min_p, penalty)
    for _ in range(20):
        drawn_at = rng.random()
        expected = int(np.searchsorted(running, drawn_at * running[-1], side="right"))
        id_ = sampling.choose(logits, ours, seen)
        near = np.abs(running - drawn_at * running[-1]).min() < 1e-9  # of a border between two ids
        assert id_ == expected or near


@pytest.mark.parametrize("logits", [[np.nan, 1.0], [1.0, np.inf], [-np.inf, -np.inf], [np.nan, np.nan]])
@pytest.mark.parametrize("temperature", [0, 0.8])
def test_logits_that_are_not_finite(logits, temperature):
    with pytest.raises(ValueError, match="logits are not finite"):
        Sampling(temperature, top_k=1).choose(np.array(logits), random.Random(1))


def test_ids_that_are_excluded_and_temperatures_near_zero():
    assert drawn(Sampling(1.0), np.array([-np.inf, 1.0, 1.0])) == {1, 2}
    for logits in (LOGITS, LOGITS - 50, LOGITS + 50):
        assert drawn(Sampling(1e-310), logits) == {1}


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"min_p": 2.0},
        {"repetition_penalty": 0.0},
    ],
)
def test_settings_that_cannot_be(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Sampling(**settings)


def test_prompts_are_checked():
    assert checked_prompt(np.array([1, 2]), 3) == [1, 2]
    for prompt, message in (([], "empty"), ([3], r"not one of 0\.\.2"), ([-1], "not one of")):
        with pytest.raises(ValueError, match=message):
            checked_prompt(prompt, 3)
