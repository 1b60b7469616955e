"""Hugging Face's tokenizer.json, of byte-level BPE: exact, or refused with the reason.

A file holds five steps: a normal form, a split into words, the merging of words, what is put around the ids (BOS and
the like), and how ids become text. The first three are read into a Definition. The rest does not bear on the ids of a
text; it is carried along and written back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pybpe._core.unicode import is_utf8
from pybpe.definition import Definition, make_vocabulary
from pybpe.errors import FormatError
from pybpe.files import PathLike, atomic_folder, write_atomic
from pybpe.formats.byte_level import (
    read_json,
    read_merges,
    read_vocabulary,
    to_bytes,
    token_list,
    unmade,
    write_merges,
    write_vocabulary,
)
from pybpe.formats.oniguruma import UnclearPatternError, covers_all, from_oniguruma, to_oniguruma
from pybpe.normal import FORMS
from pybpe.normalizer import Normalizer
from pybpe.patterns import GPT2, GPT2_ORIGINAL
from pybpe.reading import FLAGS, Reading
from pybpe.stages import SEPARATOR, join_stages, stages_of

TOKENIZER, CONFIG = "tokenizer.json", "tokenizer_config.json"
_CARRIED = ("post_processor", "decoder", "truncation", "padding")
_WHOLE_TEXT = r"[\s\S]+"
_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}

Json = dict[str, Any]


def read(path: PathLike) -> Definition:
    """Read a tokenizer.json, or a folder with one and perhaps a tokenizer_config.json.

    Raises FormatError for what is not one, and for what pybpe cannot do exactly as the `tokenizers` package does;
    OSError if it cannot be read.
    """
    folder = Path(path)
    if not folder.is_dir():
        return _definition(_object(read_json(path), path), {}, path)
    file, config = folder / TOKENIZER, folder / CONFIG
    if not file.exists():
        raise FileNotFoundError(f"there is no {TOKENIZER} in {folder}; of vocab.json and merges.txt read both by name")
    return _definition(
        _object(read_json(file), file), _object(read_json(config), config) if config.exists() else {}, file
    )


def _definition(content: Json, config: Json, path: PathLike) -> Definition:
    model = _object(content.get("model"), f"{path}: model")
    _check_model(model, path)
    vocab = read_vocabulary(model.get("vocab"), f"{path}: model.vocab")
    merges = read_merges(_pairs(model.get("merges"), path), vocab, f"{path}: model.merges")
    whole_words = bool(model.get("ignore_merges"))
    added = _added_tokens(content.get("added_tokens"), vocab, f"{path}: added_tokens")
    _add_from_config(added, config, path)
    pattern, prefix_space = _pre_tokenizer(content.get("pre_tokenizer"), path)
    normalizer = _normalizer(content.get("normalizer"), path)
    flags = {token["content"]: tuple(flag for flag in FLAGS if token[flag]) for token in added}
    names = unmade(vocab, merges) & flags.keys()
    if whole_words:
        names = {name for name in names if not _may_be_a_word(name, flags[name], normalizer)}
    ordinary = {chars: token for chars, token in vocab.items() if chars not in names}
    for name in ordinary.keys() & flags.keys():
        if to_bytes(name) != name.encode():
            raise FormatError(f"{path}: the added token {name!r} is also the way to write the bytes of another token")
    return Definition(
        rule="merges",
        vocabulary=make_vocabulary(token_list(ordinary, f"{path}: model.vocab")),
        merges=merges,
        pattern=pattern,
        special_tokens={token["content"]: token["id"] for token in added if token["special"]},
        reading=Reading(
            normalizer=normalizer,
            added_tokens={token["content"]: token["id"] for token in added if not token["special"]},
            flags={name: some for name, some in flags.items() if some},
            prefix_space=prefix_space,
        ),
        whole_words=whole_words,
        carried=_carried(content, config),
    )


# The model


def _check_model(model: Json, path: PathLike) -> None:
    """Raise FormatError unless its merging is what pybpe does.

    What a model does with unknown characters does not matter: a Definition has a token for every byte.
    """
    if model.get("type", "BPE") != "BPE":
        raise FormatError(f"{path}: the model is of type {str(model['type'])[:40]!r}; pybpe reads BPE")
    if model.get("dropout"):
        raise FormatError(f"{path}: the model merges at random (dropout {str(model['dropout'])[:40]}); set it to null")
    for part in ("continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(part):
            raise FormatError(f"{path}: the model marks its tokens with a {part}, which pybpe does not do yet")
    if not isinstance(model.get("ignore_merges", False), bool):
        raise FormatError(f"{path}: ignore_merges is neither true nor false")


def _pairs(merges: Any, path: PathLike) -> Iterable[tuple[str, str]]:
    """Merges as pairs, however the file writes them: "a b", or ["a", "b"]."""
    if not isinstance(merges, list):
        raise FormatError(f"{path}: model.merges is not a list")
    for number, merge in enumerate(merges, 1):
        try:
            left, right = merge.split(" ") if isinstance(merge, str) else merge
        except (TypeError, ValueError):
            left, right = "", ""
        if type(left) is not str or type(right) is not str or not left or not right:
            raise FormatError(f"{path}: merge {number} is not a pair of tokens: {str(merge)[:60]!r}")
        yield left, right


# Tokens by name


def _added_tokens(entries: Any, vocab: Mapping[str, int], path: PathLike) -> list[Json]:
    """The added tokens, checked. Raises FormatError where `tokenizers` would give a token another id than the file."""
    if not isinstance(entries or [], list):
        raise FormatError(f"{path} is not a list")
    added: list[Json] = list(entries or [])
    for entry in added:
        _check_added_token(entry, path)
    names = [entry["content"] for entry in added]
    if len(set(names)) < len(names):
        raise FormatError(f"{path}: {next(name for name in names if names.count(name) > 1)!r} is there twice")
    for entry, given in zip(added, _numbered(names, vocab), strict=True):
        if entry["id"] != given:
            raise FormatError(
                f"{path}: {entry['content']!r} has id {entry['id']}, and the tokenizers package would give it {given}, "
                "because it numbers added tokens itself; pybpe cannot know which is meant"
            )
    return added


def _numbered(names: Iterable[str], vocab: Mapping[str, int]) -> list[int]:
    """The ids that the tokenizers package gives to added tokens, whatever their file says."""
    ids: list[int] = []
    last = len(vocab) - 1
    for name in names:
        ids.append(vocab.get(name, last + 1))
        last = max(last, ids[-1])
    return ids


def _may_be_a_word(name: str, flags: tuple[str, ...], normalizer: Normalizer | None) -> bool:
    """Whether a word could be an entry of the vocabulary that stands there for an added token.

    Words are text in which added tokens have been looked for, but a name can be passed over, or come to be later.
    """
    content = to_bytes(name)
    if content is None or not is_utf8(content):
        return False
    return content != name.encode() or "single_word" in flags or (normalizer is not None and "normalized" not in flags)


def _check_added_token(entry: Any, path: PathLike) -> None:
    """Raise FormatError unless an added token has all fields, each of its type."""
    if not isinstance(entry, dict) or not isinstance(entry.get("content"), str) or type(entry.get("id")) is not int:
        raise FormatError(f"{path}: a token without content or id: {str(entry)[:60]}")
    for flag in ("special", *FLAGS):
        if not isinstance(entry.get(flag), bool):
            raise FormatError(f"{path}: {entry['content']!r} does not say whether it is {flag}")


def _add_from_config(added: list[Json], config: Json, path: PathLike) -> None:
    """Check the tokens that a tokenizer_config.json lists against those of the tokenizer.json."""
    known = {entry["id"]: entry for entry in added}
    listed = _object(config.get("added_tokens_decoder") or {}, f"{CONFIG}: added_tokens_decoder")
    for number, entry in listed.items():
        token = known.get(int(number)) if number.isdecimal() and len(number) < 10 else None
        if token is None or any(token[key] != value for key, value in _object(entry, CONFIG).items() if key in token):
            raise FormatError(
                f"{path} and {CONFIG} beside it do not say the same of the added token with id {number[:20]}; "
                f"name {TOKENIZER} itself to go by that"
            )


# Reading and splitting


def _normalizer(normalizer: Any, path: PathLike) -> Any:
    """The normal form that a file asks for, None for none."""
    if normalizer is None:
        return None
    kind = _object(normalizer, f"{path}: normalizer").get("type")
    if kind in FORMS:
        return kind
    steps = normalizer.get("normalizers")
    if kind == "Sequence" and isinstance(steps, list) and len(steps) <= 1:
        return _normalizer(steps[0], path) if steps else None
    raise FormatError(f"{path}: the normalizer is of type {str(kind)[:40]!r}; pybpe knows {', '.join(FORMS)}")


def _pre_tokenizer(pre_tokenizer: Any, path: PathLike) -> tuple[str, bool]:
    """The pattern that splits text as a file's pre-tokenizer does, and whether a space is put before the text."""
    steps = list(_steps(pre_tokenizer, path))
    if not steps or steps[-1].get("type") != "ByteLevel":
        raise FormatError(f"{path}: the pre-tokenizer does not end with ByteLevel; pybpe reads byte-level BPE only")
    last = steps.pop()
    prefix_space = last.get("add_prefix_space")
    if not isinstance(prefix_space, bool) or not isinstance(last.get("use_regex", True), bool):
        raise FormatError(f"{path}: ByteLevel does not say whether to add a space or to use its pattern")
    if prefix_space and steps:
        raise FormatError(f"{path}: ByteLevel puts a space before every word, which pybpe does not do")
    patterns = [_pattern(step, path) for step in steps]
    if last.get("use_regex", True):
        patterns.append(GPT2)
    if any(SEPARATOR in pattern for pattern in patterns):
        raise FormatError(f"{path}: a split pattern holds the record separator U+001E, which pybpe puts between two")
    return join_stages(patterns) if patterns else _WHOLE_TEXT, prefix_space


