"""sentencepiece's .model files of type BPE.

A model holds pieces (a string, a score and a type each), the settings of its training, and its normalizer. In a
Definition, a piece is its UTF-8 with spaces in place of U+2581. Control symbols and the unknown token are special
tokens, user-defined symbols are added tokens. Fields that change no id are kept in `carried` and written back. Models
that pybpe cannot serve exactly are refused with the reason.
"""

from __future__ import annotations

import base64
import re
import struct
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pybpe.definition import MAX_ID, Definition, make_vocabulary
from pybpe.errors import FormatError
from pybpe.formats.helpers.byte_level import read_bytes
from pybpe.formats.helpers.character_tokens import as_scores
from pybpe.formats.helpers.protobuf import BYTES, FIXED32, VARINT, bytes_field, fields, float_field, varint_field
from pybpe.normalization.preprocessing import Preprocessing
from pybpe.normalization.sentencepiece import SPACE, SentencePieceNormalizer
from pybpe.util.files import PathLike, write_atomic
from pybpe.vocabulary.characters import BYTE_NAMES, CharacterVocabulary
from pybpe.vocabulary.models import CharacterMerges, ScoredCharacters

# The types of pieces.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
_BPE = 2
_KINDS = {1: "unigram", 2: "BPE", 3: "word", 4: "char"}
_MOST_OPEN = 64  # the maximum number of characters before spaces within tokens; beyond it, a text is one word
_UNKNOWN_TEXT = " \u2047 "
_MOST_NESTED = 64  # user-defined symbols that are prefixes of one another; sentencepiece searches no more
_CARRIED = {"trainer_spec": 2, "normalizer_spec": 3, "self_test_data": 4, "denormalizer_spec": 5}
# The usual form of a piece: name, score, and the type if it is not normal. Tried first, because it is faster.
_USUAL = re.compile(rb"\x0a([\x00-\x7f])(.*)\x15(....)(?:\x18([\x00-\x7f]))?", re.DOTALL)


@dataclass
class Piece:
    """A token of a model, as the file holds it."""

    name: str
    score: float = 0.0
    kind: int = NORMAL


@dataclass
class _Model:
    """The content of a file: pieces, and its other messages by their field number."""

    pieces: list[Piece] = field(default_factory=list)
    parts: dict[int, list[bytes]] = field(default_factory=lambda: {number: [] for number in _CARRIED.values()})


def read(path: PathLike) -> Definition:
    """Read a .model file of BPE type.

    Raises FormatError if it is not one, or if pybpe cannot give exactly the same ids; OSError if it cannot be read.
    """
    return loads(read_bytes(path), str(path))


def loads(content: bytes, name: str = "the model") -> Definition:
    """Read the bytes of a .model file, as `read` does; error messages call it `name`."""
    model = _parse(memoryview(content), name)
    trainer = _values(b"".join(model.parts[2]), name)
    normalizer = _values(b"".join(model.parts[3]), name)
    _check_specs(trainer, normalizer, _values(b"".join(model.parts[5]), name), name)
    return definition_of(
        model.pieces,
        [False] * len(model.pieces),
        SentencePieceNormalizer(
            add_dummy_prefix=bool(_number(normalizer, 3, 1, name)),
            remove_extra_whitespaces=bool(_number(normalizer, 4, 1, name)),
            charsmap=_bytes(normalizer, 2, b"", name),
        ),
        name,
        has_bytes=bool(_number(trainer, 35, 0, name)),
        unknown_text=_text(_bytes(trainer, 44, _UNKNOWN_TEXT.encode(), name), name),
        carried=_carried(model),
    )


