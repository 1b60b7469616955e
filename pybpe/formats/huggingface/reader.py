"""Reading of a tokenizer.json, or of the folder that holds one."""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from pybpe.definition import Definition, make_vocabulary
from pybpe.errors import FormatError, PybpeError
from pybpe.formats.helpers.byte_level import (
    made_by,
    read_json,
    read_merges,
    read_text,
    read_vocabulary,
    to_bytes,
    token_list,
    unmade,
)
from pybpe.formats.huggingface.added_tokens import (
    check_config,
    flags_of,
    may_be_a_word,
    read_added_tokens,
)
from pybpe.formats.huggingface.parts import PARTS, check_parts
from pybpe.formats.huggingface.pipeline import Json, Pipeline, as_object, read_leading, read_pipeline
from pybpe.formats.sentencepiece import pattern_of
from pybpe.normalization.older_unicode import PUNCTUATION
from pybpe.normalization.preprocessing import Preprocessing
from pybpe.normalization.sentencepiece import SPACE
from pybpe.pretokenization.patterns import WHOLE
from pybpe.util.files import PathLike
from pybpe.vocabulary.characters import BYTE_NAMES, CharacterVocabulary
from pybpe.vocabulary.models import ByteMerges, CharacterMerges, WordMarks
from pybpe.vocabulary.symbols import NOT_IN_UTF8

TOKENIZER, CONFIG = "tokenizer.json", "tokenizer_config.json"
TEMPLATE, TEMPLATES = "chat_template.jinja", "additional_chat_templates"
PIPELINE = ("normalizer", "pre_tokenizer")
MARKS = ("continuing_subword_prefix", "end_of_word_suffix")
MODEL = ("unk_token", "fuse_unk", "byte_fallback", *MARKS)


def read(path: PathLike) -> Definition:
    """Read a tokenizer.json, or a folder with one and optionally a tokenizer_config.json.

    Raises FormatError if it is not one, or if pybpe cannot give exactly the ids of the `tokenizers` package; OSError if
    it cannot be read.
    """
    folder = Path(path)
    if not folder.is_dir():
        return from_json(read_json(path), path)
    file = folder / TOKENIZER
    if not file.exists():
        raise FileNotFoundError(f"there is no {TOKENIZER} in {folder}; of vocab.json and merges.txt read both by name")
    return _definition(as_object(read_json(file), file), read_config(folder), file)


def read_config(folder: Path) -> Json:
    """Return the data of a folder's tokenizer_config.json, {} if there is none, with chat templates of other files."""
    file = folder / CONFIG
    config = as_object(read_json(file), file) if file.exists() else {}
    alone, others = folder / TEMPLATE, sorted((folder / TEMPLATES).glob("*.jinja"))
    if alone.exists() and not others:
        config["chat_template"] = read_text(alone)
    elif alone.exists() or others:
        named = {path.stem: read_text(path) for path in others}
        config["chat_template"] = {**({"default": read_text(alone)} if alone.exists() else {}), **named}
    return config


def from_json(content: Any, what: PathLike) -> Definition:
    """Read the data of a tokenizer.json; messages call it `what`. Raises FormatError as `read` does."""
    return _definition(as_object(content, what), {}, what)


class _File(NamedTuple):
    """The parts of a tokenizer.json that byte-level files and files of characters have in common."""

    path: PathLike
    model: Json
    vocab: dict[str, int]
    merges: memoryview
    added: list[Json]
    pipeline: Pipeline
    decoder: Any
    carried: Json


def _definition(content: Json, config: Json, path: PathLike) -> Definition:
    check_parts(content, path)
    model = as_object(content.get("model"), f"{path}: model")
    _check_model(model, path)
    pipeline = read_pipeline(content.get("normalizer"), content.get("pre_tokenizer"), path)
    vocab = read_vocabulary(model.get("vocab"), f"{path}: model.vocab")
    continuing_subword_prefix, _ = marks_of(model)
    merges = read_merges(_pairs(model.get("merges"), path), vocab, f"{path}: model.merges", continuing_subword_prefix)
    added = read_added_tokens(content.get("added_tokens"), vocab, f"{path}: added_tokens")
    check_config(added, as_object(config.get("added_tokens_decoder") or {}, CONFIG), path, CONFIG)
    make = _of_bytes if pipeline.byte_level else _of_characters
    try:
        carried = _carried(content, config, pipeline)
        return make(_File(path, model, vocab, merges, added, pipeline, content.get("decoder"), carried))
    except PybpeError as error:
        raise type(error)(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from None


# The model


def _check_model(model: Json, path: PathLike) -> None:
    """Raise FormatError for settings of the model that pybpe does not support."""
    if model.get("type", "BPE") != "BPE":
        raise FormatError(f"{path}: the model is of type {str(model['type'])[:40]!r}; pybpe reads BPE")
    if model.get("dropout"):
        raise FormatError(f"{path}: the model merges at random (dropout {str(model['dropout'])[:40]}); set it to null")
    for name in ("ignore_merges", "fuse_unk", "byte_fallback"):
        if not isinstance(model.get(name) or False, bool):
            raise FormatError(f"{path}: {name} is neither true nor false")
    for name in (*MARKS, "unk_token"):
        if not isinstance(model.get(name) or "", str):
            raise FormatError(f"{path}: {name} is not a string")
    for mark in marks_of(model):
        if to_bytes(mark) != mark.encode("utf-8", "replace"):
            raise FormatError(f"{path}: the model marks tokens with {mark[:40]!r}, which is not of ASCII that prints")


def marks_of(model: Json) -> WordMarks:
    """Return the marks of a model: continuing_subword_prefix and end_of_word_suffix, "" for none."""
    return WordMarks(model.get("continuing_subword_prefix") or "", model.get("end_of_word_suffix") or "")


def _pairs(merges: Any, path: PathLike) -> list[list[str]]:
    """Return merges as pairs; a file writes each as "a b" or as ["a", "b"]. Raises FormatError."""
    if not isinstance(merges, list):
        raise FormatError(f"{path}: model.merges is not a list")
    pairs = [merge.split(" ") if type(merge) is str else merge for merge in merges]
    # Sets of types are faster than a loop: there can be half a million merges.
    if (
        set(map(type, pairs)) <= {list}
        and set(map(len, pairs)) <= {2}
        and set(map(type, chain.from_iterable(pairs))) <= {str}
        and all(chain.from_iterable(pairs))
    ):
        return pairs
    number = next(number for number, pair in enumerate(pairs) if not _is_pair(pair))
    raise FormatError(f"{path}: merge {number + 1} is not a pair of tokens: {str(merges[number])[:60]!r}")


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(token, str) and token for token in pair)