def _steps(pre_tokenizer: Any, path: PathLike) -> Iterable[Json]:
    """The steps of a pre-tokenizer that may be a sequence."""
    if pre_tokenizer is None:
        return
    step = _object(pre_tokenizer, f"{path}: pre_tokenizer")
    if step.get("type") != "Sequence":
        yield step
        return
    if not isinstance(step.get("pretokenizers"), list):
        raise FormatError(f"{path}: the pre-tokenizer is a sequence of nothing")
    for part in step["pretokenizers"]:
        part = _object(part, f"{path}: pre_tokenizer")
        if part.get("type") == "Sequence":
            raise FormatError(f"{path}: the pre-tokenizer is a sequence of sequences")
        yield part


def _pattern(step: Json, path: PathLike) -> str:
    """The pattern of one step before ByteLevel."""
    kind = step.get("type")
    if kind == "Digits":
        if not isinstance(step.get("individual_digits"), bool):
            raise FormatError(f"{path}: Digits does not say whether each digit stands alone")
        return r"\p{N}" if step["individual_digits"] else r"\p{N}+"
    if kind != "Split":
        raise FormatError(f"{path}: pybpe cannot split text as the pre-tokenizer {str(kind)[:40]!r} does")
    pattern = _split_pattern(step.get("pattern"), path)
    behavior, invert = step.get("behavior"), step.get("invert")
    if behavior == "Isolated" or (behavior == "Removed" and invert is True and covers_all(pattern)):
        return pattern
    what = f"Split with behavior {str(behavior)[:40]}, invert {str(invert)[:40]}"
    raise FormatError(f"{path}: pybpe cannot split as {what} and this pattern does: {pattern[:200]!r}")


