"""GGUF files: the vocabulary, of the models that llama.cpp calls gpt2 and llama.

Only the header is read: a list of keys and typed values. The model gpt2 is byte-level BPE: the tokens as characters,
their types, the merges, and a name for the split pattern; names whose pattern is not known exactly are refused. Text is
not normalized, as in llama.cpp: the format cannot say that the original tokenizer does it. The model llama is a
sentencepiece model: pieces, their scores and types.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pybpe.definition import Definition, make_vocabulary
from pybpe.errors import FormatError, PybpeError
from pybpe.formats.helpers.byte_level import (
    read_merges,
    read_vocabulary,
    to_bytes,
    token_list,
    write_merges,
    write_vocabulary,
)
from pybpe.formats.helpers.character_tokens import as_scores
from pybpe.formats.sentencepiece import Piece, definition_of, names_of
from pybpe.normalization.preprocessing import Preprocessing
from pybpe.normalization.sentencepiece import SentencePieceNormalizer
from pybpe.pretokenization.patterns import BLOOM, DEEPSEEK_V3, GPT2, GPT2_ORIGINAL, LLAMA3, QWEN2, QWEN35, STARCODER
from pybpe.pretokenization.stages import join_stages
from pybpe.util.files import PathLike, Reader, write_atomic
from pybpe.vocabulary.characters import MAX_TOKEN
from pybpe.vocabulary.models import ByteMerges, ByteRanks, CharacterMerges

MAGIC = b"GGUF"
MAX_HEADER = 1 << 27  # bytes; ten times the header of the largest known vocabularies
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
PREFIX = "tokenizer.ggml."
_VIKING = join_stages((BLOOM, r"\p{N}"))
# llama.cpp's names of split patterns; of several names for one pattern, the first is written. Names whose patterns
# llama.cpp rewrote for its own engine are left out: it may split text differently from the original tokenizer.
PATTERNS = {
    "gpt-2": GPT2_ORIGINAL,
    **dict.fromkeys(("phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "gigachat", "a.x-4.0"), GPT2_ORIGINAL),
    **dict.fromkeys(("mellum", "modern-bert", "mpt", "olmo", "jais", "trillion", "granite-docling"), GPT2_ORIGINAL),
    **dict.fromkeys(("jina-v1-en", "jina-v2-code", "roberta-bpe"), GPT2_ORIGINAL),
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "stablelm2", "hunyuan"), QWEN2),
    **dict.fromkeys(("starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b"), STARCODER),
    **dict.fromkeys(("deepseek-v3", "hunyuan-dense", "joyai-llm"), DEEPSEEK_V3),
    **dict.fromkeys(("smaug-bpe", "dbrx", "chatglm-bpe"), LLAMA3),
    **dict.fromkeys(("bloom", "poro-chat", "gpt3-finnish"), BLOOM),
    "qwen35": QWEN35,
    "falcon": join_stages((r"[\p{P}\$\+<=>\^~\|`]+", GPT2_ORIGINAL, "[0-9][0-9][0-9]")),
    "deepseek-coder": join_stages(("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}")),
    "viking": _VIKING,
}
# The names of patterns that go with ignore_merges: a word that is a token becomes that token.
WHOLE_WORDS = dict.fromkeys(
    ("llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "glm4", "glm5"), LLAMA3
)


def read(path: PathLike) -> Definition:
    """Read the vocabulary of a GGUF file.

    Raises FormatError, with the reason, for a damaged file and for a vocabulary that pybpe cannot serve exactly;
    OSError if the file cannot be read.
    """
    results = read_header(path)
    kind = results.get("model")
    if kind not in ("gpt2", "llama"):
        raise FormatError(
            f"{path} holds a vocabulary of the kind {kind!r:.60}; pybpe reads the kinds 'gpt2' and 'llama'"
        )
    tokens, types = _strings(results, "tokens", path), results.get("token_type")
    if not isinstance(types, list) or len(types) != len(tokens):
        raise FormatError(f"{path}: token_type is not a list of {len(tokens):,} types, one for each token")
    try:
        return (_read_bytes if kind == "gpt2" else _read_pieces)(results, tokens, types, path)
    except PybpeError as error:
        raise FormatError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from None


def _read_bytes(results: dict[str, Any], tokens: list[str], types: list[Any], path: PathLike) -> Definition:
    """Return the Definition of a vocabulary of the model gpt2."""
    split = results.get("pre", "default")
    pattern = PATTERNS.get(split) or WHOLE_WORDS.get(split) if isinstance(split, str) else None
    if pattern is None:
        raise FormatError(f"{path}: the exact split pattern of the name {split!r:.60} is not known to pybpe")
    if results.get("add_space_prefix"):
        raise FormatError(f"{path} has add_space_prefix, which pybpe does not support for the model gpt2")
    named: dict[int, dict[str, int]] = {NORMAL: {}, CONTROL: {}, USER_DEFINED: {}, UNUSED: {}}
    for number, (token, of_type) in enumerate(zip(tokens, types, strict=True)):
        if named.get(of_type, {}).setdefault(token, number) != number:
            raise FormatError(f"{path}: the token {token!r:.60} occurs twice")
        if of_type not in named:
            raise FormatError(f"{path}: the token {token!r:.60} is of type {of_type}, unknown for the model gpt2")
    vocab = read_vocabulary(named[NORMAL], path)
    pairs = [_pair(merge, path) for merge in _strings(results, "merges", path)]
    return Definition(
        ByteMerges(
            make_vocabulary(token_list(vocab, path)),
            read_merges(pairs, vocab, path),
            ignore_merges=split in WHOLE_WORDS,
        ),
        pattern=pattern,
        special_tokens=named[CONTROL],
        preprocessing=Preprocessing(added_tokens=named[USER_DEFINED]),
    )


def _read_pieces(results: dict[str, Any], tokens: list[str], types: list[Any], path: PathLike) -> Definition:
    """Return the Definition of a vocabulary of the model llama. Unused pieces become ids without a token."""
    scores, prefix = results.get("scores"), results.get("add_space_prefix", True)
    if not isinstance(scores, list) or len(scores) != len(tokens) or not all(type(score) is float for score in scores):
        raise FormatError(f"{path}: the scores are not a list of {len(tokens):,} floats, one for each token")
    if type(prefix) is not bool:
        raise FormatError(f"{path}: add_space_prefix is neither true nor false")
    if results.get("precompiled_charsmap"):
        raise FormatError(f"{path} holds a map of characters, which llama.cpp does not use for this kind")
    first = next((number for number, kind in enumerate(types) if kind == UNKNOWN), 0)
    unknown = results.get("unknown_token_id", first)
    unknown = unknown if type(unknown) is int and 0 <= unknown < len(types) and types[unknown] == UNKNOWN else first
    pieces = [Piece(*piece) for piece in zip(tokens, scores, types, strict=True)]
    for number, piece in enumerate(pieces):  # llama.cpp treats all other pieces of type UNKNOWN as control tokens
        piece.kind = CONTROL if piece.kind == UNKNOWN and number != unknown else piece.kind
    unused = [piece.kind == UNUSED for piece in pieces]
    known = {piece.name for piece in pieces}
    for piece in filter(lambda piece: piece.kind == UNUSED, pieces):
        cuts = range(1, len(piece.name)) if len(piece.name) <= MAX_TOKEN else range(0)
        if len(piece.name) > MAX_TOKEN or any(piece.name[:i] in known and piece.name[i:] in known for i in cuts):
            raise FormatError(f"{path}: the token {piece.name!r:.60} is marked unused, but llama.cpp can merge to it")
    return definition_of(pieces, unused, SentencePieceNormalizer(prefix, False), path)


def _strings(results: dict[str, Any], name: str, path: PathLike) -> list[str]:
    """Return a list of strings from the header. Raises FormatError if there is none."""
    found = results.get(name)
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
    """Return the header's {key: value} of the tokenizer, keys without "tokenizer.ggml."; strings in lists are bytes."""
    with Path(path).open("rb") as file:
        content = file.read(MAX_HEADER)
    if not content.startswith(MAGIC):
        raise FormatError(f"{path} is not a GGUF file")
    reader = Reader(content, str(path))
    reader.take(len(MAGIC), "magic")
    version, _, n_keys = reader.unpack("<IQQ", "fixed header")
    if version not in (2, 3):
        raise FormatError(f"{path} is of GGUF version {version}; pybpe reads versions 2 and 3, little-endian")
    results: dict[str, Any] = {}
    for _ in range(n_keys):
        key = _string(reader, "key").decode("utf-8", "replace")
        (of_type,) = reader.unpack("<I", "type")
        wanted = key.startswith(PREFIX)
        value = _value(reader, of_type, wanted, path)
        if wanted and results.setdefault(key.removeprefix(PREFIX), value) is not value:
            raise FormatError(f"{path}: the key {key[:60]!r} occurs twice")
    return results


