"""Text ids from a GPT in torch, for one prompt or many at once, with a cache of keys and values.

Works on lists of ids; knows nothing of text. Ids are chosen as every engine chooses them (sampling.py).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pybpe.gpt.checkpoint import Checkpoint
from pybpe.gpt.devices import find_device
from pybpe.gpt.model import GPT, Cache, GPTConfig
from pybpe.gpt.sampling import Sampling, checked_prompt

Ids = npt.ArrayLike
OnToken = Callable[[int, int], object]  # the row and its next id


class Inference:
    """A GPT that no longer learns. What it computes in is the type of its weights; it knows no dropout.

    >>> from pybpe.gpt.model import GPT, GPTConfig
    >>> runner = Inference(GPT(GPTConfig(n_vocab=9, n_layer=1, n_head=2, n_embd=8, block_size=4)))
    >>> len(list(runner.generate([1, 2], 20, seed=3)))
    20
    """

    def __init__(self, model: GPT) -> None:
        self.model = model.eval()

    @classmethod
    def of(cls, checkpoint: Checkpoint, device: str = "auto") -> Inference:
        """Return the model of a checkpoint on a device of settings.DEVICES ("auto": float64 stays on the cpu)."""
        exact = checkpoint.weights["wte.weight"].dtype == torch.float64  # which not every device has
        return cls(checkpoint.model().to(find_device("cpu" if exact and device == "auto" else device)))

    @property
    def n_params(self) -> int:
        """How many numbers the model has learned."""
        return self.model.n_params

    @property
    def config(self) -> GPTConfig:
        """The shape of the model."""
        return self.model.config

    def loss(self, ids: Ids, targets: Ids) -> float:
        """The mean of -log p(target) in nats over integer arrays ids and targets, both [batch, time]."""
        with torch.inference_mode():
            batch = (torch.as_tensor(np.asarray(part, np.int64), device=self.model.device) for part in (ids, targets))
            return float(self.model(*batch))

    def logits(self, ids: Ids) -> npt.NDArray[Any]:
        """float64 [batch, time, n_vocab] of ids [batch, time]."""
        with torch.inference_mode():
            return _array(self.model(torch.as_tensor(np.asarray(ids, np.int64), device=self.model.device)))

    def generate(
        self,
        prompt_ids: Sequence[int],
        max_tokens: int,
        temperature: float = 0.8,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Collection[int] = (),
        min_p: float | None = None,
        repetition_penalty: float = 1.0,
        use_cache: bool = True,
    ) -> Iterator[int]:
        """Yield up to max_tokens ids that continue the prompt; an id in `stop` ends it and is not yielded.

        temperature to repetition_penalty: see Sampling. The same seed gives the same ids. When the context is full,
        its later half is kept and becomes the beginning of the next.
        """
        sampling = Sampling(temperature, top_k, top_p, min_p, repetition_penalty)
        prompt = checked_prompt(prompt_ids, self.config.n_vocab)
        return (id_ for _, id_ in self._stream([prompt], max_tokens, sampling, [seed], stop, use_cache))

    def generate_batch(
        self,
        prompts: Sequence[Sequence[int]],
        max_tokens: int,
        sampling: Sampling | None = None,
        *,
        seeds: Sequence[int | None] | None = None,
        stop: Collection[int] = (),
        use_cache: bool = True,
        on_token: OnToken | None = None,
    ) -> list[list[int]]:
        """The ids that follow each of several prompts, of any lengths, computed together.

        seeds: one for each prompt. on_token is told the row and the id of each as it comes. Each row is what
        `generate` gives for it alone, but for rounding: sums over rows of padding may differ in their last bits.
        """
        checked = [checked_prompt(prompt, self.config.n_vocab) for prompt in prompts]
        seeds = [None] * len(checked) if seeds is None else seeds
        if len(seeds) != len(checked):
            raise ValueError(f"there are {len(checked)} prompts and {len(seeds)} seeds; give as many")
        made: list[list[int]] = [[] for _ in checked]
        for row, id_ in self._stream(checked, max_tokens, sampling or Sampling(), seeds, stop, use_cache):
            made[row].append(id_)
            if on_token is not None:
                on_token(row, id_)
        return made

    def _stream(
        self,
        prompts: list[list[int]],
        max_tokens: int,
        sampling: Sampling,
        seeds: Sequence[int | None],
        stop: Collection[int],
        use_cache: bool,
    ) -> Iterator[tuple[int, int]]:
        """Yield (row, id), a step of all rows after another."""
        block = self.config.block_size
        rngs, seen = [random.Random(seed) for seed in seeds], [set(prompt) for prompt in prompts]
        contexts = [prompt[-block:] for prompt in prompts]
        left = min(block, max(map(len, contexts), default=0) + max_tokens)
        reader, live = _Reader(self.model, left, use_cache), set(range(len(prompts)))
        for _ in range(max_tokens):
            if not live:
                return
            for context in contexts:
                if len(context) > block:
                    del context[: -max(1, block // 2)]
            logits = reader.read(contexts)
            for row in sorted(live):
                id_ = sampling.choose(logits[row], rngs[row], seen[row])
                if id_ in stop:
                    live.discard(row)
                    continue
                yield row, id_
                contexts[row].append(id_)
                seen[row].add(id_)
            for row in set(range(len(prompts))) - live:  # goes along, unheard
                contexts[row].append(contexts[row][-1])


class _Reader:
    """Gives the logits behind contexts that grow by an id at a time, looking at each id once where it can."""

    def __init__(self, model: GPT, capacity: int, use_cache: bool) -> None:
        self._model, self._capacity, self._use_cache = model, capacity, use_cache
        self._cache: Cache | None = None

    def read(self, contexts: list[list[int]]) -> npt.NDArray[Any]:
        """float64 [rows, n_vocab]; contexts that were cut came to the capacity, and are looked at anew."""
        cache = self._cache
        with torch.inference_mode():
            if cache is not None and cache.length < cache.capacity:
                return _array(self._model(self._tensor([[context[-1]] for context in contexts]), cache=cache)[:, -1])
            longest = max(map(len, contexts))
            padding = [longest - len(context) for context in contexts]
            cache = Cache(self._model, max(self._capacity, longest), padding)
            self._cache = cache if self._use_cache else None
            rows = [[0] * missing + context for missing, context in zip(padding, contexts, strict=True)]
            return _array(self._model(self._tensor(rows), cache=cache)[:, -1])

    def _tensor(self, rows: list[list[int]]) -> Tensor:
        return torch.tensor(rows, device=self._model.device)


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    """As float64 on the processor; through float32, for not every device has more."""
    return tensor.to("cpu", torch.float32 if tensor.dtype != torch.float64 else torch.float64).double().numpy()
