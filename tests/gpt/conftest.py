"""Torch on one thread: small matrices gain nothing by more, and several processes may be tested at once."""

import importlib.util

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_num_threads(1)