def _split_pattern(pattern: Any, path: PathLike) -> str:
    """The pattern of a Split: a regular expression of Oniguruma, or a text to be found as it is."""
    found = _object(pattern, f"{path}: pattern of Split")
    if isinstance(text := found.get("String"), str) and text:
        return _literal(text)
    if not isinstance(text := found.get("Regex"), str) or not text:
        raise FormatError(f"{path}: a Split without a pattern")
    try:
        return from_oniguruma(text)
    except UnclearPatternError as error:
        raise FormatError(f"{path}: this part of the split pattern may not mean the same in pybpe: {error}") from None


def _literal(text: str) -> str:
    """The pattern of a text as it is."""
    return "".join("\\" + char if char in "\\^$.|?*+()[]{}" else char for char in text)


# The rest of the file


def _carried(content: Json, config: Json) -> Json:
    """What does not bear on the ids of a text."""
    carried: Json = {name: content[name] for name in _CARRIED if content.get(name) is not None}
    kept = {name: value for name, value in config.items() if name != "added_tokens_decoder"}
    return {**carried, "tokenizer_config": kept} if kept else carried


def _object(value: Any, what: PathLike) -> Json:
    if not isinstance(value, dict):
        raise FormatError(f"{what} is not a JSON object")
    return value


# Writing