def _of_bytes(file: _File) -> Definition:
    """Return the Definition of a byte-level file; its unk_token does not matter if every byte has a token."""
    path, model, vocab, merges, added, pipeline, decoder, carried = file
    ignore_merges = bool(model.get("ignore_merges"))
    marks = marks_of(model)
    if marks.continuing_subword_prefix and (not isinstance(decoder, dict) or decoder.get("type") != "ByteLevel"):
        raise FormatError(
            f"{path}: the model has a continuing_subword_prefix, and then pybpe decodes as the decoder ByteLevel does; "
            f"here it is {str(decoder)[:200]}"
        )
    flags = {token["content"]: flags_of(token) for token in added}
    names = unmade(flags, vocab, merges)
    if ignore_merges:
        names = {name for name in names if not may_be_a_word(name, flags[name], pipeline.normalizer)}
    ordinary = {chars: token for chars, token in vocab.items() if chars not in names}
    for name in ordinary.keys() & flags.keys():
        if to_bytes(name) != name.encode():
            raise FormatError(f"{path}: the added token {name!r} is also the way to write the bytes of another token")
    preprocessing = _preprocessing(added, pipeline)
    _check_spellings(flags, preprocessing, path)
    tokens = token_list(ordinary, f"{path}: model.vocab")
    # Bytes that occur in UTF-8 and have no token are dropped from words, unless there is an unk_token.
    known = {token[0] for token in tokens if len(token) == 1}
    drops_bytes = not model.get("unk_token") and not known | NOT_IN_UTF8 >= set(range(256))
    return Definition(
        ByteMerges(
            make_vocabulary(tokens),
            merges,
            ignore_merges,
            marks,
            drops_bytes=drops_bytes and not ignore_merges and not any(marks),
        ),
        pattern=WHOLE if pipeline.pattern is None else pipeline.pattern,
        special_tokens={token["content"]: token["id"] for token in added if token["special"]},
        preprocessing=preprocessing,
        drops_space=pipeline.drops_space,
        carried=carried,
    )


def _check_spellings(names: Iterable[str], preprocessing: Preprocessing, path: PathLike) -> None:
    """Raise FormatError for a name that the tokenizers package decodes to another string.

    For a token that is found in normalized text, that package decodes to the string it searches for, pybpe to the name.
    """
    for name in names:
        spelled = preprocessing.spelling(name)
        if spelled != name:
            raise FormatError(
                f'{path}: the added token {name!r} has "normalized": true, so the tokenizers package searches for '
                f"{spelled!r} and decodes to that string, which pybpe does not do where tokens are of bytes; set "
                '"normalized" to false for it'
            )


