"""A tokenizer and conversations for the tests of fine-tuning."""

import pytest

from .chats import small_tokenizer, write_chats


@pytest.fixture(scope="module")
def tokenizer():
    return small_tokenizer()


@pytest.fixture
def chats(tmp_path):
    return write_chats(tmp_path / "chats.jsonl")
