"""Generate ids with a GPT in torch, for one prompt or many at once, with a cache of keys and values.

Generation is a loop: compute the logits of the next id, choose an id from them (sampling.py), append it, repeat.

Without a cache, each step runs the model over the whole context. But with causal attention an earlier position does not
change when an id is appended, so its keys and values can be kept. With the cache, the first step runs the model over
the prompt ("prefill"), and every further step over one new id per row ("decode").

When the context is full, its second half is kept and the model starts again on that, because the positions that it was
trained on end there. The cache is then filled anew. The ids are the same with and without the cache.

Shapes in the comments: B is the number of prompts, T the length of the longest context. This file works on ids and
knows nothing of text.
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
OnToken = Callable[[int, int], object]  # is called with the row of a prompt and its next id


class Inference:
    """A GPT in evaluation mode (no dropout), to sample from and to measure. It computes in the dtype of its weights.

    >>> from pybpe.gpt.model import GPT, GPTConfig
    >>> runner = Inference(GPT(GPTConfig(n_vocab=9, n_layer=1, n_head=2, n_embd=8, block_size=4)))
    >>> len(list(runner.generate([1, 2], 20, seed=3)))  # longer than the context of 4
    20
    >>> ids = list(runner.generate([1, 2], 3, temperature=0))  # the most likely id each time
    >>> ids[0] == int(runner.logits([[1, 2]])[0, -1].argmax())
    True
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
        """The number of learned parameters."""
        return self.model.n_params

    @property
    def config(self) -> GPTConfig:
        """The configuration of the model."""
        return self.model.config

    def loss(self, ids: Ids, targets: Ids) -> float:
        """Return the mean of -log p(target) in nats, for integer arrays ids and targets, both (B, T)."""
        with torch.inference_mode():
            batch = (torch.as_tensor(np.asarray(part, np.int64), device=self.model.device) for part in (ids, targets))
            return float(self.model(*batch))

    def logits(self, ids: Ids) -> npt.NDArray[Any]:
        """Return the logits float64 (B, T, n_vocab) of ids (B, T)."""
        with torch.inference_mode():
            return as_float64(self.model(torch.as_tensor(np.asarray(ids, np.int64), device=self.model.device)))

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
        its second half is kept and becomes the beginning of the next. ValueError for a prompt without ids, or with an
        id that the model does not have.
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
        """Return the ids that continue each of several prompts, of any lengths, computed together.

        seeds: one for each prompt. on_token: called with the row and the id of each as it is chosen. Each row equals
        what `generate` gives for its prompt alone, up to rounding: sums over padded rows may differ in their last bits.

        >>> _ = torch.manual_seed(1)
        >>> runner = Inference(GPT(GPTConfig(n_vocab=9, n_layer=1, n_head=2, n_embd=8, block_size=4)))
        >>> rows = runner.generate_batch([[1, 2, 3], [4]], 5, seeds=[1, 2])
        >>> [len(row) for row in rows], rows[1] == list(runner.generate([4], 5, seed=2))
        ([5, 5], True)
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
        """Yield (row, id): the next id of each row that is not finished, then the next of each, and so on."""
        block = self.config.block_size
        # Each row has its own random numbers, so what a prompt gives does not depend on the others in the batch.
        rngs, seen = [random.Random(seed) for seed in seeds], [set(prompt) for prompt in prompts]
        contexts = [prompt[-block:] for prompt in prompts]  # a prompt longer than the context loses its beginning
        # No more positions are needed in the cache than the prompt and what follows it.
        capacity = min(block, max(map(len, contexts), default=0) + max_tokens)
        reader, live = _Reader(self.model, capacity, use_cache), set(range(len(prompts)))
        for _ in range(max_tokens):
            if not live:
                return
            # A full context is cut to its second half, to make room.
            for context in contexts:
                if len(context) > block:
                    del context[: -max(1, block // 2)]
            logits = reader.read(contexts)  # (B, n_vocab)
            # Choose an id for each row that is not finished.
            for row in sorted(live):
                id_ = sampling.choose(logits[row], rngs[row], seen[row])
                if id_ in stop:
                    live.discard(row)
                    continue
                yield row, id_
                contexts[row].append(id_)
                seen[row].add(id_)
            # Finished rows repeat their last id, so that the batch stays rectangular.
            for row in set(range(len(prompts))) - live:
                contexts[row].append(contexts[row][-1])


class _Reader:
    """A model that computes logits for contexts that grow by one id at a time, with a cache if `use_cache`."""

    def __init__(self, model: GPT, capacity: int, use_cache: bool) -> None:
        self._model, self._capacity, self._use_cache = model, capacity, use_cache
        self._cache: Cache | None = None

    def read(self, contexts: list[list[int]]) -> npt.NDArray[Any]:
        """Return the logits float64 (B, n_vocab) of the id after each context.

        The contexts must be those of the previous call with one id appended to each, or cut because the cache is full.
        """
        cache = self._cache
        with torch.inference_mode():
            # Decode: one new id per row; all earlier positions are in the cache.
            if cache is not None and cache.length < cache.capacity:
                return as_float64(
                    self._model(self._tensor([[context[-1]] for context in contexts]), cache=cache)[:, -1]
                )
            # Prefill: the whole contexts, padded on the left to one length, into a new cache.
            longest = max(map(len, contexts))
            padding = [longest - len(context) for context in contexts]
            cache = Cache(self._model, max(self._capacity, longest), padding)
            self._cache = cache if self._use_cache else None
            rows = [[0] * missing + context for missing, context in zip(padding, contexts, strict=True)]  # B lists of T
            return as_float64(self._model(self._tensor(rows), cache=cache)[:, -1])

    def _tensor(self, rows: list[list[int]]) -> Tensor:
        return torch.tensor(rows, device=self._model.device)


def as_float64(tensor: Tensor) -> npt.NDArray[Any]:
    """Return a tensor as a float64 array. Other dtypes go through float32, because not every device has float64."""
    return tensor.to("cpu", torch.float32 if tensor.dtype != torch.float64 else torch.float64).double().numpy()
