"""The GPT in torch: its forms, and generation with and without the cache."""

import doctest
import math
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from pybpe.gpt import generation, model, settings  # noqa: E402
from pybpe.gpt.checkpoint import empty_model  # noqa: E402
from pybpe.gpt.generation import Inference  # noqa: E402
from pybpe.gpt.model import FORMS, GPT, GPTConfig, apply_rotary_emb, rotary_embedding  # noqa: E402
from pybpe.gpt.sampling import Sampling  # noqa: E402

from .runs import python  # noqa: E402

PROMPTS = [[1], [4, 5, 6, 7, 8], list(range(30)), [9] * 16]


def made(form, **changes):
    torch.manual_seed(1)
    return GPT(GPTConfig(50, 2, 2, 32, 16, **{**FORMS[form], **changes}), init_std=0.3)


@pytest.mark.parametrize("module", [model, generation])
def test_the_examples_in_the_docs_hold(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_forms_have_the_names_that_settings_know():
    assert tuple(FORMS) == settings.FORMS


def test_gpt2_small_has_its_124_million_parameters():
    with torch.device("meta"):
        assert GPT(GPTConfig(50257, 12, 12, 768, 1024, **FORMS["gpt2"])).n_params == 124_439_808


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_model_has_the_tensors_of_a_model(form):
    model, empty = made(form, vocab_rows=64), empty_model(made(form, vocab_rows=64).config)
    assert {tensor.device.type for tensor in empty.state_dict().values()} == {"meta"}
    shapes = [{name: tensor.shape for name, tensor in each.state_dict().items()} for each in (model, empty)]
    assert shapes[0] == shapes[1]
    assert empty.n_params == model.n_params


def test_an_empty_model_does_not_import_the_compiler():
    program = """
import sys
from pybpe.gpt.checkpoint import empty_model
from pybpe.gpt.model import FORMS, GPTConfig
before = "torch._dynamo" in sys.modules
empty_model(GPTConfig(50, **FORMS["gpt2"]))
assert ("torch._dynamo" in sys.modules) == before
"""
    assert python("-c", program) == (0, "")


@pytest.mark.parametrize("form", FORMS)
def test_no_token_sees_what_comes_later(form):
    runner = Inference(made(form))
    ids = np.arange(16)[None]
    other = ids.copy()
    other[0, 9:] += 20
    ours, theirs = runner.logits(ids)[0], runner.logits(other)[0]
    assert np.array_equal(ours[:9], theirs[:9])
    assert not np.allclose(ours[9:], theirs[9:])


@pytest.mark.parametrize("form", FORMS)
def test_the_loss_is_that_of_the_logits_without_padding(form):
    model = made(form, vocab_rows=64)
    runner = Inference(model)
    windows = np.random.default_rng(1).integers(0, 50, (3, 17))
    logits = runner.logits(windows[:, :-1])
    assert logits.shape == (3, 16, 50)
    shares = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -np.take_along_axis(shares, windows[:, 1:, None], 2).mean()
    assert runner.loss(windows[:, :-1], windows[:, 1:]) == pytest.approx(expected, rel=1e-5)


def test_rotary_attention_knows_distances_alone():
    q, k = torch.randn(2, 1, 1, 1, 8).unbind()
    at = [rotary_embedding(torch.tensor([place]), 8, torch.float32) for place in range(20)]
    products = [
        (apply_rotary_emb(q, at[place + 3]) * apply_rotary_emb(k, at[place])).sum().item() for place in range(17)
    ]
    assert products == pytest.approx([products[0]] * 17, abs=1e-5)


def test_first_weights_and_a_first_loss_of_chance():
    for form in ("gpt2", "modern"):
        torch.manual_seed(0)
        model = GPT(GPTConfig(300, 6, 2, 64, 16, **FORMS[form]))
        narrow = {"gpt2": 0.02 / math.sqrt(12), "modern": 0.0}[form]
        assert model.blocks[2].mlp.down.weight.std().item() == pytest.approx(narrow, rel=0.05)
        assert model.wte.weight.std().item() == pytest.approx(0.02, rel=0.05)
        ids = np.random.default_rng(0).integers(0, 300, (8, 17))
        assert Inference(model).loss(ids[:, :-1], ids[:, 1:]) == pytest.approx(math.log(300), rel=0.05)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "sampling",
    [Sampling(1.0), Sampling(0), Sampling(1.0, 5, min_p=0.01), Sampling(1.0, None, 0.7, None, 1.3)],
    ids=["plain", "greedy", "top-k", "top-p"],
)
def test_the_cache_changes_no_id(form, sampling):
    """Beyond the context too, and in batches of prompts of all lengths."""
    runner = Inference(made(form, vocab_rows=64))
    together = runner.generate_batch(PROMPTS, 40, sampling, seeds=[5, 6, 7, 8])
    assert together == runner.generate_batch(PROMPTS, 40, sampling, seeds=[5, 6, 7, 8], use_cache=False)
    for prompt, seed, row in zip(PROMPTS, [5, 6, 7, 8], together, strict=True):
        settings = (sampling.temperature, sampling.top_k, sampling.top_p, seed, (), sampling.min_p)
        assert list(runner.generate(prompt, 40, *settings, sampling.repetition_penalty)) == row
        assert len(row) == 40
        assert max(row) < 50


def test_stop_tokens_end_their_own_row_only():
    runner = Inference(made("gpt2"))
    free = runner.generate_batch(PROMPTS, 30, Sampling(1.0), seeds=[1, 2, 3, 4])
    stop = {free[0][3], free[2][10]}
    told = [[] for _ in PROMPTS]
    rows = runner.generate_batch(
        PROMPTS, 30, Sampling(1.0), seeds=[1, 2, 3, 4], stop=stop, on_token=lambda row, id_: told[row].append(id_)
    )
    for row, whole in zip(rows, free, strict=True):
        cut = next((at for at, id_ in enumerate(whole) if id_ in stop), 30)
        assert row == whole[:cut]
    assert told == rows
    assert len(rows[0]) <= 3
    assert runner.generate_batch([], 5) == []
    assert runner.generate_batch([[1]], 0) == [[]]


def test_prompts_and_seeds_are_checked_before_anything_is_made():
    runner = Inference(made("micro"))
    with pytest.raises(ValueError, match="empty"):
        runner.generate([], 3)
    with pytest.raises(ValueError, match=r"not one of 0\.\.49"):
        runner.generate_batch([[1], [50]], 3)
    with pytest.raises(ValueError, match="2 prompts and 1 seeds"):
        runner.generate_batch([[1], [2]], 3, seeds=[1])


@pytest.mark.parametrize(
    "changes",
    [
        {"n_vocab": 0},
        {"n_head": 3},
        {"n_layer": 1 << 20},
        {"block_size": 2.0},
        {"vocab_rows": 49},
        {"vocab_rows": 1 << 20},
        {"norm": "batch"},
        {"activation": "sin"},
        {"positions": "none"},
        {"bias": 1},
        {"dropout": 1.0},
    ],
)
def test_shapes_that_cannot_be(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        replace(GPTConfig(50, 2, 2, 32, 16), **changes)
    with pytest.raises(ValueError, match="even width"):
        GPTConfig(50, 2, 2, 6, 16, positions="rotary")
