"""Text from a model: a prompt into ids, and the ids that follow back into text, as they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pybpe.errors import TokenIdError
from pybpe.gpt.engines import LanguageModel
from pybpe.gpt.vocabulary import Vocabulary, end_of_text


def prompt_ids(vocabulary: Vocabulary, prompt: str) -> list[int]:
    """The ids of a prompt; of none, the end of the text before. TokenIdError where a vocabulary has no such token."""
    if prompt:
        return vocabulary.encode_ordinary(prompt)
    end = end_of_text(vocabulary)
    if end is None:
        raise TokenIdError("this vocabulary has no token that begins a text; give a prompt")
    return [end]


def speak(
    model: LanguageModel, vocabulary: Vocabulary, prompt: list[int], tokens: int, **settings: Any
) -> Iterator[str]:
    """Yield what follows the prompt, never half a character, up to so many tokens or the end of the text.

    settings: temperature, top_k, top_p, seed of `LanguageModel.generate`.
    """
    end, stream = end_of_text(vocabulary), vocabulary.decode_stream()
    for id_ in model.generate(prompt, tokens, stop=() if end is None else (end,), **settings):
        yield stream.feed(id_)
    yield stream.finish()
