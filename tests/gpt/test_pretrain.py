import math
import signal
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe.errors import TrainingError
from pybpe.gpt.micro import MicroConfig, MicroGPT
from pybpe.gpt.pretrain import evaluate, learning_rate, pretrain, pretrain_documents, unigram_entropy

CONFIG = MicroConfig(16, 1, 2, 16, 8)
IDS = np.tile(np.random.default_rng(0).permutation(16), 30).astype(np.uint16)


def test_it_learns_and_keeps_a_log():
    steps = []
    model = MicroGPT(CONFIG)
    settings = {"steps": 60, "batch_size": 4, "lr": 0.01, "seed": 1, "threads": 1, "eval_every": 25}
    log = pretrain(model, IDS, IDS[:100], **settings, on_step=steps.append)
    assert len(log.losses) == len(steps) == model.step == 60
    assert [step for step, _ in log.val_losses] == [25, 50, 60]
    assert log.val_losses[-1][1] < log.losses[0] / 2 < unigram_entropy(IDS, 16)
    assert [step.val_loss for step in steps if step.val_loss] == [loss for _, loss in log.val_losses[:-1]]
    assert (log.tokens, log.stopped) == (60 * 4 * 8, "steps")
    assert log.tokens_per_second > 0
    assert steps[30].lr == pytest.approx(0.005)


def test_threads_and_loading_change_nothing(tmp_path):
    settings = {"steps": 10, "batch_size": 5, "lr": 0.01, "seed": 1, "schedule": "cosine", "warmup": 0.3}
    whole, halves = MicroGPT(CONFIG), MicroGPT(CONFIG)
    expected = pretrain(whole, IDS, IDS, threads=2, **settings)

    def stop(step):
        if step.step == 6:
            signal.raise_signal(signal.SIGINT)

    first = pretrain(halves, IDS, IDS, threads=1, **settings, on_step=stop)
    assert first.stopped == "interrupt"
    halves.save(tmp_path / "half")
    steps = []
    second = pretrain(MicroGPT.load(tmp_path / "half"), IDS, IDS, **settings, on_step=steps.append)
    assert first.losses + second.losses == expected.losses
    assert second.val_losses == expected.val_losses
    assert [step.step for step in steps] == [7, 8, 9, 10]


def test_documents_are_taken_as_the_model_takes_them():
    documents = [[0, 1, 2, 0], [0, 3, 0], [0, *range(1, 12), 0]]
    config = MicroConfig(13, 1, 2, 16, 8, "float64")
    expected = MicroGPT(config).train_documents(documents, 130, 0.01).tolist()
    steps = []
    model = MicroGPT(config)
    log = pretrain_documents(model, documents, steps=130, lr=0.01, on_step=steps.append)
    assert log.losses == expected == [step.loss for step in steps]
    assert log.tokens == sum((3, 2, 8)[step % 3] for step in range(130))
    assert (steps[64].lr, steps[-1].progress) == (pytest.approx(0.01 * (1 - 64 / 130)), 1.0)

    def stop(step):
        if step.step == 60:
            signal.raise_signal(signal.SIGINT)

    halves = MicroGPT(config)
    first = pretrain_documents(halves, documents, steps=130, lr=0.01, on_step=stop)
    assert (first.stopped, halves.step) == ("interrupt", 100)
    assert first.losses + pretrain_documents(halves, documents, steps=130, lr=0.01).losses == expected
    with pytest.raises(TrainingError, match="no documents"):
        pretrain_documents(halves, [], steps=130, lr=0.01)
    with pytest.raises(TrainingError, match="lower lr"):
        pretrain_documents(MicroGPT(config), documents, steps=130, lr=1e200)


def test_memory_mapped_shards_of_either_width_will_do(tmp_path):
    settings = {"steps": 3, "batch_size": 2, "lr": 0.01, "seed": 1}
    expected = pretrain(MicroGPT(CONFIG), IDS, IDS, **settings).losses
    for dtype in (np.uint16, np.uint32):
        IDS.astype(dtype).tofile(tmp_path / "ids.bin")
        mapped = np.memmap(tmp_path / "ids.bin", dtype, "r")
        assert pretrain(MicroGPT(CONFIG), mapped, mapped, **settings).losses == expected


def test_time_runs_out():
    log = pretrain(MicroGPT(CONFIG), IDS, IDS, steps=10**9, batch_size=2, lr=0.01, seed=1, time_limit=0.1)
    assert log.stopped == "seconds"
    assert 0 < len(log.losses) < 10**9


def test_ctrl_c_keeps_what_was_learned():
    before = signal.getsignal(signal.SIGINT)
    model = MicroGPT(CONFIG)

    def press(step):
        if step.step == 5:
            signal.raise_signal(signal.SIGINT)

    log = pretrain(model, IDS, IDS, steps=50, batch_size=2, lr=0.01, seed=1, on_step=press)
    assert (log.stopped, model.step, len(log.losses)) == ("interrupt", 5, 5)
    assert signal.getsignal(signal.SIGINT) is before

    def press_twice(step):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        pretrain(model, IDS, IDS, steps=50, batch_size=2, lr=0.01, seed=1, on_step=press_twice)
    assert signal.getsignal(signal.SIGINT) is before


