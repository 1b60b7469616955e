import random

import numpy as np
import pytest

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