def definition_of(
    pieces: list[Piece],
    unused: list[bool],
    spm: SentencePieceNormalizer,
    path: PathLike,
    has_bytes: bool = True,
    unknown_text: str = _UNKNOWN_TEXT,
    carried: dict[str, Any] | None = None,
) -> Definition:
    """Return the Definition of pieces with scores, from any file format.

    unused: True for each piece that is not a token. has_bytes: True if byte_fallback is on. Raises FormatError for
    pieces that pybpe does not support.
    """
    name = str(path)
    byte_ids = _check_pieces(pieces, unused, has_bytes, name)
    added = {piece.name.replace(SPACE, " "): i for i, piece in enumerate(pieces) if piece.kind == USER_DEFINED}
    _check_nesting(added, name)
    tokens = [_token(piece) for piece in pieces]
    bytes_at = set(byte_ids)
    try:
        return Definition(
            ScoredCharacters(
                make_vocabulary(tokens),
                CharacterVocabulary(
                    array("f", [piece.score for piece in pieces]),
                    next(i for i, piece in enumerate(pieces) if piece.kind == UNKNOWN),
                    unknown_text,
                    tuple(byte_ids),
                ),
            ),
            pattern=pattern_of(token for number, token in enumerate(tokens) if number not in bytes_at),
            special_tokens={piece.name: i for i, piece in enumerate(pieces) if piece.kind in (CONTROL, UNKNOWN)},
            preprocessing=Preprocessing(added_tokens=added, sentencepiece=spm),
            carried=carried or {},
        )
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from None


def _parse(content: memoryview, name: str) -> _Model:
    model = _Model()
    for number, kind, value in fields(content, name):
        if number == 1 and kind == BYTES and isinstance(value, memoryview):
            if len(model.pieces) > MAX_ID:
                raise FormatError(f"{name} has more than the {MAX_ID + 1:,} pieces that pybpe allows")
            model.pieces.append(_piece(value, name))
        elif number in model.parts and kind == BYTES and isinstance(value, memoryview):
            model.parts[number].append(bytes(value))
        elif number <= 5:
            raise FormatError(f"{name} is damaged: field {number} is of wire type {kind}")
        else:
            raise FormatError(f"{name} has a field {number}, which pybpe does not know")
    if not model.pieces:
        raise FormatError(f"{name} is not a sentencepiece model: it has no pieces")
    return model


def _piece(content: memoryview, name: str) -> Piece:
    if usual := _USUAL.fullmatch(content):
        size, text, score, kind = usual.groups()
        if size[0] == len(text):
            return Piece(_text(text, name), struct.unpack("<f", score)[0], kind[0] if kind else NORMAL)
    piece = Piece("")
    for number, kind, value in fields(content, name):
        if number == 1 and kind == BYTES and isinstance(value, memoryview):
            piece.name = _text(bytes(value), name)
        elif number == 2 and kind == FIXED32 and isinstance(value, memoryview):
            piece.score = struct.unpack("<f", value)[0]
        elif number == 3 and kind == VARINT and isinstance(value, int):
            piece.kind = value
        else:
            raise FormatError(f"{name} is damaged: a piece has a field {number} of wire type {kind}")
    return piece


def _values(content: bytes, name: str) -> dict[int, int | bytes]:
    """Return {number: value} of the fields of a message; the last value of a repeated field."""
    return {
        number: value if isinstance(value, int) else bytes(value)
        for number, _, value in fields(memoryview(content), name)
    }


def _number(values: dict[int, int | bytes], number: int, default: int, name: str) -> int:
    value = values.get(number, default)
    if not isinstance(value, int):
        raise FormatError(f"{name} is damaged: field {number} of its settings is not a number")
    return value


def _bytes(values: dict[int, int | bytes], number: int, default: bytes, name: str) -> bytes:
    value = values.get(number, default)
    if not isinstance(value, bytes):
        raise FormatError(f"{name} is damaged: field {number} of its settings is a number, not bytes")
    return value


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise FormatError(f"{name} holds a string that is not UTF-8: {content[:40]!r}") from None


def _check_specs(
    trainer: dict[int, int | bytes], normalizer: dict[int, int | bytes], denormalizer: dict[int, int | bytes], name: str
) -> None:
    """Raise FormatError for settings that pybpe does not support."""
    kind = _number(trainer, 3, 1, name)
    if kind != _BPE:
        raise FormatError(f"{name} is a model of type {_KINDS.get(kind, kind)}; pybpe reads BPE")
    if _number(trainer, 24, 0, name):
        raise FormatError(f"{name} writes spaces behind words (treat_whitespace_as_suffix), which pybpe does not do")
    if not _number(normalizer, 5, 1, name):
        raise FormatError(f"{name} leaves spaces as they are (escape_whitespaces is off), which pybpe does not do")
    if _bytes(denormalizer, 2, b"", name):
        raise FormatError(f"{name} changes text after decoding (denormalizer_spec), which pybpe does not do")