def _string(reader: Reader, what: str) -> bytes:
    (size,) = reader.unpack("<Q", what)
    return bytes(reader.take(size, what))


def _value(reader: Reader, of_type: int, wanted: bool, path: PathLike) -> Any:
    """Read a value of this type; a list that is not wanted is skipped, and gives None."""
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
    # A count that is too large raises at the end of the file: each string takes at least 8 bytes.
    if wanted:
        return [_string(reader, "list of strings") for _ in range(count)]
    for _ in range(count):
        _string(reader, "list of strings")
    return None


def write(definition: Definition, path: PathLike) -> None:
    """Write a GGUF file with the vocabulary only. Raises ValueError for a Definition that the format cannot hold."""
    entries = _entries_of_pieces(definition) if definition.characters is not None else _entries_of_bytes(definition)
    header = MAGIC + struct.pack("<IQQ", 3, 0, len(entries))
    write_atomic(path, header + b"".join(_sized(key) + value for key, value in entries))


def _entries_of_bytes(definition: Definition) -> list[tuple[str, bytes]]:
    tokens, types, merges = _to_lists(definition)
    return [
        ("general.architecture", _text("gpt2")),
        (f"{PREFIX}model", _text("gpt2")),
        (f"{PREFIX}pre", _text(_split_name(definition, merges))),
        (f"{PREFIX}tokens", _texts(tokens)),
        (f"{PREFIX}token_type", _numbers(5, types)),
        (f"{PREFIX}merges", _texts([" ".join(pair) for pair in merges])),
    ]


