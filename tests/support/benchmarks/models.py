"""Rows on vocabularies of other kinds than tiktoken's: tokenizer.json, sentencepiece's models, and one of CLIP's form.

The right ids are those of the package that reads such a file by itself: tokenizers, or sentencepiece.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pybpe import Tokenizer

from .encoding import Case, document_lists, one_list, short_lists
from .peers import DISTRIBUTIONS, Encoding, Ids, Peer, UnavailableError, gigatoken_peer, installed, splintr_peer
from .results import Result
from .texts import Text

REFERENCES = {".json": "tokenizers", ".model": "sentencepiece"}
CLIP_TOKENS = 49_408
CLIP_SPLIT = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
CLIP_END = "</w>"
CLIP_SPECIAL = ("<|startoftext|>", "<|endoftext|>")


def models(texts: list[Text], path: Path, rounds: int, absent: list[str]) -> Iterator[Result]:
    """The rows of one file, to lists: 100 characters, 4 KB, a text of at most 10 MB, and documents of it.

    absent: takes the reasons of packages that cannot take part. There are no rows without the reference.
    """
    reference = REFERENCES[path.suffix]
    if not installed(reference):
        absent.append(f"{reference} is not installed")
        return
    peers, missing = open_peers(path)
    absent.extend(reason for reason in missing if reason not in absent)
    encoding = Encoding(model_name(path), path, "", {})
    for text in texts:
        case = Case(text.short, encoding, peers, rounds, reference)
        yield from short_lists(case)
        yield from one_list(case)
        yield from document_lists(case)


def model_name(path: Path) -> str:
    """The name of a file's folder where the file has the name that all such files have, else its own."""
    return path.parent.name if path.stem == "tokenizer" else path.stem


def open_peers(path: Path) -> tuple[dict[str, Peer], list[str]]:
    """The packages that can read a file, by name, and the reasons of the others."""
    peers, absent = {}, []
    for name, opener in OPENERS[path.suffix].items():
        if not installed(name):
            absent.append(f"{DISTRIBUTIONS.get(name, name)} is not installed")
            continue
        try:
            peers[name] = opener(path)
        except UnavailableError as reason:
            absent.append(str(reason))
    return peers, absent


def _pybpe_json(path: Path) -> Peer:
    return _pybpe(Tokenizer.from_huggingface(path), allowed_special="all")  # as tokenizers does with any text


def _pybpe_sentencepiece(path: Path) -> Peer:
    return _pybpe(Tokenizer.from_sentencepiece(path), disallowed_special=())


def _pybpe(tok: Tokenizer, **policy: Any) -> Peer:
    return _of_lists(
        "pybpe",
        partial(tok.encode, **policy),
        lambda texts, threads: tok.encode_batch(texts, threads=threads, **policy),
        slow=False,
    )


def _tokenizers(path: Path) -> Peer:
    """tokenizers by its fastest way, which keeps no offsets. Its batches run on all threads that rayon has."""
    import tokenizers

    theirs = tokenizers.Tokenizer.from_file(str(path))

    def to_list(text: str) -> list[int]:
        return theirs.encode_batch_fast([text], add_special_tokens=False)[0].ids

    def batch(texts: list[str], threads: int) -> list[list[int]]:
        if threads == 1:
            return list(map(to_list, texts))
        return [found.ids for found in theirs.encode_batch_fast(texts, add_special_tokens=False)]

    return _of_lists("tokenizers", to_list, batch, slow=True)


def _sentencepiece(path: Path) -> Peer:
    import sentencepiece

    theirs = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return _of_lists(
        "sentencepiece", theirs.encode, lambda texts, threads: theirs.encode(texts, num_threads=threads), slow=True
    )