def _check_pieces(pieces: list[Piece], unused: list[bool], has_bytes: bool, name: str) -> list[int]:
    """Return the ids of the 256 byte pieces, [] without byte_fallback. Raises FormatError for unsupported pieces."""
    ids: dict[str, int] = {}
    byte_ids = [-1] * 256
    unknown = 0
    for number, piece in enumerate(pieces):
        if piece.name in ids:
            raise FormatError(
                f"{name}: piece {number} has the same string as piece {ids[piece.name]}, {piece.name[:40]!r}"
            )
        if not unused[number] and (reason := _problem_of(piece, has_bytes)) is not None:
            raise FormatError(f"{name}: piece {number}, {piece.name[:40]!r}, {reason}")
        ids[piece.name] = number
        unknown += piece.kind == UNKNOWN
        if piece.kind == BYTE:
            byte_ids[BYTE_NAMES[piece.name]] = number
    if unknown != 1:
        raise FormatError(f"{name} has {unknown} pieces of type UNKNOWN, must be 1")
    if has_bytes and -1 in byte_ids:
        raise FormatError(f"{name} has no piece for byte 0x{byte_ids.index(-1):02X} (byte_fallback is on)")
    if has_bytes and SPACE not in ids:
        raise FormatError(f"{name} has no piece {SPACE!r}, and would write a space as the bytes of that character")
    return byte_ids if has_bytes else []


def _problem_of(piece: Piece, has_bytes: bool) -> str | None:
    """Return the reason why pybpe does not support a piece, None if it does."""
    if not piece.name:
        return "is empty"
    if piece.kind in (NORMAL, USER_DEFINED):
        return "holds a space or a NUL, which text never has" if " " in piece.name or "\0" in piece.name else None
    if piece.kind in (CONTROL, UNKNOWN):
        return "is a single character, which could occur in text" if len(piece.name) == 1 else None
    if piece.kind == BYTE:
        is_byte = has_bytes and piece.name in BYTE_NAMES
        return None if is_byte else "is not one of the 256 bytes, or the model has none (byte_fallback is off)"
    kind = "unused" if piece.kind == UNUSED else f"of the unknown kind {piece.kind}"
    return f"is {kind}, which pybpe does not support"


def _check_nesting(names: Iterable[str], name: str) -> None:
    """Raise FormatError if more symbols are prefixes of one another than sentencepiece searches."""
    open_names: list[str] = []
    for symbol in sorted(names):
        while open_names and not symbol.startswith(open_names[-1]):
            open_names.pop()
        open_names.append(symbol)
        if len(open_names) > _MOST_NESTED:
            raise FormatError(
                f"{name} has more than {_MOST_NESTED} user-defined symbols that are prefixes of one another"
            )


def _token(piece: Piece) -> bytes:
    """Return the bytes of a normal piece or of a byte piece, b"" for all others."""
    if piece.kind == BYTE:
        return bytes([BYTE_NAMES[piece.name]])
    return piece.name.replace(SPACE, " ").encode() if piece.kind == NORMAL else b""


def pattern_of(tokens: Iterable[bytes]) -> str:
    """Return a pattern that splits text so that no token crosses a word: before spaces, and around some line ends.

    It does not split before a space after a character that some token holds before a space.
    """
    joined = b"\xff".join(tokens)
    open_chars = sorted({found.decode() for found in re.findall(rb"([^ \xff\x80-\xbf][\x80-\xbf]*) ", joined)})
    if len(open_chars) > _MOST_OPEN:
        return r"[\s\S]+"
    alone = "".join(
        char for char in "\n\r\t" if not re.search(rb"[^\xff]%b|%b[^\xff]" % (char.encode(), char.encode()), joined)
    )
    alone = alone.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    if open_chars:
        goes_on = "".join("\\" + char if char in "\\^-[]" else char for char in open_chars)
        word = f" *(?:[^ {alone}{goes_on}]|[{goes_on}] *)+| +"
    else:
        word = f" *[^ {alone}]+| +"
    return f"[{alone}]|{word}" if alone else word


