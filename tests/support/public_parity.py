"""A tokenizer file as pybpe reads it beside the package that is right about it: the same ids and the same text."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from support.public_files import Public

from pybpe import Tokenizer

Ids = list[int]


class DifferenceError(Exception):
    """Ids or text differ; the message shows where."""


@dataclass(frozen=True)
class Pair:
    """A tokenizer here and there."""

    name: str
    ours: Tokenizer
    encode: Callable[[list[str]], list[Ids]]
    decode: Callable[[Ids], str]
    finds_special: bool = True  # in any text


def open_pair(public: Public, path: Path) -> Pair:
    """A file, read by pybpe and by the package that is right about it."""
    if public.is_model:
        import sentencepiece

        model = sentencepiece.SentencePieceProcessor(model_file=str(path))
        return Pair(public.name, Tokenizer.from_sentencepiece(path), model.encode, model.decode, False)
    return _pair_of(public.name, path, Tokenizer.from_huggingface(path))


def _pair_of(name: str, path: Path, ours: Tokenizer) -> Pair:
    import tokenizers

    theirs = tokenizers.Tokenizer.from_file(str(path))
    theirs.no_truncation()
    return Pair(
        name,
        ours,
        lambda texts: [found.ids for found in theirs.encode_batch_fast(texts, add_special_tokens=False)],
        lambda ids: theirs.decode(ids, skip_special_tokens=False),
    )


def written(pair: Pair, public: Public, folder: Path) -> Pair:
    """The tokenizer.json that pybpe writes, read by tokenizers."""
    path = folder / f"{public.name}.json"
    pair.ours.to_huggingface(path)
    again = Tokenizer.from_huggingface(path)
    if not public.is_model and again != pair.ours:
        raise DifferenceError(f"{pair.name}: what is written is read as another tokenizer")
    for part in random_strings(pair.ours, 500, 5):
        if [pair.ours.encode_ordinary(text) for text in part] != [again.encode_ordinary(text) for text in part]:
            raise DifferenceError(f"{pair.name}: what is written gives other ids")
    return _pair_of(f"{pair.name}, written", path, again)


def compare(pair: Pair, texts: list[str], decodes: bool = True) -> int:
    """How many ids were compared. Raises DifferenceError."""
    allowed = "all" if pair.finds_special else frozenset[str]()
    found = pair.ours.encode_batch(texts, allowed_special=allowed, disallowed_special=())
    for text, ids, right in zip(texts, found, pair.encode(texts), strict=True):
        if ids != right:
            place = next((i for i, two in enumerate(zip(ids, right, strict=False)) if two[0] != two[1]), len(ids))
            begin = len(pair.ours.decode(ids[:place]))
            raise DifferenceError(
                f"{pair.name}: {text[max(0, begin - 20) : begin + 20]!r}: pybpe {ids[place : place + 5]}, "
                f"the other {right[place : place + 5]}"
            )
        if decodes and ids and pair.ours.decode(ids) != pair.decode(ids):
            raise DifferenceError(
                f"{pair.name}: {ids[:20]} is {pair.ours.decode(ids)[:60]!r}, not {pair.decode(ids)[:60]!r}"
            )
    return sum(map(len, found))


def random_strings(tokenizer: Tokenizer, count: int, seed: int) -> Iterator[list[str]]:
    """Strings of a vocabulary's tokens, its names, white space, combining marks and whatever turns on case."""
    rng = random.Random(seed)
    vocab = list(tokenizer.vocab.values())
    names = [*tokenizer.special_tokens, *tokenizer.added_tokens]
    odd = [
        *" \n\t\r▁'éΣİⅧ\u00a0\u3000\u0301\u0327\u1161\u200dﬁK🙂中ก",
        "  ",
        "▁▁",
        "</w>",
        "<0x0A>",
        " '",
        "\n\n\n",
        "1234",
    ]
    while count > 0:
        alphabet = [token.decode("utf-8", "ignore") for token in rng.sample(vocab, min(1000, len(vocab)))]
        alphabet += rng.choices(names, k=100) if names else []
        alphabet += odd * 12
        size = min(count, 2000)
        yield ["".join(rng.choices(alphabet, k=rng.randrange(1, 16))) for _ in range(size)]
        count -= size


def random_ids(tokenizer: Tokenizer, count: int, seed: int) -> Iterator[Ids]:
    """Ids in any order, those of bytes more often."""
    rng = random.Random(seed)
    ids = list(tokenizer.vocab)
    single = [token for token, content in tokenizer.vocab.items() if len(content) == 1]
    for _ in range(count):
        yield rng.choices(rng.choice((ids, single)), k=rng.randrange(1, 12))


def check_decoding(pair: Pair, count: int, seed: int = 1) -> None:
    """Raise DifferenceError if some ids are not the same text."""
    for ids in random_ids(pair.ours, count, seed):
        if pair.ours.decode(ids) != pair.decode(ids):
            raise DifferenceError(f"{pair.name}: {ids} is {pair.ours.decode(ids)!r}, not {pair.decode(ids)!r}")