def test_evaluation_takes_every_window_of_a_short_text_once():
    model = MicroGPT(MicroConfig(16, 1, 2, 16, 8, dtype="float64"))
    windows = np.stack([IDS[at : at + 9] for at in (0, 8, 16)]).astype(int)
    expected = model.loss(windows[:, :-1], windows[:, 1:])
    assert evaluate(model, IDS[:25], batch_size=2, windows=64) == pytest.approx(expected, rel=1e-12)
    assert evaluate(model, IDS[:9], batch_size=2, windows=64) == model.loss(windows[:1, :-1], windows[:1, 1:])


class Counts:
    """A model whose loss is the mean of its targets, and which notes each place that it was asked about."""

    def __init__(self, block_size):
        self.config = SimpleNamespace(block_size=block_size)
        self.asked = []

    def loss(self, ids, targets):
        assert ids.shape == targets.shape
        assert ids.shape[1] <= self.config.block_size
        assert np.array_equal(ids + 1, targets)
        self.asked += targets.ravel().tolist()
        return float(targets.mean())


@given(st.integers(2, 200), st.integers(1, 30), st.integers(1, 7))
def test_every_prediction_is_measured_once(n, block_size, batch_size):
    """To the last id, whatever is left over behind whole windows."""
    model = Counts(block_size)
    loss = evaluate(model, np.arange(n), batch_size, windows=1 << 40)
    assert sorted(model.asked) == list(range(1, n))
    assert loss == pytest.approx(np.arange(1, n).mean())


@given(st.integers(10, 200), st.integers(1, 9), st.integers(1, 20))
def test_some_windows_do_not_overlap(n, block_size, windows):
    model = Counts(block_size)
    loss = evaluate(model, np.arange(n), 4, windows)
    assert len(set(model.asked)) == len(model.asked) == min(n - 1, windows * block_size)
    assert loss == pytest.approx(np.mean(model.asked))


def test_schedules():
    assert learning_rate(2.0, 0.25, "linear", 0.0) == 1.5
    assert learning_rate(2.0, 0.5, "cosine", 0.0) == pytest.approx(1.0)
    assert learning_rate(2.0, 0.9, "constant", 0.0) == 2.0
    assert learning_rate(2.0, 1.0, "cosine", 0.0, 0.1) == pytest.approx(0.2)
    assert learning_rate(2.0, 0.6, "warmdown", 0.0) == pytest.approx(2.0)
    assert learning_rate(2.0, 0.8, "warmdown", 0.0) == pytest.approx(1.0)
    rising = [learning_rate(2.0, done, "linear", 0.2) for done in (0.0, 0.1, 0.2)]
    assert 0 < rising[0] < rising[1] < rising[2] == 2.0


def test_unigram_entropy():
    assert unigram_entropy(np.array([0, 1, 2, 3] * 5, np.uint16), 10) == pytest.approx(math.log(4))
    assert unigram_entropy(np.array([7, 7]), 8) == 0
    with pytest.raises(ValueError, match="id 7"):
        unigram_entropy(np.array([7]), 7)
    with pytest.raises(ValueError, match="no ids"):
        unigram_entropy(np.array([], np.uint16), 7)


@pytest.mark.parametrize(
    ("ids", "changes", "message"),
    [
        (IDS[:8], {}, "holds 8 tokens, and a window of 8 needs at least 9"),
        (IDS.astype(float), {}, "1-D integer"),
        (IDS.reshape(2, -1), {}, "1-D integer"),
        (IDS, {"steps": 0}, "at least 1"),
        (IDS, {"schedule": "steps"}, "linear, cosine, constant"),
        (IDS, {"warmup": 1.0}, "warmup"),
        (IDS, {"lr": math.nan}, "lr is nan"),
        (IDS, {"lr": math.inf}, "lr is inf"),
        (IDS, {"lr": -0.01}, "lr is -0.01"),
        (IDS, {"threads": 0}, "threads is 0"),
        (IDS, {"threads": -1}, "threads is -1"),
    ],
)
def test_bad_settings_are_refused(ids, changes, message):
    settings = {"steps": 1, "batch_size": 1, "lr": 0.01, "seed": 0, **changes}
    with pytest.raises(TrainingError, match=message):
        pretrain(MicroGPT(CONFIG), ids, None, **settings)


def test_a_lost_model_is_an_error_and_not_a_log_of_nan():
    with pytest.raises(TrainingError, match="lower lr"):
        pretrain(MicroGPT(CONFIG), IDS, None, steps=30, batch_size=2, lr=1e30, seed=0)


def test_the_shortest_corpus_is_enough():
    assert len(pretrain(MicroGPT(CONFIG), IDS[:9], IDS[:9], steps=2, batch_size=1, lr=0.01, seed=0).losses) == 2
