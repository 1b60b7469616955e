"""The optimizers of the torch engine: who learns what, Muon's step written out, what a checkpoint keeps."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from pybpe.errors import FormatError  # noqa: E402
from pybpe.gpt.checkpoint import read_checkpoint  # noqa: E402
from pybpe.gpt.devices import ProcessGroup  # noqa: E402
from pybpe.gpt.model import FORMS, GPT, GPTConfig  # noqa: E402
from pybpe.gpt.optimizers import QUINTIC, ROUNDS, make_optimizers, orthogonal  # noqa: E402
from pybpe.gpt.pretrain import window_batch  # noqa: E402
from pybpe.gpt.runs.folder import Metrics, Run  # noqa: E402
from pybpe.gpt.runs.run import Watcher, resume_run, start_run  # noqa: E402
from pybpe.gpt.settings import Settings  # noqa: E402
from pybpe.gpt.train import Training  # noqa: E402
from pybpe.gpt.training_data import read_data  # noqa: E402

from .runs import Stop, files, small, write_text  # noqa: E402


def by_decomposition(matrix):
    """What `orthogonal` makes of a matrix, from its singular values, in float64."""
    left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    values = values / values.square().sum().sqrt().clamp(min=1e-12)
    first, third, fifth = QUINTIC
    for _ in range(ROUNDS):
        values = first * values + third * values**3 + fifth * values**5
    return left @ torch.diag(values) @ right


@pytest.mark.parametrize("shape", [(16, 16), (64, 16), (16, 64), (1, 8), (128, 96)])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e4])
def test_singular_values_become_about_1(shape, size):
    torch.manual_seed(1)
    matrices = torch.randn(3, *shape) * size
    made = orthogonal(matrices)
    values = torch.linalg.svdvals(made)
    bulk = torch.linalg.svdvals(matrices) > 0.05 * torch.linalg.matrix_norm(matrices)[:, None]
    assert bulk.any()
    assert float(values[bulk].min()) > 0.65
    assert float(values.max()) < 1.25
    for one, expected in zip(made, matrices, strict=True):
        torch.testing.assert_close(one.double(), by_decomposition(expected), rtol=0, atol=1e-4)


def test_a_matrix_of_zeros_stays_one():
    assert torch.equal(orthogonal(torch.zeros(2, 4, 3)), torch.zeros(2, 4, 3))


@pytest.mark.parametrize("form", FORMS)
def test_muon_learns_the_matrices_of_the_layers_and_adamw_the_rest(form):
    model = GPT(GPTConfig(n_vocab=20, n_layer=3, n_head=2, n_embd=8, block_size=4, **FORMS[form]))
    names = {id(weight): name for name, weight in model.named_parameters()}
    for optimizer in ("adamw", "muon"):
        settings = small(form=form, optimizer=optimizer, weight_decay=0.3)
        made = make_optimizers(model, settings)
        groups = [group for each in made for group in each.param_groups]
        taken = [names[id(weight)] for group in groups for weight in group["params"]]
        assert sorted(taken) == sorted(names.values())
        for group in groups:
            plain = all(weight.dim() < 2 for weight in group["params"])
            assert group["weight_decay"] == (0.0 if plain else 0.3)
        if optimizer == "muon":
            groups = made[1].param_groups
            kinds = [{names[id(weight)].split(".", 2)[2] for weight in group["params"]} for group in groups]
            assert kinds == [
                *({"attention.qkv.weight"}, {"attention.out.weight"}, {"mlp.up.weight"}, {"mlp.down.weight"})
            ]
            assert [(len(group["params"]), group["parts"]) for group in groups] == [(3, 3), (3, 1), (3, 1), (3, 1)]
            assert {group["peak"] for group in made[1].param_groups} == {settings.muon_lr}
        assert {group["peak"] for group in made[0].param_groups} == {settings.lr}


def test_a_step_of_muon_is_the_orthogonal_momentum(tmp_path):
    """Queries, keys and values are three matrices, whatever one tensor holds them; in float64."""
    text = write_text(tmp_path / "text.txt")
    settings = small(optimizer="muon", dtype="float64", clip=0.0, muon_lr=0.03, form="modern", init_std=0.3)
    data = read_data([text], None, lines=False, seed=settings.seed)
    run = Training(Run(settings, [], "", data.vocabulary.fingerprint), data, tmp_path, Metrics(), ProcessGroup())
    model = GPT(run.model.config).double()
    model.load_state_dict(run.model.state_dict())
    momenta = {}
    for step, share in enumerate((1.0, 0.5, 0.25)):
        loss = model(*(torch.from_numpy(part) for part in window_batch(data.train, 8, 4, [settings.seed, step])))
        model.zero_grad()
        loss.backward()
        run.train_step(run.batches(step), share)
        run.step += 1
        with torch.no_grad():
            for name, each in model.named_parameters():
                if not name.startswith("blocks."):
                    each.copy_(run.model.get_parameter(name))  # AdamW's: test_torch_train.py
                    continue
                momentum = 0.95 * momenta.get(name, torch.zeros_like(each)) + 0.05 * each.grad
                momenta[name] = momentum
                update = 0.05 * each.grad + 0.95 * momentum
                pieces = update.chunk(3) if "qkv" in name else [update]
                rows, columns = pieces[0].shape
                update = torch.cat([by_decomposition(piece) for piece in pieces])
                rate = 0.03 * share
                each.copy_(each * (1 - rate * settings.weight_decay) - rate * max(1, rows / columns) ** 0.5 * update)
    for name, each in run.model.named_parameters():
        torch.testing.assert_close(each, model.get_parameter(name), rtol=0, atol=1e-6)


@pytest.mark.parametrize("form", ["gpt2", "modern"])
def test_muon_goes_on_digit_for_digit(tmp_path, form):
    text = write_text(tmp_path / "text.txt")
    settings = small(optimizer="muon", form=form, dropout=0.1, accumulate=2)
    whole = start_run(tmp_path / "whole", settings, [text], None, Watcher(), 1)
    assert whole.metrics.val_losses[-1][1] < whole.metrics.val_losses[0][1] - 0.3
    start_run(tmp_path / "half", settings, [text], None, Stop(13), 1)
    kept = read_checkpoint(tmp_path / "half" / "model.safetensors").moments
    assert {kind: len(tensors) for kind, tensors in kept.items() if kind.startswith("muon")} == {"muon.m": 8}
    assert not set(kept["muon.m"]) & set(kept["adam.m"])
    resume_run(tmp_path / "half", Watcher(), 1)
    assert files(tmp_path / "half") == files(tmp_path / "whole")


def test_moments_of_another_optimizer_are_one_clear_error(tmp_path):
    text = write_text(tmp_path / "text.txt")
    start_run(tmp_path / "run", small(), [text], None, Stop(5), 1)
    path = tmp_path / "run" / "run.json"
    fields = json.loads(path.read_text(encoding="utf-8"))
    fields["settings"]["optimizer"] = "muon"
    path.write_text(json.dumps(fields), encoding="utf-8")
    with pytest.raises(FormatError, match="the optimizer that the settings name"):
        resume_run(tmp_path / "run", Watcher(), 1)


def test_moments_that_are_not_all_there_are_one_clear_error(tmp_path):
    start_run(tmp_path / "run", small(optimizer="muon", steps=1), [write_text(tmp_path / "a.txt")], None, Watcher(), 1)
    path = tmp_path / "run" / "model.safetensors"
    tensors = load_file(path)
    with safe_open(path, framework="numpy") as file:
        header = file.metadata()
    for name in ("muon.m.blocks.0.mlp.up.weight", "adam.v.wte.weight"):
        save_file({key: tensor for key, tensor in tensors.items() if key != name}, path, header)
        with pytest.raises(FormatError, match="missing"):
            read_checkpoint(path)
    save_file({**tensors, "adam.m.blocks.0.mlp.up.weight": np.zeros((64, 16), np.float32)}, path, header)
    with pytest.raises(FormatError, match="does not belong"):
        read_checkpoint(path)


def test_settings_of_muon_that_cannot_be():
    for changes, message in (
        ({"optimizer": "sgd"}, "optimizer is 'sgd'"),
        ({"optimizer": "muon", "dtype": "float16"}, "scaled gradients of float16"),
        ({"muon_lr": 0.1}, "add --optimizer muon"),
        ({"optimizer": "muon", "muon_lr": -1.0}, "muon_lr is -1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            small(**changes)
    with pytest.raises(ValueError, match="optimizer is for the torch engine"):
        Settings(optimizer="muon")
