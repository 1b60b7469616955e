"""pybpe's own file format: versioned, checksummed, and exact.

Layout, all numbers little-endian:

    8 bytes   magic
    u32       version
    u32       size of the header
    u64 x 3   number of tokens, their bytes, number of merges
    header    JSON: rule, pattern, special_tokens, unicode; since version 2 also reading (the preprocessing),
              whole_words (ignore_merges), carried; since 3 scores; since 4 word_end (end_of_word_suffix), drops_space,
              drops_bytes; since 5 word_rest (continuing_subword_prefix); in any version empty_token, the id of the
              token without bytes
    u32[n]    sizes of the tokens
    bytes     the tokens, joined
    u32[m, 3] merges
    32 bytes  sha256 of everything before

A file is written in the lowest version that can hold it, version 2 or later. Version 3 adds the rule "scores", without
merges: they follow from the scores. Version 4 adds the rule "characters", end_of_word_suffix, dropped white space and
bytes, and more kinds of normalizers. Version 5 adds continuing_subword_prefix.

Version 1 has no merges if the rule is "ranks". Since version 2 they are there to make opening faster: they follow from
the tokens, and a wrong one changes no id.

Equal tokenizers give equal bytes. The checksum of version 1 is the tokenizer's fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from array import array
from pathlib import Path
from typing import Any

from pybpe._core.ids import Rows
from pybpe._core.unicode import UNICODE_VERSION
from pybpe._core.vocab import Vocabulary
from pybpe.definition import MAX_ID, Definition
from pybpe.errors import FormatError
from pybpe.formats.registry import MAGIC  # holds a non-ASCII byte and a line end, to detect a transfer as text
from pybpe.normalization.preprocessing import Preprocessing
from pybpe.util.files import PathLike, Reader, write_atomic
from pybpe.vocabulary.characters import CharacterVocabulary
from pybpe.vocabulary.models import ByteMerges, ByteRanks, CharacterMerges, Model, ScoredCharacters, WordMarks

VERSION = 2  # written unless a later version is needed
SCORED = 3  # for scores
MARKED = 4  # for the end_of_word_suffix and more
PREFIXED = 5  # for the continuing_subword_prefix
_FIXED = "<IIQQQ"


def dumps(definition: Definition) -> bytes:
    """Return the bytes of a file."""
    body = _body(
        definition,
        _version(definition),
        b"" if isinstance(definition.model, ScoredCharacters) else definition.merges.tobytes(),
    )
    return body + hashlib.sha256(body).digest()


def _version(definition: Definition) -> int:
    """Return the lowest version that can hold a Definition."""
    preprocessing = definition.preprocessing
    model = definition.model
    if model.marks.continuing_subword_prefix:
        return PREFIXED
    if isinstance(preprocessing.normalizer, tuple) or preprocessing.add_prefix_space == "first":
        return MARKED
    if (
        isinstance(model, CharacterMerges)
        or model.marks.end_of_word_suffix
        or definition.drops_space
        or _drops_bytes(model)
    ):
        return MARKED
    return SCORED if isinstance(model, ScoredCharacters) else VERSION


def fingerprint(definition: Definition) -> str:
    """Return the fingerprint, 64 hexadecimal digits that are equal for equal tokenizers: the checksum of version 1."""
    listed = isinstance(definition.model, (ByteMerges, CharacterMerges))
    return hashlib.sha256(_body(definition, 1, definition.merges.tobytes() if listed else b"")).hexdigest()


def _body(definition: Definition, version: int, merges: bytes) -> bytes:
    """Return the bytes of a file without the checksum. merges: uint32[n, 3] in the byte order of this machine."""
    model = definition.model
    later = {
        "reading": definition.preprocessing.to_json(),
        "whole_words": isinstance(model, ByteMerges) and model.ignore_merges,
        "carried": dict(definition.carried) if version > 1 else {},  # no id depends on it
        "scores": model.characters.to_json() if model.characters else None,
        "word_rest": model.marks.continuing_subword_prefix,
        "word_end": model.marks.end_of_word_suffix,
        "drops_space": definition.drops_space,
        "drops_bytes": _drops_bytes(model),
    }
    later = {name: value for name, value in later.items() if value}
    if definition.vocabulary.empty is not None:
        later["empty_token"] = definition.vocabulary.empty
    header = json.dumps(
        {
            "rule": model.rule,
            "pattern": definition.pattern,
            "special_tokens": dict(sorted(definition.special_tokens.items(), key=lambda item: item[1])),
            "unicode": UNICODE_VERSION,
            **later,
        },
        ensure_ascii=True,
        separators=(",", ":"),
    ).encode()
    vocabulary = definition.vocabulary
    joined = vocabulary.joined
    return b"".join(
        (
            MAGIC,
            struct.pack(_FIXED, version, len(header), len(vocabulary), len(joined), len(merges) // 12),
            header,
            _little_endian(memoryview(vocabulary.sizes()).tobytes()),
            joined,
            _little_endian(merges),
        )
    )


def _little_endian(numbers: bytes | memoryview) -> array[int]:
    """Convert uint32 numbers between the byte order of this machine and that of the file."""
    swapped = array("I")
    swapped.frombytes(numbers)
    if sys.byteorder == "big":
        swapped.byteswap()
    return swapped


def loads(content: bytes, name: str = "the tokenizer") -> Definition:
    """Return the Definition in the bytes of a file; error messages call it `name`. Raises FormatError."""
    if not content.startswith(MAGIC):
        raise FormatError(f"{name} is not a pybpe tokenizer file")
    body = memoryview(content)[:-32]
    if len(content) < len(MAGIC) + struct.calcsize(_FIXED) + 32:
        raise FormatError(f"{name} is truncated: it has only {len(content)} bytes")
    reader = Reader(body, name)
    reader.take(len(MAGIC), "magic")
    version, header_size, n_tokens, n_bytes, n_merges = reader.unpack(_FIXED, "fixed header")
    if not 1 <= version <= PREFIXED:
        raise FormatError(f"{name} is of version {version}; this pybpe reads up to version {PREFIXED}: upgrade pybpe")
    if hashlib.sha256(body).digest() != content[-32:]:
        raise FormatError(f"{name} is damaged or truncated: its checksum does not match")
    if n_tokens > MAX_ID + 1:
        raise FormatError(f"{name} has {n_tokens:,} tokens, more than the {MAX_ID + 1:,} that pybpe allows")
    header = _parse_header(bytes(reader.take(header_size, "header")), name)
    sizes = _little_endian(reader.take(4 * n_tokens, "token sizes"))
    joined = bytes(reader.take(n_bytes, "tokens"))
    try:
        vocabulary = Vocabulary(joined, sizes, header.get("empty_token"))
    except ValueError as error:
        raise FormatError(f"{name} is damaged: {error}") from None
    merges = Rows(_little_endian(reader.take(12 * n_merges, "merges")), 3)
    reader.finish()
    if version == 1 and header["rule"] == "ranks" and n_merges:
        raise FormatError(f"{name} is damaged: in version 1 a vocabulary of ranks has no list of merges")
    return Definition(
        _model_of(header, vocabulary, memoryview(merges), name),
        pattern=header["pattern"],
        special_tokens=header["special_tokens"],
        preprocessing=Preprocessing.from_json(header.get("reading", {})),
        carried=header.get("carried", {}),
        drops_space=header.get("drops_space", False),
    )


# The header fields of each kind of vocabulary.
_FIELDS_OF_RULE = {
    "merges": {"whole_words", "word_rest", "word_end", "drops_bytes"},
    "ranks": set[str](),
    "scores": {"scores"},
    "characters": {"scores"},
}


def _model_of(header: dict[str, Any], vocabulary: Vocabulary, merges: memoryview, name: str) -> Model:
    """Return the vocabulary that the header describes. Raises FormatError for a field of another kind."""
    rule = header["rule"]
    said = {field for field in set().union(*_FIELDS_OF_RULE.values()) if header.get(field)}
    if wrong := said - _FIELDS_OF_RULE[rule]:
        raise FormatError(f"{name} is damaged: a vocabulary of the kind {rule!r} has no {min(wrong)!r}")
    if rule == "ranks":
        return ByteRanks(vocabulary, merges)
    if rule == "merges":
        marks = WordMarks(header.get("word_rest", ""), header.get("word_end", ""))
        return ByteMerges(vocabulary, merges, header.get("whole_words", False), marks, header.get("drops_bytes", False))
    characters = CharacterVocabulary.from_json(header["scores"])
    if rule == "scores":
        return ScoredCharacters(vocabulary, characters)
    return CharacterMerges(vocabulary, merges, characters)


def _drops_bytes(model: Model) -> bool:
    return isinstance(model, ByteMerges) and model.drops_bytes


def _parse_header(text: bytes, name: str) -> dict[str, Any]:
    """Parse the JSON header, and check the type of each field."""
    try:
        header: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise FormatError(f"{name} is damaged: its header is not JSON") from None
    specials = header.get("special_tokens") if isinstance(header, dict) else None
    if (
        not isinstance(specials, dict)
        or not all(isinstance(token, int) for token in specials.values())
        or not isinstance(header.get("pattern"), str)
        or header.get("rule") not in ("merges", "ranks", "scores", "characters")
        or (header["rule"] in ("scores", "characters")) != isinstance(header.get("scores"), dict)
        or not isinstance(header.get("whole_words", False), bool)
        or not isinstance(header.get("drops_space", False), bool)
        or not isinstance(header.get("drops_bytes", False), bool)
        or not isinstance(header.get("word_rest", ""), str)
        or not isinstance(header.get("word_end", ""), str)
        or not isinstance(header.get("carried", {}), dict)
        or type(header.get("empty_token", 0)) is not int
    ):
        raise FormatError(f"{name} is damaged: its header lacks a field")
    return dict(header)


def write(definition: Definition, path: PathLike) -> None:
    """Write a .pybpe file, completely or not at all."""
    write_atomic(path, dumps(definition))


def read(path: PathLike) -> Definition:
    """Read a .pybpe file. Raises FormatError if it is not one, OSError if it cannot be read."""
    return loads(Path(path).read_bytes(), str(path))
