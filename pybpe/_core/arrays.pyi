"""Encoding of one text to a numpy array."""

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from typing import Literal

import numpy as np
import numpy.typing as npt

from pybpe._core.fast_path import FastPath

def to_array(
    fast: FastPath,
    text: str | bytes,
    allowed: AbstractSet[str] | Literal["all"],
    disallowed: Collection[str] | Literal["all"],
) -> npt.NDArray[np.uint32] | None:
    """Return the ids of a text as uint32[n]; None if `fast` does not serve the text. See `FastPath.to_list`."""
