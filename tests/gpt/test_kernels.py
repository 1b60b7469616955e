import numpy as np
import pytest

from pybpe.gpt.ops import levels, product

# Shapes around the edges of tiles (6, 12, 8, 16, 32) and of blocks (96, 256) of kernels.h.
SHAPES = [(1, 1, 1), (5, 7, 3), (12, 32, 16), (13, 33, 17), (97, 40, 257), (100, 257, 300), (30, 520, 64)]


@pytest.mark.parametrize("level", range(levels()))
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-12)])
@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
@pytest.mark.parametrize("form", ["NN", "NT", "TN", "TT"])
def test_every_level_multiplies_as_numpy_does(level, dtype, tolerance, m, n, k, form):
    rng = np.random.default_rng([m, n, k])
    a = rng.standard_normal((m, k) if form[0] == "N" else (k, m)).astype(dtype)
    b = rng.standard_normal((k, n) if form[1] == "N" else (n, k)).astype(dtype)
    a, b = (a if form[0] == "N" else a.T), (b if form[1] == "N" else b.T)
    start = rng.standard_normal((m, n)).astype(dtype)
    out = start.copy()
    product(out, a, b, level)
    np.testing.assert_allclose(out, a @ b, rtol=tolerance, atol=tolerance * k)
    out[:] = start
    product(out, a, b, level, add=True)
    np.testing.assert_allclose(out, start + a @ b, rtol=tolerance, atol=tolerance * k)


def test_the_door_refuses_what_does_not_fit():
    one = np.ones((2, 3))
    with pytest.raises(ValueError, match="do not multiply"):
        product(np.ones((2, 2)), one, one, 0)
    with pytest.raises(ValueError, match="level 9"):
        product(np.ones((2, 2)), one, one.T, 9)
    with pytest.raises(ValueError, match="reversed"):
        product(np.ones((2, 2)), one[::-1], one.T, 0)
