"""GPT-2's two files: vocab.json, {token: id}, and merges.txt, one merge per line in learned order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from pybpe.definition import Definition, make_vocabulary
from pybpe.errors import FormatError
from pybpe.formats.helpers.byte_level import (
    read_bytes,
    read_json,
    read_merges,
    read_vocabulary,
    token_list,
    unmade,
    write_merges,
    write_vocabulary,
)
from pybpe.pretokenization.patterns import GPT2, GPT2_ORIGINAL, resolve
from pybpe.util.files import PathLike, atomic_folder
from pybpe.vocabulary.models import ByteMerges, ByteRanks

VOCAB, MERGES = "vocab.json", "merges.txt"
_LOOKS_SPECIAL = re.compile(r"<[!-~]+>")


def read(vocab_json: PathLike, merges_txt: PathLike | None = None, pattern: str = "gpt2") -> Definition:
    """Read vocab.json and merges.txt, which hold neither the split pattern nor special tokens.

    Without `merges_txt`, `vocab_json` is the folder of both, or the vocab.json beside the merges.txt.

    Tokens in angle brackets that no merge makes become special tokens, such as "<|endoftext|>" in GPT-2's own files.
    Raises FormatError for files that are not such a pair.
    """
    if merges_txt is None:
        folder = Path(vocab_json) if Path(vocab_json).is_dir() else Path(vocab_json).parent
        vocab_json, merges_txt = folder / VOCAB, folder / MERGES
    vocab = read_vocabulary(read_json(vocab_json), vocab_json)
    pairs = list(_pairs(merges_txt))
    _check_parts(pairs, merges_txt)
    merges = read_merges(pairs, vocab, merges_txt)
    special = {chars: vocab[chars] for chars in unmade(filter(_LOOKS_SPECIAL.fullmatch, vocab), vocab, merges)}
    ordinary = {chars: token for chars, token in vocab.items() if chars not in special}
    return Definition(
        ByteMerges(make_vocabulary(token_list(ordinary, vocab_json)), merges),
        pattern=resolve(pattern),
        special_tokens=special,
    )


def _pairs(path: PathLike) -> Iterator[tuple[str, str]]:
    """Yield the merges of a merges.txt as pairs; the line with the version is skipped."""
    try:
        content = read_bytes(path).decode()
    except UnicodeDecodeError:
        raise FormatError(f"{path} is not UTF-8") from None
    for number, line in enumerate(content.split("\n"), 1):
        if line.strip() and not line.startswith("#version"):
            parts = line.rstrip("\r").split(" ")
            if len(parts) != 2 or not all(parts):
                raise FormatError(f"{path}, line {number}: not two tokens and a space between them: {line[:60]!r}")
            yield parts[0], parts[1]


def _check_parts(pairs: list[tuple[str, str]], path: PathLike) -> None:
    """Raise FormatError for a merge that can never apply, as in files that mark the ends of words (CLIP's do)."""
    made = {left + right for left, right in pairs}
    for number, pair in enumerate(pairs, 1):
        for part in pair:
            if len(part) > 1 and part not in made:
                raise FormatError(f"{path}: merge {number} takes {part!r}, which is no byte and which no merge makes")


def write(definition: Definition, path: PathLike) -> None:
    """Write vocab.json and merges.txt into a folder.

    Special tokens are written to vocab.json like all others. Raises ValueError for what these files cannot hold: a
    pattern other than GPT-2's, ignore_merges, or a token that only a whole word can become.
    """
    definition.check_bytes("vocab.json and merges.txt cannot say so")
    if definition.pattern not in (GPT2, GPT2_ORIGINAL):
        raise ValueError("vocab.json and merges.txt are for the split pattern gpt2; write a tokenizer.json instead")
    if not definition.is_plain:
        raise ValueError("vocab.json and merges.txt cannot say how this tokenizer reads text; write a tokenizer.json")
    if definition.shared_id is not None:
        raise ValueError(f"several special tokens share the id {definition.shared_id}; vocab.json cannot say that")
    vocab, merges = write_vocabulary(definition), write_merges(definition)
    if isinstance(definition.model, ByteRanks):
        made = {left + right for left, right in merges}
        if lone := [chars for chars in vocab if len(chars) > 1 and chars not in made]:
            raise ValueError(f"no merge makes the token {lone[0]!r}, a whole word; write a tokenizer.json")
    for name, token in definition.special_tokens.items():
        if vocab.setdefault(name, token) != token or not _LOOKS_SPECIAL.fullmatch(name):
            raise ValueError(f"the special token {name!r} would be read back as an ordinary one")
    lines = ["#version: 0.2", *(f"{left} {right}" for left, right in merges)]
    with atomic_folder(path) as folder:
        (folder / VOCAB).write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")
        (folder / MERGES).write_bytes(("\n".join(lines) + "\n").encode())
