"""Every operation's gradient against central differences, in float64."""

import numpy as np
import pytest

from pybpe.gpt.autograd import Tape
from pybpe.gpt.tape import allocations, checked_ids

from .oracle import attention, rmsnorm, softmax

IDS = [3, 0, 4, 4, 1, 2]


def operations():
    """name -> (shapes of the inputs, how to record it, what numpy computes)"""
    return {
        "embed": (
            [(5, 4), (3, 4)],
            lambda tape, wte, wpe: tape.embed(wte, wpe, IDS, 3),
            lambda wte, wpe: wte[IDS] + np.tile(wpe, (2, 1)),
        ),
        "rmsnorm": ([(4, 19)], lambda tape, x: tape.rmsnorm(x), rmsnorm),
        "linear": ([(7, 5), (3, 5)], lambda tape, x, w: tape.linear(x, w), lambda x, w: x @ w.T),
        "linear of one row": ([(1, 20), (9, 20)], lambda tape, x, w: tape.linear(x, w), lambda x, w: x @ w.T),
        "attention": (
            [(10, 6)] * 3,
            lambda tape, q, k, v: tape.attention(q, k, v, 5, 2),
            lambda q, k, v: np.vstack([attention(q[:5], k[:5], v[:5], 2), attention(q[5:], k[5:], v[5:], 2)]),
        ),
        "attention in blocks": (  # longer than ATTENTION_ROWS
            [(70, 2)] * 3,
            lambda tape, q, k, v: tape.attention(q, k, v, 70, 1),
            lambda q, k, v: attention(q, k, v, 1),
        ),
        "add": ([(3, 4), (3, 4)], lambda tape, a, b: tape.add(a, b), lambda a, b: a + b),
        "add to itself": ([(3, 4)], lambda tape, a: tape.add(a, a), lambda a: a + a),
        "relu": ([(3, 9)], lambda tape, x: tape.relu(x), lambda x: np.maximum(x, 0)),
        "cross-entropy": (
            [(6, 21)],
            lambda tape, x: tape.cross_entropy(x, IDS),
            lambda x: -np.log(softmax(x)[np.arange(6), IDS]).mean().reshape(1, 1),
        ),
    }


@pytest.mark.parametrize("name", operations())
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)])
def test_forward_is_what_numpy_computes(name, dtype, tolerance):
    shapes, record, compute = operations()[name]
    rng = np.random.default_rng(7)
    inputs = [rng.standard_normal(shape) for shape in shapes]
    tape = Tape(dtype)
    out = record(tape, *(tape.leaf(x) for x in inputs))
    tape.forward()
    np.testing.assert_allclose(out.value, compute(*inputs), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", operations())
def test_backward_is_the_central_difference(name):
    shapes, record, _ = operations()[name]
    rng = np.random.default_rng(8)
    inputs = [rng.standard_normal(shape) for shape in shapes]
    tape = Tape("float64")
    leaves = [tape.leaf(x) for x in inputs]
    out = record(tape, *leaves)
    seed = rng.standard_normal(out.shape)
    tape.forward()
    tape.backward(out, seed)
    gradients = [leaf.grad for leaf in leaves]

    def value_with(leaf, x):
        tape.assign(leaf, x)
        tape.forward()
        return float((out.value * seed).sum())

    step = 1e-6
    for leaf, x, gradient in zip(leaves, inputs, gradients, strict=True):
        expected = np.empty_like(x)
        for at in np.ndindex(x.shape):
            nudge = np.zeros_like(x)
            nudge[at] = step
            expected[at] = (value_with(leaf, x + nudge) - value_with(leaf, x - nudge)) / (2 * step)
        tape.assign(leaf, x)
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)


def test_backward_can_be_repeated_and_does_not_pile_up():
    tape = Tape()
    x = tape.leaf([[1.0, -2.0, 3.0]])
    out = tape.rmsnorm(tape.relu(x))
    tape.forward()
    tape.backward(out, [[1.0, 2.0, 3.0]])
    first = x.grad
    tape.backward(out, [[1.0, 2.0, 3.0]])
    assert first.any()
    np.testing.assert_array_equal(x.grad, first)


def test_a_recording_that_does_not_fit_says_what_it_needs():
    before = Tape(arena_bytes=1 << 21)
    small = before.leaf(np.ones((4, 4)))
    with pytest.raises(MemoryError, match=r"needs an arena of [\d,]+ bytes and has 2,097,152"):
        before.leaf(np.ones((512, 512)))
    with pytest.raises(MemoryError):  # a tape that overflowed stays refused: nothing half-recorded can run
        before.forward()
    assert small.shape == (4, 4)
    with pytest.raises(MemoryError, match="needs an arena"):
        Tape(arena_bytes=100)
    short = Tape(max_ops=1)
    leaf = short.leaf([[1.0]])
    with pytest.raises(MemoryError, match="max_ops = 2"):
        short.relu(leaf)


def test_walking_the_tape_asks_for_no_memory():
    tape = Tape()
    out = tape.relu(tape.leaf(np.ones((8, 8))))
    before = allocations()
    for _ in range(10):
        tape.forward()
        tape.backward(out)
    assert allocations() == before


def test_the_door_refuses_what_does_not_fit():
    tape, other = Tape(), Tape()
    x, w = tape.leaf(np.ones((4, 6))), tape.leaf(np.ones((3, 5)))
    for record in (
        lambda: tape.linear(x, w),
        lambda: tape.add(x, w),
        lambda: tape.relu(other.leaf([[1.0]])),
        lambda: tape.relu(None),
        lambda: tape.attention(x, x, x, 3, 2),
        lambda: tape.attention(x, x, x, 4, 4),
        lambda: tape.attention(x, x, x, 0, 1),
        lambda: tape.attention(x, x, w, 4, 1),
        lambda: tape.embed(x, x, [0, 1, 4], 3),
        lambda: tape.embed(x, x, [0, 1, 2], 2),
        lambda: tape.embed(x, x, [], 1),
        lambda: tape.cross_entropy(x, [0, 1]),
        lambda: tape.cross_entropy(x, [0, 1, -1, 2]),
        lambda: tape.leaf(np.ones((2, 2, 2))),
        lambda: tape.leaf(np.ones((0, 2))),
        lambda: tape.assign(x, np.ones((6, 3))),
        lambda: Tape("float16"),
    ):
        with pytest.raises((ValueError, TypeError)):
            record()


def test_ids_are_checked_before_they_are_narrowed():
    assert checked_ids(np.array([[1, 2]], np.uint64), 3).dtype == np.int32
    with pytest.raises(ValueError, match=r"id 4294967297 at position 1 is not one of 0\.\.9"):
        checked_ids(np.array([1, 2**32 + 1], np.int64), 10)
    with pytest.raises(ValueError, match="must be integers"):
        checked_ids([1.0], 10)
