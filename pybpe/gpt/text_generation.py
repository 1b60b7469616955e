"""Text from a model: a prompt into ids, and the ids that follow back into text, as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pybpe.errors import TokenIdError
from pybpe.gpt.engines import LanguageModel
from pybpe.gpt.vocabulary import Vocabulary, end_of_text

if TYPE_CHECKING:
    from pybpe.gpt.generation import Inference


def prompt_ids(vocabulary: Vocabulary, prompt: str) -> list[int]:
    """The ids of a prompt; of none, the end of the text before. TokenIdError where a vocabulary has no such token."""
    if prompt:
        return vocabulary.encode_ordinary(prompt)
    end = end_of_text(vocabulary)
    if end is None:
        raise TokenIdError("this vocabulary has no token that begins a text; give a prompt")
    return [end]


def generate_text(
    model: LanguageModel, vocabulary: Vocabulary, prompt: list[int], tokens: int, **settings: Any
) -> Iterator[str]:
    """Yield what follows the prompt, never half a character, up to so many tokens or the end of the text.

    settings: temperature, top_k, top_p, min_p, repetition_penalty, seed of `LanguageModel.generate`.
    """
    end, stream = end_of_text(vocabulary), vocabulary.decode_stream()
    for id_ in model.generate(prompt, tokens, stop=() if end is None else (end,), **settings):
        yield stream.feed(id_)
    yield stream.finish()


def speak_together(
    model: Inference,
    vocabulary: Vocabulary,
    prompts: Sequence[list[int]],
    tokens: int,
    on_text: Callable[[int, str], object] = lambda row, text: None,
    **settings: Any,
) -> list[str]:
    """What follows each of several prompts, computed together by the torch engine.

    on_text is told the row and each further piece of its text as it comes, never half a character. settings: sampling
    and seeds of `Inference.generate_batch`.
    """
    end, streams = end_of_text(vocabulary), [vocabulary.decode_stream() for _ in prompts]
    texts = [""] * len(prompts)

    def say(row: int, text: str) -> None:
        texts[row] += text
        on_text(row, text)

    stop = () if end is None else (end,)
    model.generate_batch(
        prompts, tokens, stop=stop, on_token=lambda row, id_: say(row, streams[row].feed(id_)), **settings
    )
    for row, stream in enumerate(streams):
        say(row, stream.finish())
    return texts
