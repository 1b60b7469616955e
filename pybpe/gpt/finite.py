"""A check that the weights of a model are finite, used when files are read and before they are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pybpe.errors import FormatError, TrainingError


def check_finite(
    weights: Mapping[str, Any], model: str, error: type[FormatError] | type[TrainingError] = FormatError
) -> None:
    """Raise `error` if an array of weights holds NaN or infinity: such a model predicts nothing.

    weights: numpy arrays, or torch tensors on the cpu, by name. model: the file or model that the message names.

    >>> check_finite({"wte": np.array([0.0, np.nan])}, "model.safetensors")
    Traceback (most recent call last):
    ...
    pybpe.errors.FormatError: the model in model.safetensors is lost: its weights 'wte' hold NaN or infinity, because \
its training diverged; use an earlier checkpoint, or train again with a lower lr
    """
    for name, weight in weights.items():
        if not np.isfinite(np.asarray(weight)).all():
            raise error(
                f"the model in {model} is lost: its weights {name!r} hold NaN or infinity, because its training "
                "diverged; use an earlier checkpoint, or train again with a lower lr"
            )
