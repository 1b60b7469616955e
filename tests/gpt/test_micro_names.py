"""microgpt.py, step for step: a plain-Python restatement here, Karpathy's own output where it is at hand."""

import json
import os
import random
import signal
from pathlib import Path

import numpy as np
import pytest

from pybpe.gpt.micro import Adam, MicroConfig, MicroGPT
from pybpe.gpt.micro.names import main, read_documents, reproduce

from . import restatement

DATA = Path(os.environ.get("PYBPE_SHARED", Path(__file__).parents[2] / ".." / "shared")) / "data"
NAMES = ["ada", "grace", "edsger", "alan", "barbara", "donald", "frances", "kathleen", "ken", "dennis"]


@pytest.mark.parametrize(
    ("seed", "n_layer", "n_head", "n_embd", "block_size"),
    [(42, 1, 4, 16, 16), (7, 1, 2, 8, 5), (1, 2, 2, 8, 16), (2, 3, 1, 4, 6), (3, 2, 3, 12, 8)],
)
def test_losses_and_names_are_those_of_plain_python(seed, n_layer, n_head, n_embd, block_size):
    sizes = {"n_layer": n_layer, "n_head": n_head, "n_embd": n_embd, "block_size": block_size}
    steps = 12 if n_layer < 3 else 8
    losses, samples = restatement.run(NAMES, steps, seed, 3, **sizes)
    run = reproduce(NAMES, steps=steps, seed=seed, **sizes)
    np.testing.assert_allclose(run.losses, losses, rtol=1e-9)
    assert [f"{loss:.4f}" for loss in run.losses] == [f"{loss:.4f}" for loss in losses]
    assert run.samples[:3] == samples


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
        assert model.train_step([ids[:-1]], [ids[1:]], 0.01 * (1 - step / 25)) == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("cuts", [[7, 8, 25], [1, 2, 3, 24, 25]])
def test_a_run_in_parts_is_the_whole_run(cuts, tmp_path):
    documents = [[4, *ids, 4] for ids in ([0, 1, 2], [3, 2], [1], [0, 3, 1, 2, 2])]
    whole = MicroGPT(MicroConfig(5, 1, 1, 8, 4, "float64"))
    expected = whole.train_documents(documents, 25, 0.01).tolist()
    losses = []
    model = MicroGPT(whole.config)
    for until in cuts:
        losses += model.train_documents(documents, 25, 0.01, until=until).tolist()
        model.save(tmp_path / "model.safetensors")
        model = MicroGPT.load(tmp_path / "model.safetensors")
    assert losses == expected
    np.testing.assert_array_equal(model._flat, whole._flat)
    with pytest.raises(ValueError, match="cannot go on to 26"):
        model.train_documents(documents, 25, 0.01, until=26)


def test_documents_longer_than_the_context_are_cut():
    losses = reproduce(["abcdefghijklmnopqrstuvwxyz"], steps=3).losses
    assert np.isfinite(losses).all()
    assert losses[2] < losses[0]


def test_after_documents_the_model_trains_on_batches_as_any_other():
    model = MicroGPT(MicroConfig(5, 1, 1, 8, 4), adam=Adam())
    model.train_documents([[0, 1, 2], [0, 3, 2, 1, 4]], 10, 0.01)
    assert model.step == 10
    assert model.train_step([[1, 2, 3, 4]], [[2, 3, 4, 0]], 0.01) > 0
    with pytest.raises(ValueError, match="has taken 11 of 1 steps"):
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
    assert lines[1:3] == ["vocab size: 17", "num params: 3872"]
    assert lines[3].startswith("step    1 /    2 | loss ")
    assert lines[5:7] == ["", "--- inference (new, hallucinated names) ---"]
    assert lines[7].startswith("sample  1: ")
    assert len(lines) == 3 + 2 + 2 + 20
    with pytest.raises(SystemExit) as exit_:
        main([str(tmp_path / "none.txt")])
    assert exit_.value.code == 2


@pytest.mark.skipif(
    not (DATA / "microgpt_seed42.json").exists(), reason="no ../shared/data, and PYBPE_SHARED names no other"
)
def test_seed_42_gives_karpathys_losses_and_names():
    expected = json.loads((DATA / "microgpt_seed42.json").read_text(encoding="utf-8"))
    run = reproduce(read_documents(DATA / "names.txt"))
    np.testing.assert_allclose(run.losses, expected["losses"], rtol=1e-6)
    assert [f"{loss:.4f}" for loss in run.losses] == [f"{loss:.4f}" for loss in expected["losses"]]
    assert run.samples == expected["samples"]