def _of_characters(file: _File) -> Definition:
    path, model, vocab, merges, added, pipeline, decoder, carried = file
    byte_fallback = bool(model.get("byte_fallback"))
    if model.get("ignore_merges") or any(marks_of(model)):
        raise FormatError(
            f"{path}: {', '.join(MARKS)} and ignore_merges are not known to pybpe where tokens are of characters"
        )
    if byte_fallback and SPACE not in vocab:
        raise FormatError(f"{path}: there is no token {SPACE!r}, so a space would be the bytes of that character")
    _check_names(added, pipeline, path)
    names = unmade((token["content"] for token in added), vocab, merges)
    byte_ids = _byte_ids(vocab, vocab.keys() - names, path) if byte_fallback else ()
    bytes_at = set(byte_ids)
    ordinary = {name: token for name, token in vocab.items() if name not in names and token not in bytes_at}
    tokens = [b""] * (max((*ordinary.values(), *byte_ids), default=-1) + 1)
    for byte, token in enumerate(byte_ids):
        if token >= 0:
            tokens[token] = bytes([byte])
    for name, token in ordinary.items():
        if " " in name or (name in BYTE_NAMES and not byte_fallback):
            raise FormatError(f"{path}: the token {name!r} holds a space, or is a byte without byte_fallback")
        tokens[token] = _utf8(name, path).replace(SPACE.encode(), b" ")
    unknown = _unknown(model, added, byte_fallback, pipeline, tokens, path)
    return Definition(
        CharacterMerges(
            make_vocabulary(tokens),
            merges,
            CharacterVocabulary(
                array("f"),
                unknown,
                model.get("unk_token") or "" if unknown >= 0 else "",
                byte_ids,
                read_leading(decoder, byte_fallback, path),
            ),
        ),
        pattern=whole_pattern(tokens, merges) if pipeline.pattern is None else pipeline.pattern,
        special_tokens={token["content"]: token["id"] for token in added if token["special"]},
        preprocessing=_preprocessing(added, pipeline),
        carried=carried,
    )


def _utf8(name: str, path: PathLike) -> bytes:
    try:
        return name.encode()
    except UnicodeEncodeError:
        raise FormatError(f"{path}: the token {name!r} holds a lone surrogate") from None


def _byte_ids(vocab: dict[str, int], ordinary: Container[str], path: PathLike) -> tuple[int, ...]:
    """Return the ids of the 256 bytes, -1 for a byte that is a character with its own token."""
    missing = [name for name, byte in BYTE_NAMES.items() if name not in vocab and not _is_in(ordinary, byte)]
    if missing:
        raise FormatError(f"{path}: byte_fallback is on, and there is no token {missing[0]!r}")
    return tuple(vocab.get(name, -1) for name in BYTE_NAMES)


def _is_in(ordinary: Container[str], byte: int) -> bool:
    """Return True if a byte is a character with its own token."""
    return byte < 0x80 and chr(byte) in ordinary


def whole_pattern(tokens: list[bytes], merges: memoryview) -> str:
    """Return a pattern that splits a text that is one word, so that no merge crosses a cut and ids stay the same."""
    return pattern_of({tokens[token] for token in made_by(merges)})


def _unknown(
    model: Json, added: list[Json], byte_fallback: bool, pipeline: Pipeline, tokens: list[bytes], path: PathLike
) -> int:
    """Return the id of the unk_token, -1 if characters without a token are written as bytes. Raises FormatError."""
    if byte_fallback:
        return -1
    name = model.get("unk_token")
    found = next((token["id"] for token in added if token["content"] == name), -1)
    if found < 0:
        raise FormatError(
            f"{path}: characters without a token have neither bytes nor an unk_token that is an added token"
        )
    if not model.get("fuse_unk"):
        raise FormatError(
            f"{path}: fuse_unk is off, so each unknown character is an unk_token, which pybpe does not support"
        )
    if pipeline.pattern is not None and b" " not in tokens:
        raise FormatError(f"{path}: there is no token {SPACE!r}, so unknown characters of several words could be fused")
    if found < len(tokens) and tokens[found]:
        raise FormatError(f"{path}: the unk_token {name!r} is an ordinary token too")
    tokens += [b""] * (found + 1 - len(tokens))
    return int(found)


def _check_names(added: list[Json], pipeline: Pipeline, path: PathLike) -> None:
    """Raise FormatError for names found in normalized text whose matches depend on how spaces are written."""
    for token in added:
        name = token["content"]
        if token["normalized"] and (token["lstrip"] or token["rstrip"]):
            raise FormatError(
                f"{path}: {name!r} has lstrip or rstrip with normalized, which pybpe does not support here"
            )
        if token["normalized"] and pipeline.late_spaces and any(char in name for char in (" ", SPACE)):
            raise FormatError(f"{path}: {name!r} holds a space, and is searched before spaces become U+2581")


def _preprocessing(added: list[Json], pipeline: Pipeline) -> Preprocessing:
    return Preprocessing(
        normalizer=pipeline.normalizer,
        added_tokens={token["content"]: token["id"] for token in added if not token["special"]},
        flags={token["content"]: some for token in added if (some := flags_of(token))},
        add_prefix_space=pipeline.add_prefix_space,
    )


# The rest of the file


def _carried(content: Json, config: Json, pipeline: Pipeline) -> Json:
    """Return the data to write back: parts that change no ids, and the file's form of parts with several forms."""
    carried: Json = {name: content[name] for name in PARTS if content.get(name) is not None}
    kept = {name: value for name, value in config.items() if name != "added_tokens_decoder"}
    plain = pipeline.byte_level and not pipeline.drops_space and not isinstance(pipeline.normalizer, tuple)
    plain = plain and PUNCTUATION not in (pipeline.pattern or "")
    if not plain or any(marks_of(content["model"])):
        carried["huggingface"] = {name: content.get(name) for name in PIPELINE}
        carried["huggingface"]["model"] = {name: content["model"].get(name) for name in MODEL}
    return {**carried, "tokenizer_config": kept} if kept else carried
