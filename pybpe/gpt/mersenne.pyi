"""CPython's `random.gauss` over arrays.

See src_ext/pybpe/gpt/mersenne.pyx.
"""

import numpy as np
import numpy.typing as npt

def normals(uniforms: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return standard normal numbers float64[n], made from n uniform numbers in [0, 1) as `random.gauss` makes them.

    n must be even.
    """