def write(definition: Definition, path: PathLike) -> None:
    """Write a tokenizer.json, or if `path` does not end in .json a folder with it and a tokenizer_config.json.

    Raises ValueError for what such a file cannot say.
    """
    content = json.dumps(_content(definition), ensure_ascii=False).encode()
    if Path(path).suffix == ".json":
        write_atomic(path, content)
        return
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **definition.carried.get("tokenizer_config", {})}
    with atomic_folder(path) as folder:
        (folder / TOKENIZER).write_bytes(content)
        (folder / CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=2), encoding="utf-8")


def _content(definition: Definition) -> Json:
    definition.check_bytes("pybpe does not write a tokenizer.json of them")
    reading = definition.reading
    vocab = write_vocabulary(definition)
    added = _write_added_tokens(definition, vocab)
    carried = definition.carried
    return {
        "version": "1.0",
        "truncation": carried.get("truncation"),
        "padding": carried.get("padding"),
        "added_tokens": added,
        "normalizer": {"type": reading.normalizer} if reading.normalizer else None,
        "pre_tokenizer": _write_pre_tokenizer(definition),
        "post_processor": carried.get("post_processor"),
        "decoder": carried.get("decoder", _BYTE_LEVEL),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": definition.rule == "ranks" or definition.whole_words,
            "vocab": vocab,
            "merges": [list(pair) for pair in write_merges(definition)],
        },
    }


def _write_added_tokens(definition: Definition, vocab: dict[str, int]) -> list[Json]:
    """The tokens by name in the order of their ids. If their numbers would not come out, they go into `vocab` too."""
    special, reading = definition.special_tokens, definition.reading
    if definition.shared_id is not None:
        raise ValueError(f"several special tokens share the id {definition.shared_id}; this format cannot say that")
    named = sorted({**special, **reading.added_tokens}.items(), key=lambda item: item[1])
    if _numbered([name for name, _ in named], vocab) != [token for _, token in named]:
        whole_words = definition.rule == "ranks" or definition.whole_words
        for name, token in named:
            passed_over = name not in vocab and _may_be_a_word(name, reading.flags.get(name, ()), reading.normalizer)
            if vocab.setdefault(name, token) != token or (whole_words and passed_over):
                raise ValueError(f"this format cannot give the token {name!r} the id {token}, and mean only it")
    flags = reading.flags
    return [
        {
            "id": token,
            "content": name,
            **{flag: flag in flags.get(name, ()) for flag in ("single_word", "lstrip", "rstrip", "normalized")},
            "special": name in special,
        }
        for name, token in named
    ]


def _write_pre_tokenizer(definition: Definition) -> Json:
    prefix_space = definition.reading.prefix_space
    if definition.pattern in (GPT2, GPT2_ORIGINAL, _WHOLE_TEXT):
        use_regex = definition.pattern != _WHOLE_TEXT
        return {**_BYTE_LEVEL, "add_prefix_space": prefix_space, "use_regex": use_regex}
    if prefix_space:
        raise ValueError("only with the pattern gpt2 can this format put a space before the text")
    try:
        patterns = [to_oniguruma(stage) for stage in stages_of(definition.pattern)]
    except UnclearPatternError as error:
        raise ValueError(f"this part of the split pattern may not mean the same in this format: {error}") from None
    isolated = {"behavior": "Isolated", "invert": False}
    splits = [{"type": "Split", "pattern": {"Regex": pattern}, **isolated} for pattern in patterns]
    return {"type": "Sequence", "pretokenizers": [*splits, {**_BYTE_LEVEL, "use_regex": False}]}
