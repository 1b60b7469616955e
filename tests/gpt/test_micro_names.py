"""microgpt.py, step for step: a plain-Python restatement here, Karpathy's own output where it is at hand."""

import json
import random
import signal
from pathlib import Path

import numpy as np
import pytest

from pybpe.gpt.micro import Adam, MicroConfig, MicroGPT
from pybpe.gpt.micro_names import main, read_documents, reproduce

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
NAMES = ["ada", "grace", "edsger", "alan", "barbara", "donald", "frances", "kathleen", "ken", "dennis"]


def test_the_loop_in_one_call_is_a_step_at_a_time():
    run = reproduce(NAMES, steps=25)
    rng = random.Random(42)
    documents = list(NAMES)
    rng.shuffle(documents)
    letters = sorted(set("".join(NAMES)))
    model = MicroGPT(MicroConfig(len(letters) + 1, 1, 4, 16, 16, "float64", init_std=0.08), rng=rng)
    for step, loss in enumerate(run.losses):
        document = documents[step % len(documents)]
        ids = [len(letters), *map(letters.index, document), len(letters)][:17]
        assert model.train_step([ids[:-1]], [ids[1:]], 0.01 * (1 - step / 25)) == pytest.approx(
            loss, rel=1e-12
        )


def test_documents_longer_than_the_context_are_cut():
    losses = reproduce(["abcdefghijklmnopqrstuvwxyz"], steps=3).losses
    assert np.isfinite(losses).all()
    assert losses[2] < losses[0]


def test_after_documents_the_model_trains_on_batches_as_any_other():
    model = MicroGPT(MicroConfig(5, 1, 1, 8, 4), adam=Adam())
    model.train_documents([[0, 1, 2], [0, 3, 2, 1, 4]], 10, 0.01)
    assert model.step == 10
    assert model.train_step([[1, 2, 3, 4]], [[2, 3, 4, 0]], 0.01) > 0
    with pytest.raises(ValueError, match="has not been trained"):
        model.train_documents([[0, 1]], 1, 0.1)
    with pytest.raises(ValueError, match="steps is 0"):
        MicroGPT(model.config).train_documents([[0, 1]], 0, 0.1)
    with pytest.raises(ValueError, match="two ids"):
        MicroGPT(model.config).train_documents([[0]], 1, 0.1)
    with pytest.raises(ValueError, match="id 9"):
        MicroGPT(model.config).train_documents([[0, 9]], 1, 0.1)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers on this system")
def test_ctrl_c_ends_the_one_long_call():
    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    model = MicroGPT(MicroConfig(5, 1, 1, 8, 4))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            model.train_documents([[0, 1, 2, 3]], 3_000_000, 1e-4)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert 0 <= model.loss([[0, 1, 2]], [[1, 2, 3]]) < 2  # still a model, and it has learned


def test_the_command(tmp_path, capsys):
    path = tmp_path / "names.txt"
    path.write_text("\n".join(NAMES) + "\n\n", encoding="utf-8")
    main([str(path), "--steps", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "num docs: 10"
    assert lines[1].startswith("step    1 /    2 | loss ")
    assert len(lines) == 1 + 2 + 20
    with pytest.raises(SystemExit) as exit_:
        main([str(tmp_path / "none.txt")])
    assert exit_.value.code == 2


@pytest.mark.skipif(not (DATA / "microgpt_seed42.json").exists(), reason="../shared/data is not here")
def test_seed_42_gives_karpathys_losses_and_names():
    expected = json.loads((DATA / "microgpt_seed42.json").read_text())
    run = reproduce(read_documents(DATA / "names.txt"))
    np.testing.assert_allclose(run.losses, expected["losses"], rtol=1e-6)
    assert run.samples == expected["samples"]