def _of_lists(
    name: str,
    to_list: Callable[[str], list[int]],
    batch_to_lists: Callable[[list[str], int], list[list[int]]],
    slow: bool,
) -> Peer:
    """A contender of which only lists are asked for; its arrays are made of them."""

    def to_numpy(text: str) -> Ids:
        return np.asarray(to_list(text), dtype=np.uint32)

    return Peer(name, to_list, to_numpy, batch_to_lists, None, slow=slow)


def _gigatoken_json(path: Path) -> Peer:
    import gigatoken

    return _gigatoken(path, lambda: gigatoken.Tokenizer.from_json(path.read_bytes()))


def _gigatoken_sentencepiece(path: Path) -> Peer:
    import gigatoken

    return _gigatoken(path, lambda: gigatoken.Tokenizer.from_sentencepiece(str(path)))


def _gigatoken(path: Path, read: Callable[[], Any]) -> Peer:
    try:
        return gigatoken_peer(read())
    except Exception as error:  # whatever it raises for a file of a kind it does not know
        raise UnavailableError(f"gigatoken does not read {model_name(path)} ({type(error).__name__})") from None


def _splintr_json(path: Path) -> Peer:
    import splintr

    return _splintr(path, lambda: splintr.from_json(str(path)))


def _splintr_bundled(path: Path) -> Peer:
    """splintr reads no sentencepiece model, but ships some under their names."""
    import splintr

    return _splintr(path, lambda: splintr.Tokenizer.from_pretrained(model_name(path)))


def _splintr(path: Path, read: Callable[[], Any]) -> Peer:
    """Its batches add the first and last token of the model's template: without a template only, it has batches."""
    try:
        theirs = read()
    except Exception as error:
        raise UnavailableError(f"splintr does not have {model_name(path)} ({type(error).__name__})") from None
    templated = theirs.encode("a") != theirs.encode_raw("a")
    peer = splintr_peer(theirs)
    return replace(peer, batch_to_lists=None) if templated else peer


OPENERS: dict[str, dict[str, Callable[[Path], Peer]]] = {
    ".json": {
        "pybpe": _pybpe_json,
        "tokenizers": _tokenizers,
        "gigatoken": _gigatoken_json,
        "splintr": _splintr_json,
    },
    ".model": {
        "pybpe": _pybpe_sentencepiece,
        "sentencepiece": _sentencepiece,
        "gigatoken": _gigatoken_sentencepiece,
        "splintr": _splintr_bundled,
    },
}


def clip_like(texts: list[Text], path: Path, vocab_size: int = CLIP_TOKENS) -> Path:
    """Write a tokenizer.json of CLIP's form, with merges that tokenizers learns from the texts. Returns `path`.

    Its tokens are the bytes, the bytes at the end of a word, the merges, and two special tokens, as CLIP orders them.
    """
    from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers
    from tokenizers import Tokenizer as TheirTokenizer

    from pybpe.formats.helpers.byte_level import to_chars

    tokenizer = TheirTokenizer(models.BPE(end_of_word_suffix=CLIP_END, unk_token=CLIP_SPECIAL[1]))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CLIP_SPLIT), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    alphabet = [to_chars(bytes([byte])) for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        end_of_word_suffix=CLIP_END,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator([text.short.content for text in texts], trainer)
    content = json.loads(tokenizer.to_str())
    ends = [f"{name}{CLIP_END}" for name in alphabet]
    room = vocab_size - len(alphabet) - len(ends) - len(CLIP_SPECIAL)
    merges = content["model"]["merges"][:room]
    names = dict.fromkeys([*alphabet, *ends, *("".join(merge) for merge in merges), *CLIP_SPECIAL])
    content["model"] |= {"merges": merges, "vocab": {name: number for number, name in enumerate(names)}}
    content["decoder"] = content["pre_tokenizer"]["pretokenizers"][1]
    content["added_tokens"] = [_special(content["model"]["vocab"][name], name) for name in CLIP_SPECIAL]
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _special(token: int, name: str) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": token, "content": name, **flags, "special": True}
