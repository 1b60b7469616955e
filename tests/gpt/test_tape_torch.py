"""Every operation, and the whole model, against torch: values and gradients, in both types."""

import numpy as np
import pytest

from pybpe.gpt.autograd import Tape
from pybpe.gpt.micro import MicroConfig, MicroGPT

from .test_tape import IDS, operations

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
functional = pytest.importorskip("torch.nn.functional")


def rmsnorm(x):
    return x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt()


def attention(q, k, v, time, heads):
    bands = [x.view(-1, time, heads, x.shape[1] // heads).transpose(1, 2) for x in (q, k, v)]
    mixed = functional.scaled_dot_product_attention(*bands, is_causal=True)
    return mixed.transpose(1, 2).reshape(q.shape)


THEIRS = {
    "embed": lambda wte, wpe: functional.embedding(torch.tensor(IDS), wte) + wpe.repeat(2, 1),
    "rmsnorm": rmsnorm,
    "linear": functional.linear,
    "linear of one row": functional.linear,
    "attention": lambda q, k, v: attention(q, k, v, 5, 2),
    "attention in blocks": lambda q, k, v: attention(q, k, v, 70, 1),
    "add": lambda a, b: a + b,
    "add to itself": lambda a: a + a,
    "relu": torch.relu,
    "cross-entropy": lambda x: functional.cross_entropy(x, torch.tensor(IDS)).view(1, 1),
}


def test_no_operation_is_left_out():
    assert THEIRS.keys() == operations().keys()


@pytest.mark.parametrize("name", operations())
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-5), ("float64", 1e-12)])
def test_values_and_gradients_are_torchs(name, dtype, tolerance):
    shapes, record, _ = operations()[name]
    rng = np.random.default_rng(9)
    inputs = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    tape = Tape(dtype)
    leaves = [tape.leaf(x) for x in inputs]
    out = record(tape, *leaves)
    seed = rng.standard_normal(out.shape).astype(dtype)
    tape.forward()
    tape.backward(out, seed)

    theirs = [torch.tensor(x, requires_grad=True) for x in inputs]
    expected = THEIRS[name](*theirs)
    expected.backward(torch.tensor(seed))
    np.testing.assert_allclose(out.value, expected.detach().numpy(), rtol=tolerance, atol=tolerance)
    for leaf, tensor in zip(leaves, theirs, strict=True):
        np.testing.assert_allclose(leaf.grad, tensor.grad.numpy(), rtol=tolerance, atol=tolerance)


def loss_of(weights, config, ids, targets):
    x = rmsnorm(weights["wte"][ids] + weights["wpe"][: ids.shape[1]]).view(-1, config.n_embd)
    for i in range(config.n_layer):
        before = rmsnorm(x)
        q, k, v = (functional.linear(before, weights[f"layer{i}.attn_w{name}"]) for name in "qkv")
        mixed = attention(q, k, v, ids.shape[1], config.n_head)
        x = x + functional.linear(mixed, weights[f"layer{i}.attn_wo"])
        hidden = torch.relu(functional.linear(rmsnorm(x), weights[f"layer{i}.mlp_fc1"]))
        x = x + functional.linear(hidden, weights[f"layer{i}.mlp_fc2"])
    return functional.cross_entropy(functional.linear(x, weights["lm_head"]), targets.reshape(-1))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-5), ("float64", 1e-11)])
def test_the_model_learns_as_with_torch_and_its_adam(dtype, tolerance):
    config = MicroConfig(60, 2, 4, 32, 40, dtype=dtype, init_std=0.1)
    model = MicroGPT(config, micro_batches=2)
    weights = {name: torch.tensor(array, requires_grad=True) for name, array in model.parameters.items()}
    adam = model.adam
    optimizer = torch.optim.AdamW(
        weights.values(), lr=1e-3, betas=(adam.beta1, adam.beta2), eps=adam.eps, weight_decay=0.0
    )
    rng = np.random.default_rng(1)
    for _ in range(4):
        windows = rng.integers(0, 60, (3, 41))
        ids, targets = windows[:, :-1], windows[:, 1:]
        optimizer.zero_grad()
        loss = loss_of(weights, config, torch.tensor(ids), torch.tensor(targets))
        loss.backward()
        for name, gradient in model.gradients(ids, targets).items():
            np.testing.assert_allclose(gradient, weights[name].grad.numpy(), rtol=tolerance, atol=tolerance)
        assert model.train_step(ids, targets, 1e-3) == pytest.approx(loss.item(), rel=tolerance)
        optimizer.step()
