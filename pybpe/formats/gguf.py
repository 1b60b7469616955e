"""The vocabulary in a GGUF file, of the kind that llama.cpp calls gpt2: byte-level BPE. Only the header is read.

The header is a list of keys and typed values. Of tokens it holds their characters and types, the merges, and a name
for the way that text is split; the names whose patterns are known here are read, all others refused. Text is taken as
it is, as llama.cpp does: the format cannot say that the model's own tokenizer would bring it to a normal form first.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from pybpe.definition import Definition, make_vocabulary
from pybpe.errors import FormatError, SpecialTokenError
from pybpe.files import PathLike, Reader, write_atomic
from pybpe.formats.byte_level import (
    read_merges,
    read_vocabulary,
    to_bytes,
    token_list,
    write_merges,
    write_vocabulary,
)
from pybpe.patterns import DEEPSEEK_V3, GPT2, GPT2_ORIGINAL, LLAMA3, QWEN2, STARCODER
from pybpe.reading import Reading

MAGIC = b"GGUF"
MAX_HEADER = 1 << 27  # bytes; of the largest vocabularies known it has a tenth
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
PREFIX = "tokenizer.ggml."
# The names of ways to split; those of the second group take a word that is a token for that token.
PATTERNS = {
    "gpt-2": GPT2_ORIGINAL,
    "phi-2": GPT2_ORIGINAL,
    "qwen2": QWEN2,
    "deepseek-r1-qwen": QWEN2,
    "starcoder": STARCODER,
    "refact": STARCODER,
    "smollm": STARCODER,
    "deepseek-v3": DEEPSEEK_V3,
}
WHOLE_WORDS = {"llama-bpe": LLAMA3, "llama3": LLAMA3, "llama-v3": LLAMA3}


def read(path: PathLike) -> Definition:
    """Read the vocabulary. Raises FormatError, with the reason, for what is damaged or cannot be done exactly."""
    facts = read_header(path)
    kind, split = facts.get("model"), facts.get("pre", "default")
    if kind != "gpt2":
        raise FormatError(f"{path} holds a vocabulary of the kind {kind!r:.60}; pybpe reads the kind 'gpt2'")
    pattern = PATTERNS.get(split) or WHOLE_WORDS.get(split) if isinstance(split, str) else None
    if pattern is None:
        raise FormatError(f"{path}: it is not known exactly how text is split by the name {split!r:.60}")
    if facts.get("add_space_prefix"):
        raise FormatError(f"{path} wants a space before the text, which is not known exactly for this kind")
    tokens, types = _strings(facts, "tokens", path), facts.get("token_type")
    if not isinstance(types, list) or len(types) != len(tokens):
        raise FormatError(f"{path}: there is not one type for each of the {len(tokens):,} tokens")
    named: dict[int, dict[str, int]] = {NORMAL: {}, CONTROL: {}, USER_DEFINED: {}, UNUSED: {}}
    for number, (token, of_type) in enumerate(zip(tokens, types, strict=True)):
        if named.get(of_type, {}).setdefault(token, number) != number:
            raise FormatError(f"{path}: the token {token!r:.60} is there twice")
        if of_type not in named:
            raise FormatError(f"{path}: the token {token!r:.60} is of type {of_type}, not known for this kind")
    vocab = read_vocabulary(named[NORMAL], path)
    pairs = [_pair(merge, path) for merge in _strings(facts, "merges", path)]
    try:
        return Definition(
            rule="merges",
            vocabulary=make_vocabulary(token_list(vocab, path)),
            merges=read_merges(pairs, vocab, path),
            pattern=pattern,
            special_tokens=named[CONTROL],
            reading=Reading(added_tokens=named[USER_DEFINED]),
            whole_words=split in WHOLE_WORDS,
        )
    except SpecialTokenError as error:
        raise FormatError(f"{path}: {error}") from None


def _strings(facts: dict[str, Any], name: str, path: PathLike) -> list[str]:
    """A list of strings of the header."""
    found = facts.get(name)
    if not isinstance(found, list) or not found or not isinstance(found[0], bytes):
        raise FormatError(f"{path} has no list of {name}")
    try:
        return [item.decode() for item in found]
    except UnicodeDecodeError:
        raise FormatError(f"{path}: its {name} are not UTF-8") from None


def _pair(merge: str, path: PathLike) -> tuple[str, str]:
    left, _, right = merge.partition(" ")
    if not (left and right) or " " in right:
        raise FormatError(f"{path}: the merge {merge!r:.60} is not two tokens and a space between them")
    return left, right


def read_header(path: PathLike) -> dict[str, Any]:
    """What the header says of the tokenizer, by keys without "tokenizer.ggml."; strings in lists are bytes."""
    with Path(path).open("rb") as file:
        content = file.read(MAX_HEADER)
    if not content.startswith(MAGIC):
        raise FormatError(f"{path} is not a GGUF file")
    reader = Reader(content, str(path))
    reader.take(len(MAGIC), "magic")
    version, _, n_keys = reader.unpack("<IQQ", "fixed header")
    if version not in (2, 3):
        raise FormatError(f"{path} is of GGUF version {version}; pybpe reads versions 2 and 3, little-endian")
    facts: dict[str, Any] = {}
    for _ in range(n_keys):
        key = _string(reader, "key").decode("utf-8", "replace")
        (of_type,) = reader.unpack("<I", "type")
        wanted = key.startswith(PREFIX)
        value = _value(reader, of_type, wanted, path)
        if wanted and facts.setdefault(key.removeprefix(PREFIX), value) is not value:
            raise FormatError(f"{path}: the key {key[:60]!r} is there twice")
    return facts


def _string(reader: Reader, what: str) -> bytes:
    (size,) = reader.unpack("<Q", what)
    return bytes(reader.take(size, what))


def _value(reader: Reader, of_type: int, wanted: bool, path: PathLike) -> Any:
    """A value of this type; lists that are not wanted are passed over."""
    if of_type == STRING:
        return _string(reader, "text").decode("utf-8", "replace")
    if of_type in NUMBERS:
        return reader.unpack(f"<{NUMBERS[of_type]}", "number")[0]
    if of_type != ARRAY:
        raise FormatError(f"{path}: there is no type {of_type} in GGUF")
    item_type, count = reader.unpack("<IQ", "list")
    if item_type in NUMBERS:
        content = reader.take(count * struct.calcsize(f"<{NUMBERS[item_type]}"), "list of numbers")
        return list(struct.unpack(f"<{count}{NUMBERS[item_type]}", content)) if wanted else None
    if item_type != STRING:
        raise FormatError(f"{path}: a list of type {item_type} is not known")
    # A count that is a lie ends where the file does: each string takes 8 bytes at least.
    if wanted:
        return [_string(reader, "list of strings") for _ in range(count)]
    for _ in range(count):
        _string(reader, "list of strings")
    return None


def write(definition: Definition, path: PathLike) -> None:
    """Write the vocabulary alone, a GGUF file without a model. Raises ValueError for what it cannot say."""
    tokens, types, merges = _to_lists(definition)
    entries = [
        ("general.architecture", _text("gpt2")),
        (f"{PREFIX}model", _text("gpt2")),
        (f"{PREFIX}pre", _text(_split_name(definition, merges))),
        (f"{PREFIX}tokens", _texts(tokens)),
        (f"{PREFIX}token_type", struct.pack(f"<IIQ{len(types)}i", ARRAY, 5, len(types), *types)),
        (f"{PREFIX}merges", _texts([" ".join(pair) for pair in merges])),
    ]
    header = MAGIC + struct.pack("<IQQ", 3, 0, len(entries))
    write_atomic(path, header + b"".join(_sized(key) + value for key, value in entries))


def _to_lists(definition: Definition) -> tuple[list[str], list[int], list[tuple[str, str]]]:
    """Characters and types by id, and the merges."""
    if definition.reading != Reading(added_tokens=definition.reading.added_tokens) or definition.shared_id is not None:
        raise ValueError("GGUF cannot say how this tokenizer reads text; write a tokenizer.json")
    vocab, merges = write_vocabulary(definition), write_merges(definition)
    if not merges:
        raise ValueError("GGUF cannot hold a vocabulary without merges")
    by_id = {token: (chars, NORMAL) for chars, token in vocab.items()}
    for name, token in definition.names.items():
        if token in by_id or name in vocab:
            raise ValueError(f"the token {name!r} is an ordinary one too; GGUF cannot say that")
        by_id[token] = name, CONTROL if name in definition.special_tokens else USER_DEFINED
    listed = [by_id.get(token, (f"[PAD{token}]", UNUSED)) for token in range(definition.n_vocab)]
    if len({chars for chars, _ in listed}) < len(listed):
        raise ValueError("a token has the name of an id that is not used; GGUF cannot say that")
    return [chars for chars, _ in listed], [of_type for _, of_type in listed], merges


def _split_name(definition: Definition, merges: list[tuple[str, str]]) -> str:
    """What GGUF calls this way to split and to merge."""
    pattern = GPT2_ORIGINAL if definition.pattern == GPT2 else definition.pattern
    ranks = definition.rule == "ranks"
    names = WHOLE_WORDS if definition.whole_words or (ranks and pattern in WHOLE_WORDS.values()) else PATTERNS
    name = next((name for name, text in names.items() if text == pattern), None)
    if name is None:
        raise ValueError("GGUF has no name, known exactly, for how this tokenizer splits and merges")
    if ranks and names is PATTERNS:
        made = {to_bytes(left + right) for left, right in merges}
        lone = [token for token in definition.vocabulary.to_list() if len(token) > 1 and token not in made]
        if lone:
            raise ValueError(f"no merge makes the token {lone[0]!r}, a whole word; GGUF cannot say that here")
    return name


def _sized(text: str) -> bytes:
    content = text.encode()
    return struct.pack("<Q", len(content)) + content


def _text(text: str) -> bytes:
    return struct.pack("<I", STRING) + _sized(text)


def _texts(texts: list[str]) -> bytes:
    return struct.pack("<IIQ", ARRAY, STRING, len(texts)) + b"".join(map(_sized, texts))
