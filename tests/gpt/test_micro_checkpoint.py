import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from pybpe.errors import FormatError
from pybpe.gpt.micro import Adam, MicroConfig, MicroGPT

CONFIG = MicroConfig(13, 1, 2, 8, 4, seed=3)
IDS, TARGETS = np.arange(8).reshape(2, 4), np.arange(1, 9).reshape(2, 4)


@pytest.fixture
def trained():
    model = MicroGPT(CONFIG, adam=Adam(0.8, 0.9))
    for _ in range(3):
        model.train_step(IDS, TARGETS, 0.01)
    return model


def test_a_loaded_model_continues_digit_for_digit(trained, tmp_path):
    trained.save(tmp_path / "a.safetensors", {"tokenizer": "abc"})
    again = MicroGPT.load(tmp_path / "a.safetensors", threads=2)
    assert (again.config, again.adam, again.step, again.metadata) == (
        CONFIG,
        Adam(0.8, 0.9),
        3,
        {"tokenizer": "abc"},
    )
    ours = [trained.train_step(IDS, TARGETS, 0.01) for _ in range(3)]
    assert [again.train_step(IDS, TARGETS, 0.01) for _ in range(3)] == ours
    assert list(again.generate([1], 9, seed=1)) == list(trained.generate([1], 9, seed=1))


def test_without_the_optimizer_only_weights_are_kept(trained, tmp_path):
    path = tmp_path / "a.safetensors"
    trained.save(path, optimizer=False)
    assert set(load_file(path)) == set(CONFIG.shapes())
    again = MicroGPT.load(path)
    assert again.step == 0
    assert again.loss(IDS, TARGETS) == trained.loss(IDS, TARGETS)


def test_saving_replaces_whole_files_and_leaves_nothing_behind(trained, tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    trained.save(path)
    before = path.read_bytes()
    trained.train_step(IDS, TARGETS, 0.1)

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        trained.save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.safetensors"]


def test_metadata_must_be_strings_of_its_own(trained, tmp_path):
    for wrong in ({"pybpe.config": "x"}, {"a": 1}):
        with pytest.raises(ValueError, match="metadata"):
            trained.save(tmp_path / "a", wrong)
    assert not list(tmp_path.iterdir())


def rewritten(path, **changes):
    """The file again with another header; a change to None removes the key."""
    with safe_open(path, framework="numpy") as file:
        header = {**file.metadata(), **{f"pybpe.{key}": value for key, value in changes.items()}}
    save_file(load_file(path), path, {key: value for key, value in header.items() if value is not None})


def config_with(**changes):
    from dataclasses import asdict

    return json.dumps({**asdict(CONFIG), **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"},
        {"format": None},
        {"config": None},
        {"config": "{"},
        {"config": "[1]"},
        {"config": config_with(n_vocab=14)},
        {"config": config_with(n_layer=2)},
        {"config": config_with(n_embd=1 << 13)},  # would be gigabytes: the shapes are compared before allocating
        {"config": config_with(n_embd=-8)},
        {"config": config_with(dtype="float64")},
        {"config": config_with(colour="red")},
        {"adam": '{"beta1": 2}'},
        {"adam": "null"},
        {"step": "many"},
        {"step": None},
        {"step": "-1"},
        {"step": str(10**23)},
        {"step": str(2**53 + 1)},
    ],
)
def test_a_header_that_lies_is_one_clear_error(trained, tmp_path, changes):
    path = tmp_path / "a.safetensors"
    trained.save(path)
    rewritten(path, **changes)
    with pytest.raises(FormatError, match=r"a\.safetensors|tensor"):
        MicroGPT.load(path)


def test_the_largest_step_is_loaded(trained, tmp_path):
    trained.save(tmp_path / "a.safetensors")
    rewritten(tmp_path / "a.safetensors", step=str(2**53))
    assert MicroGPT.load(tmp_path / "a.safetensors").step == 2**53


def test_damaged_and_foreign_files_are_one_clear_error(trained, tmp_path):
    path = tmp_path / "a.safetensors"
    trained.save(path)
    whole = path.read_bytes()
    for size in (0, 4, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError):
            MicroGPT.load(path)
    path.write_bytes(b"\xff" * 500)
    with pytest.raises(FormatError):
        MicroGPT.load(path)
    save_file({"x": np.zeros(3)}, path)
    with pytest.raises(FormatError, match="not a micro GPT"):
        MicroGPT.load(path)
    with pytest.raises(FileNotFoundError):
        MicroGPT.load(tmp_path / "none")