def _entries_of_pieces(definition: Definition) -> list[tuple[str, bytes]]:
    if isinstance(definition.model, CharacterMerges):
        definition = as_scores(definition)
    scores, spm = definition.characters, definition.preprocessing.sentencepiece
    if scores is None or spm is None:
        raise ValueError("GGUF cannot say how this tokenizer reads text; write a tokenizer.json")
    if spm.charsmap or spm.remove_extra_whitespaces:
        what = "maps characters to others" if spm.charsmap else "leaves out spaces"
        raise ValueError(f"this tokenizer {what}, which llama.cpp does not do; write a sentencepiece model")
    if not scores.byte_ids:
        raise ValueError("this tokenizer has no tokens for bytes, which llama.cpp needs; write a sentencepiece model")
    pieces = names_of(definition, scores)
    return [
        ("general.architecture", _text("llama")),
        (f"{PREFIX}model", _text("llama")),
        (f"{PREFIX}pre", _text("default")),
        (f"{PREFIX}tokens", _texts([name or f"[PAD{number}]" for number, (name, _) in enumerate(pieces)])),
        (f"{PREFIX}scores", _numbers(6, scores.scores)),
        (f"{PREFIX}token_type", _numbers(5, [kind if name else UNUSED for name, kind in pieces])),
        (f"{PREFIX}unknown_token_id", struct.pack("<II", 4, scores.unknown)),
        (f"{PREFIX}add_space_prefix", struct.pack("<I?", 7, spm.add_dummy_prefix)),
    ]


def _to_lists(definition: Definition) -> tuple[list[str], list[int], list[tuple[str, str]]]:
    """Return (tokens as characters by id, types by id, merges). Raises ValueError for what GGUF cannot hold."""
    if definition.changes_words or definition.model.dropped:
        raise ValueError("GGUF cannot say how this tokenizer makes words; write a tokenizer.json")
    if (
        definition.preprocessing != Preprocessing(added_tokens=definition.preprocessing.added_tokens)
        or definition.shared_id is not None
    ):
        raise ValueError("GGUF cannot say how this tokenizer reads text; write a tokenizer.json")
    vocab, merges = write_vocabulary(definition), write_merges(definition)
    if not merges:
        raise ValueError("GGUF cannot hold a vocabulary without merges")
    by_id = {token: (chars, NORMAL) for chars, token in vocab.items()}
    for name, token in definition.names.items():
        if token in by_id or name in vocab:
            raise ValueError(f"the token {name!r} is also an ordinary token; GGUF cannot hold both")
        by_id[token] = name, CONTROL if name in definition.special_tokens else USER_DEFINED
    listed = [by_id.get(token, (f"[PAD{token}]", UNUSED)) for token in range(definition.n_vocab)]
    if len({chars for chars, _ in listed}) < len(listed):
        raise ValueError("a token has the name that GGUF gives to an unused id; write a tokenizer.json")
    return [chars for chars, _ in listed], [of_type for _, of_type in listed], merges


def _split_name(definition: Definition, merges: list[tuple[str, str]]) -> str:
    """Return llama.cpp's name for the pattern and ignore_merges. Raises ValueError if there is none."""
    pattern = GPT2_ORIGINAL if definition.pattern == GPT2 else definition.pattern
    ranks = isinstance(definition.model, ByteRanks)
    whole = pattern in WHOLE_WORDS.values() if ranks else definition.model.ignore_merges
    names = WHOLE_WORDS if whole else PATTERNS
    name = next((name for name, text in names.items() if text == pattern), None)
    if name is None:
        raise ValueError("GGUF has no exact name for this tokenizer's split pattern and ignore_merges")
    if ranks and names is PATTERNS:
        made = {to_bytes(left + right) for left, right in merges}
        lone = [token for token in definition.vocabulary.to_list() if len(token) > 1 and token not in made]
        if lone:
            raise ValueError(f"no merge makes the token {lone[0]!r}; GGUF has no such tokens with this split pattern")
    return name


def _sized(text: str) -> bytes:
    content = text.encode()
    return struct.pack("<Q", len(content)) + content


def _numbers(of_type: int, numbers: Sequence[float]) -> bytes:
    return struct.pack(f"<IIQ{len(numbers)}{NUMBERS[of_type]}", ARRAY, of_type, len(numbers), *numbers)


def _text(text: str) -> bytes:
    return struct.pack("<I", STRING) + _sized(text)


def _texts(texts: list[str]) -> bytes:
    return struct.pack("<IIQ", ARRAY, STRING, len(texts)) + b"".join(map(_sized, texts))
