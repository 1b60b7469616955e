"""Generate text with a trained GPT: open its folder, encode a prompt, and decode ids as they are generated.

    model = open_model("my-gpt")
    for text in model.stream_text("To be", 200, Sampling(temperature=0.7), seed=1):
        print(text, end="", flush=True)

All code that generates text uses this module: `pybpe gpt sample`, and the samples of a run and of the demo. A `Model`
is a network of either engine (engines.py) with its vocabulary (vocabulary.py); the network itself works on ids.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pybpe.errors import TokenIdError
from pybpe.gpt.engines import LanguageModel, load_model, need_torch
from pybpe.gpt.runs.folder import BEST, MODEL
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.vocabulary import (
    CHARACTERS,
    TOKENIZER,
    Vocabulary,
    check_same,
    encode_text,
    end_of_text,
    load_vocabulary,
)
from pybpe.tokenizer import Tokenizer

if TYPE_CHECKING:
    from pybpe.gpt.generation import Inference

CONFIG, TOKENIZER_JSON, VOCAB, MERGES = "config.json", "tokenizer.json", "vocab.json", "merges.txt"


@dataclass(frozen=True)
class Model:
    """A language model with its vocabulary, which continues prompts with ids or text.

    network: the model, of either engine. n_params: number of learned parameters. step: optimizer steps it was trained
    for. Both are 0 if they are not known.

    >>> from pybpe.gpt.characters import Characters
    >>> from pybpe.gpt.micro import MicroConfig, MicroGPT
    >>> vocabulary = Characters("hello")
    >>> model = Model(MicroGPT(MicroConfig(vocabulary.n_vocab, n_layer=1, n_head=1, n_embd=8)), vocabulary)
    >>> len(list(model.generate(vocabulary.encode_ordinary("he"), 5, Sampling(temperature=0))))
    5
    """

    network: LanguageModel
    vocabulary: Vocabulary
    n_params: int = 0
    step: int = 0

    @property
    def n_ctx(self) -> int:
        """The context length in tokens."""
        return int(self.network.config.block_size)

    def encode_prompt(self, prompt: str, *, special: bool = False) -> list[int]:
        """Encode a prompt to ids; an empty prompt is the end-of-text token, after which a new text begins.

        special: special tokens written in the prompt become their ids; otherwise they are ordinary text.
        Raises TokenIdError if the prompt is empty and the vocabulary has no end-of-text token.
        """
        if prompt:
            return encode_text(self.vocabulary, prompt, special=special)
        end = end_of_text(self.vocabulary)
        if end is None:
            raise TokenIdError("the vocabulary has no end-of-text token to begin a text with; give a prompt")
        return [end]

    def generate(
        self,
        ids: Sequence[int],
        max_tokens: int,
        sampling: Sampling | None = None,
        stop: Collection[int] = (),
        *,
        seed: int | None = None,
    ) -> Iterator[int]:
        """Yield up to max_tokens ids that continue `ids`; an id in `stop` ends generation and is not yielded.

        sampling: how each id is chosen (None: the defaults of Sampling). The same seed gives the same ids. When the
        context is full, its later half is kept. Raises ValueError if `ids` is empty or an id is out of range, and
        if the network's logits are not finite.
        """
        return self.network.generate(ids, max_tokens, seed=seed, stop=stop, **asdict(sampling or Sampling()))

    def stream_text(
        self,
        prompt: str | Sequence[int],
        max_tokens: int = 200,
        sampling: Sampling | None = None,
        stop: Collection[int] = (),
        *,
        seed: int | None = None,
        special: bool = False,
    ) -> Iterator[str]:
        """Yield the text that follows a prompt, token by token and in whole characters.

        prompt: text, which `encode_prompt` encodes (special: see there), or ids. Generation ends after max_tokens
        tokens, at the end-of-text token, or at an id in `stop`. The prompt itself is not part of the text.
        """
        ids = self.encode_prompt(prompt, special=special) if isinstance(prompt, str) else prompt
        return self._decoded(self.generate(ids, max_tokens, sampling, self._stop(stop), seed=seed))

    def stream_texts(
        self,
        prompts: Sequence[str | Sequence[int]],
        max_tokens: int = 200,
        sampling: Sampling | None = None,
        stop: Collection[int] = (),
        *,
        seeds: Sequence[int | None] | None = None,
        special: bool = False,
        on_text: Callable[[int, str], object] = lambda row, text: None,
    ) -> list[str]:
        """Return the text that follows each of several prompts, computed as one batch by the torch engine.

        seeds: one for each prompt. on_text: called with the index of a prompt and each new part of its text.
        Everything else is as in `stream_text`. Raises TypeError for a model of the micro engine, which has no batches.
        """
        if not hasattr(self.network, "generate_batch"):
            raise TypeError("only the torch engine generates batches; convert the model: pybpe gpt convert")
        network = cast("Inference", self.network)
        rows = [self.encode_prompt(each, special=special) if isinstance(each, str) else each for each in prompts]
        streams, texts = [self.vocabulary.decode_stream() for _ in rows], [""] * len(rows)

        def add(row: int, text: str) -> None:
            texts[row] += text
            on_text(row, text)

        network.generate_batch(
            *(rows, max_tokens, sampling),
            seeds=seeds,
            stop=self._stop(stop),
            on_token=lambda row, id_: add(row, streams[row].feed(id_)),
        )
        for row, stream in enumerate(streams):
            add(row, stream.finish())
        return texts

    def _stop(self, stop: Collection[int]) -> set[int]:
        """Return the ids that end generation: those given, and the end-of-text token if there is one."""
        end = end_of_text(self.vocabulary)
        return {*stop} if end is None else {*stop, end}

    def _decoded(self, ids: Iterator[int]) -> Iterator[str]:
        stream = self.vocabulary.decode_stream()
        for id_ in ids:
            yield stream.feed(id_)
        yield stream.finish()


def open_model(folder: str | os.PathLike[str], device: str = "auto", *, best: bool = False) -> Model:
    """Open the model of a folder: of a run, of the demo, of `pybpe gpt convert`, or a GPT-2 of Hugging Face.

    device: a name in settings.DEVICES ("auto": the first available of cuda, mps and cpu; the micro engine uses the cpu
    only). best: open the weights with the lowest held-out loss, not the last ones. Raises FileNotFoundError if a file
    is missing, and FormatError if one is damaged, if model and vocabulary do not belong together, or if weights are not
    finite.
    """
    folder = Path(folder)
    path = folder / (BEST if best else MODEL)
    if _is_huggingface(folder):
        return _open_huggingface(folder, path, device)
    vocabulary = load_vocabulary(folder)
    loaded = load_model(path, device)
    check_same(vocabulary, loaded.fingerprint, loaded.n_vocab, str(path))
    return Model(loaded.model, vocabulary, loaded.n_params, loaded.step)


def folder_vocabulary(folder: Path) -> Vocabulary:
    """Read the vocabulary of a folder that `open_model` opens. FileNotFoundError if there is none."""
    if not _is_huggingface(folder):
        return load_vocabulary(folder)
    if (folder / TOKENIZER_JSON).exists():
        return Tokenizer.from_huggingface(folder)
    if (folder / VOCAB).exists():
        return Tokenizer.from_gpt2(folder / VOCAB, folder / MERGES)
    raise FileNotFoundError(
        f"{folder} holds no {TOKENIZER_JSON} and no {VOCAB}; give the tokenizer: pybpe gpt convert -t FILE"
    )


def _is_huggingface(folder: Path) -> bool:
    """True if a folder is in Hugging Face's layout, and not one that pybpe wrote."""
    return not any((folder / name).exists() for name in (CHARACTERS, TOKENIZER)) and (folder / CONFIG).exists()


def _open_huggingface(folder: Path, path: Path, device: str) -> Model:
    """Open a GPT-2 in Hugging Face's layout: config.json, weights and tokenizer."""
    need_torch()
    from pybpe.gpt.generation import Inference
    from pybpe.gpt.pretrained import fit_vocabulary, read_pretrained

    if path.name == BEST:
        raise FileNotFoundError(f"{folder} holds no {BEST}, which only pybpe gpt train writes; leave out --best")
    vocabulary = folder_vocabulary(folder)
    checkpoint = fit_vocabulary(read_pretrained(folder), vocabulary.n_vocab, vocabulary.fingerprint)
    network = Inference.of(checkpoint, device)
    return Model(network, vocabulary, network.n_params, checkpoint.step)
