"""Rows on a fast tokenizer of transformers: as it is, and after pybpe.compat.patch_transformers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from pybpe import Tokenizer
from pybpe.compat import patch_transformers

from .results import OURS, Result
from .rows import measure
from .texts import Text
from .timing import warm

DOCUMENTS = 300  # of 4 KB: transformers takes half a second for so many
THEIRS = "transformers"
CALLS: dict[str, Callable[[Any, list[str]], Any]] = {
    "transformers call": lambda tokenizer, texts: [len(tokenizer(text)["input_ids"]) for text in texts],
    "transformers encode": lambda tokenizer, texts: [len(tokenizer.encode(text)) for text in texts],
    "transformers batch": lambda tokenizer, texts: tokenizer(texts),
}


def tokenizer_of(path: Path, folder: Path) -> Any:
    """A tokenizer of transformers from a tokenizer.json, a rank file, or a folder with vocab.json and merges.txt."""
    from transformers import PreTrainedTokenizerFast

    file = path
    if path.suffix != ".json":
        file = folder / f"{path.stem}.json"
        gpt2 = path / "vocab.json", path / "merges.txt"
        (Tokenizer.from_gpt2(*gpt2) if path.is_dir() else Tokenizer.from_tiktoken(path)).to_huggingface(file)
    return PreTrainedTokenizerFast(tokenizer_file=str(file))


def transformers(texts: list[Text], path: Path, folder: Path, rounds: int) -> Iterator[Result]:
    """Documents of 4 KB to lists of ids and masks, one call each and all in one call; results are compared first."""
    plain = tokenizer_of(path, folder)
    contenders = {OURS: patch_transformers(copy.deepcopy(plain)), THEIRS: plain}
    name = path.parent.name if path.name == "tokenizer.json" else path.stem
    for text in texts:
        documents = text.documents[:DOCUMENTS]
        megabytes = sum(len(document.encode()) for document in documents) / 1e6
        expected = [[dict(plain(document)) for document in documents], dict(plain(documents))]
        for row, call in CALLS.items():
            jobs = {}
            for contender, tokenizer in contenders.items():
                right = partial(_right, tokenizer, documents, expected)
                jobs[contender] = warm(partial(call, tokenizer, documents), megabytes, right)
            yield measure(row, text.name, name, "MB/s", jobs, rounds)


def _right(tokenizer: Any, documents: list[str], expected: list[Any]) -> bool:
    return [[dict(tokenizer(document)) for document in documents], dict(tokenizer(documents))] == expected
