"""CPython's `random.gauss` over arrays; see src_ext/pybpe/gpt/mersenne.pyx."""

import numpy as np
import numpy.typing as npt

def normals(uniforms: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Standard normals from an even number of uniforms in [0, 1), as `random.gauss` draws them."""
