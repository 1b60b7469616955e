import doctest
import random
import tracemalloc

import numpy as np
import pytest

from pybpe.gpt import autograd
from pybpe.gpt.micro import Adam, MicroConfig, MicroGPT
from pybpe.gpt.micro import model as model_module
from pybpe.gpt.micro.sampling import gaussians
from pybpe.gpt.micro.threads import on_threads
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.tape import allocations

from . import oracle

TINY = MicroConfig(n_vocab=11, n_layer=2, n_head=2, n_embd=8, block_size=6, dtype="float64", init_std=0.3)


def batch(config, size, time=None, seed=0):
    ids = np.random.default_rng(seed).integers(0, config.n_vocab, (size, (time or config.block_size) + 1))
    return ids[:, :-1], ids[:, 1:]


def with_dtype(config, dtype):
    return MicroConfig(*config.sizes, dtype=dtype, seed=config.seed, init_std=config.init_std)


def test_loss_is_what_plain_numpy_computes():
    for size, time, micro_batches in [(1, 1, None), (1, 6, None), (3, 4, 2), (9, 6, 4), (9, 6, 20), (9, 6, None)]:
        model = MicroGPT(TINY, micro_batches=micro_batches)
        ids, targets = batch(TINY, size, time)
        assert model.loss(ids, targets) == pytest.approx(oracle.loss(model.parameters, TINY, ids, targets), rel=1e-12)