def _carried(model: _Model) -> dict[str, Any]:
    """Return the messages other than the pieces in base64, without the fields that the Definition holds."""
    carried = {}
    for what, number in _CARRIED.items():
        content = b"".join(model.parts[number])
        if number == 3:
            content = _other_fields(content)
        if content:
            carried[what] = base64.b64encode(content).decode()
    return {"sentencepiece": carried}


def _other_fields(normalizer: bytes) -> bytes:
    """Return the fields of a normalizer spec that a SentencePieceNormalizer does not hold."""
    kept = b""
    for number, kind, value in fields(memoryview(normalizer), "the normalizer"):
        if number not in (2, 3, 4, 5):
            write: Callable[[int, Any], bytes] = varint_field if kind == VARINT else bytes_field
            kept += write(number, value if isinstance(value, int) else bytes(value)) if kind in (VARINT, BYTES) else b""
    return kept


# Writing


def write(definition: Definition, path: PathLike) -> None:
    """Write a .model file. Raises ValueError for a Definition that it cannot hold."""
    write_atomic(path, dumps(definition))


def dumps(definition: Definition) -> bytes:
    """Return the bytes of a .model file. Raises ValueError as `write` does."""
    if isinstance(definition.model, CharacterMerges):
        definition = as_scores(definition)
    scores, spm = definition.characters, definition.preprocessing.sentencepiece
    if scores is None or spm is None:
        raise ValueError(
            "a sentencepiece model has tokens of characters with scores, and this tokenizer has none; write a "
            "tokenizer.json"
        )
    carried = definition.carried.get("sentencepiece", {})
    if not isinstance(carried, dict) or not all(isinstance(content, str) for content in carried.values()):
        raise ValueError("the settings of a sentencepiece model that this tokenizer has kept are damaged")
    names = names_of(definition, scores)
    if not all(name for name, _ in names):
        raise ValueError("an id of this vocabulary has no token; a sentencepiece model has one for every id")
    kept = {what: base64.b64decode(carried.get(what, "")) for what in _CARRIED}
    pieces = b"".join(
        bytes_field(
            1,
            bytes_field(1, name.encode()) + float_field(2, score) + (varint_field(3, kind) if kind != NORMAL else b""),
        )
        for (name, kind), score in zip(names, scores.scores, strict=True)
    )
    trainer = kept["trainer_spec"] or _trainer_spec(definition, scores)
    normalizer = (
        kept["normalizer_spec"]
        + bytes_field(2, spm.charsmap)
        + varint_field(3, spm.add_dummy_prefix)
        + varint_field(4, spm.remove_extra_whitespaces)
        + varint_field(5, 1)
    )
    written = pieces + bytes_field(2, trainer) + bytes_field(3, normalizer)
    for what in ("self_test_data", "denormalizer_spec"):
        written += bytes_field(_CARRIED[what], kept[what]) if kept[what] else b""
    return written


def names_of(definition: Definition, scores: CharacterVocabulary) -> list[tuple[str, int]]:
    """Return (name, type) of each piece, by id."""
    tokens = definition.vocabulary.to_list()
    names = [(token.decode("utf-8", "replace").replace(" ", SPACE), NORMAL) for token in tokens]
    for byte, number in enumerate(scores.byte_ids):
        names[number] = f"<0x{byte:02X}>", BYTE
    for name, number in definition.special_tokens.items():
        names[number] = name, UNKNOWN if number == scores.unknown else CONTROL
    for name, number in definition.preprocessing.added_tokens.items():
        names[number] = name.replace(" ", SPACE), USER_DEFINED
    return names


def _trainer_spec(definition: Definition, scores: CharacterVocabulary) -> bytes:
    """Return the fields of the trainer spec that readers need."""
    return (
        varint_field(3, _BPE)
        + varint_field(4, len(definition.vocabulary))
        + varint_field(35, bool(scores.byte_ids))
        + bytes_field(44, scores.unknown_text.encode())
    )