def test_gradient_of_the_whole_model_is_the_central_difference():
    model = MicroGPT(TINY, micro_batches=3)
    ids, targets = batch(TINY, 5)
    gradients = model.gradients(ids, targets)
    step = 1e-5
    for name, weights in model.parameters.items():
        for at in list(np.ndindex(weights.shape))[:: max(1, weights.size // 12)]:
            kept = weights[at]
            weights[at] = kept + step
            above = model.loss(ids, targets)
            weights[at] = kept - step
            below = model.loss(ids, targets)
            weights[at] = kept
            assert gradients[name][at] == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-8), (
                name,
                at,
            )


def test_float32_follows_float64():
    exact, fast = MicroGPT(TINY), MicroGPT(with_dtype(TINY, "float32"))
    for seed in range(20):
        a = exact.train_step(*batch(TINY, 4, seed=seed), lr=1e-3)
        b = fast.train_step(*batch(TINY, 4, seed=seed), lr=1e-3)
        assert a == pytest.approx(b, rel=1e-4)


def test_adam_is_the_textbooks():
    model = MicroGPT(TINY, adam=Adam(0.9, 0.95, 1e-6, 0.1))
    ids, targets = batch(TINY, 2)
    m = v = 0.0
    for t in range(1, 4):
        weights = model.parameters["wte"].copy()
        g = model.gradients(ids, targets)["wte"]
        m, v = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g * g
        model.train_step(ids, targets, lr=0.01)
        move = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-6)
        expected = weights - 0.01 * (move + 0.1 * weights)
        np.testing.assert_allclose(model.parameters["wte"], expected, rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_number_of_threads_changes_nothing(dtype):
    config = MicroConfig(50, 2, 2, 32, 16, dtype=dtype)
    models = [MicroGPT(config, threads=threads, micro_batches=4) for threads in (1, 2, 3)]
    for size in (1, 3, 7, 12):
        losses = {model.train_step(*batch(config, size), lr=0.01) for model in models}
        assert len(losses) == 1
    for model in models[1:]:
        np.testing.assert_array_equal(model._flat, models[0]._flat)


def test_training_asks_for_no_memory():
    config = MicroConfig(50, 2, 2, 32, 16)
    model = MicroGPT(config, threads=2, micro_batches=3)
    assert model.reserve(6) > 0
    batches = [batch(config, 6, seed=seed) for seed in range(3)]
    for ids, targets in batches:  # whatever Python itself sets up on first use
        model.train_step(ids, targets, 0.01)
    blocks = allocations()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for ids, targets in batches * 10:
        model.train_step(ids, targets, 0.01)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert allocations() == blocks
    assert grown < 10_000  # less than one gradient of the smallest matrix: nothing of the batch stays behind
    model.train_step(*batch(config, 2, 5), 0.01)  # a smaller batch fits the same arena
    assert allocations() == blocks


def test_an_arena_that_is_too_small_is_refused_before_training():
    model = MicroGPT(TINY, arena_bytes=100_000)
    needed = MicroGPT(TINY).reserve(4)
    with pytest.raises(MemoryError, match=f"batch of 4 x 6 tokens needs an arena of {needed:,} bytes"):
        model.reserve(4)
    before = model._flat.copy()
    with pytest.raises(MemoryError, match="100,000"):
        model.train_step(*batch(TINY, 4), lr=0.1)
    np.testing.assert_array_equal(model._flat, before)
    assert model.step == 0
    assert MicroGPT(TINY, arena_bytes=needed).train_step(*batch(TINY, 4), lr=0.01) > 0


def test_it_learns_a_line_by_heart():
    config = MicroConfig(20, 1, 2, 32, 8)
    model = MicroGPT(config)
    line = np.random.default_rng(3).permutation(20)
    ids = np.stack([line[i : i + 9] for i in range(12)])
    for step in range(150):
        loss = model.train_step(ids[:, :-1], ids[:, 1:], 0.01 * (1 - step / 150))
    assert loss < 0.6  # the first token of a window cannot be known from nothing
    assert list(model.generate(line[:3].tolist(), 5, temperature=0)) == line[3:8].tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_cache_changes_nothing(dtype):
    config = with_dtype(TINY, dtype)
    model = MicroGPT(config)
    for prompt in ([1], [1, 2, 3], list(range(6)), list(range(11)) * 2):
        made = list(model.generate(prompt, 20, temperature=1.0, seed=5))
        rng, expected, context = random.Random(5), [], prompt[-6:]
        for _ in range(20):  # the same without a cache: the whole context through the whole model for every token
            if len(context) > 6:
                context = context[-3:]
            logits = oracle.logits(model.parameters, config, np.array(context))[-1]
            expected.append(Sampling(1.0, None, None).choose(logits.astype(np.float64), rng))
            context = [*context, expected[-1]]
        assert made == expected


def test_generation_follows_its_settings():
    model = MicroGPT(TINY)
    free = list(model.generate([1], 30, temperature=2.0, seed=1))
    assert free == list(model.generate([1], 30, temperature=2.0, seed=1))
    assert free != list(model.generate([1], 30, temperature=2.0, seed=2))
    likeliest = list(model.generate([1], 30, temperature=0))
    assert likeliest == list(model.generate([1], 30, temperature=2.0, top_k=1, seed=1))
    assert likeliest == list(model.generate([1], 30, temperature=2.0, top_p=1e-9, seed=1))
    assert free == list(model.generate([1], 30, temperature=2.0, top_k=99, top_p=1.0, seed=1))
    assert list(model.generate([1], 30, temperature=2.0, seed=1, stop={free[4]})) == free[: free.index(free[4])]
    assert list(model.generate([1], 0)) == []
    assert len(list(MicroGPT(MicroConfig(5, 1, 1, 4, 1)).generate([1, 2], 4))) == 4  # a context of one token


def test_top_k_and_top_p_keep_the_likeliest():
    logits = np.log(np.array([0.1, 0.4, 0.2, 0.3]))
    rng = random.Random(0)
    assert {Sampling(1.0, 2, None).choose(logits, rng) for _ in range(100)} == {1, 3}
    assert {Sampling(1.0, None, 0.71).choose(logits, rng) for _ in range(200)} == {1, 2, 3}
    assert {Sampling(1.0, None, None).choose(logits, rng) for _ in range(300)} == {0, 1, 2, 3}


def test_gaussians_are_pythons_own_and_move_the_stream_on():
    for spare, n in [(False, 7), (True, 7), (True, 1), (False, 8)]:
        ours, theirs = random.Random(9), random.Random(9)
        if spare:
            ours.gauss(0, 1), theirs.gauss(0, 1)
        assert gaussians(ours, n, 0.3).tolist() == [theirs.gauss(0, 1) * 0.3 for _ in range(n)]
        assert ours.getstate() == theirs.getstate()


def test_bad_batches_are_refused():
    model = MicroGPT(TINY)
    ids, targets = batch(TINY, 2)
    for bad_ids, bad_targets, message in [
        (ids + 5, targets, r"is not one of 0\.\.10"),
        (ids, targets - 11, "is not one of"),
        (ids, targets[:1], "must both be"),
        (ids[0], targets[0], r"\[batch, time\]"),
        (ids[:0], targets[:0], "not empty"),
        (np.zeros((1, 7), int), np.zeros((1, 7), int), r"time must lie in 1\.\.6"),
        (ids.astype(float), targets, "integers"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.train_step(bad_ids, bad_targets, 0.1)
    assert model.step == 0
    for shape in ((0, 6), (-1, 6), (2, 0), (2, 7)):
        with pytest.raises(ValueError, match=r"time lies in 1\.\.6"):
            model.reserve(*shape)
    with pytest.raises(ValueError, match="empty"):
        model.generate([], 5)
    for settings in (
        {"temperature": -1},
        {"temperature": float("nan")},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.1},
    ):
        with pytest.raises(ValueError, match="it must"):
            model.generate([1], 5, **settings)
    with pytest.raises(ValueError, match="id 11"):
        model.generate([11], 5)


def test_bad_configurations_are_refused():
    for wrong in (
        {"n_vocab": 0},
        {"n_vocab": 10.0},
        {"n_layer": 0},
        {"n_embd": 30, "n_head": 4},
        {"block_size": -1},
        {"dtype": "float16"},
        {"seed": "x"},
        {"init_std": -1.0},
        {"n_layer": True},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            MicroConfig(**{"n_vocab": 10, **wrong})
    with pytest.raises(ValueError, match="betas"):
        Adam(beta1=1.0)
    with pytest.raises(ValueError, match="micro_batches"):
        MicroGPT(TINY, micro_batches=2000)


@pytest.mark.parametrize("module", [model_module, autograd])
def test_the_examples_in_the_docs_hold(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_an_error_in_any_thread_is_raised():
    done = []

    def work(i):
        if i == 3:
            raise IndexError(i)
        done.append(i)

    for threads in (1, 2, 9):
        with pytest.raises(IndexError):
            on_threads(work, 6, threads)
    done.clear()
    on_threads(done.append, 6, 3)
    assert sorted(done) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("lr", [float("nan"), float("inf"), -1e-9])
def test_a_rate_that_cannot_be_changes_nothing(lr):
    model = MicroGPT(TINY)
    before = model.parameters["wte"].copy()
    with pytest.raises(ValueError, match="lr is"):
        model.train_step(*batch(TINY, 2), lr=lr)
    with pytest.raises(ValueError, match="lr is"):
        model.train_documents([[1, 2, 3]], steps=1, lr=lr)
    assert model.step == 0
    np.testing.assert_array_equal(model.parameters["wte"], before)


def test_threads_and_pieces_that_cannot_be():
    for threads in (0, -1):
        with pytest.raises(ValueError, match=f"threads is {threads}"):
            MicroGPT(TINY, threads=threads)
    model = MicroGPT(TINY)
    with pytest.raises(ValueError, match="threads is 0"):
        model.threads = 0
    for micro_batches in (-1, 1025, 2**70):
        with pytest.raises(ValueError, match=f"micro_batches is {micro_batches}"):
            MicroGPT(TINY, micro_batches=micro_batches)


@pytest.mark.parametrize("id_", [2**63, 2**70, -(2**70)])
def test_ids_beyond_64_bits_are_a_value_error(id_):
    model = MicroGPT(TINY)
    for ids in ([[id_]], np.array([[1]], object) * id_):
        with pytest.raises(ValueError, match="id"):
            model.loss(ids, [[1]])
        with pytest.raises(ValueError, match="id"):
            model.train_step([[1]], ids, 0.01)
    with pytest.raises(ValueError, match="id"):
        model.train_documents([[1, id_, 2]], steps=1, lr=0.01)
    with pytest.raises(ValueError, match="id"):
        next(model.generate([id_], 1))
    assert model.step == 0
