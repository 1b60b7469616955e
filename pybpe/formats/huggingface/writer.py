"""Writing of a tokenizer.json, or of a folder with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pybpe.definition import Definition
from pybpe.errors import FormatError
from pybpe.formats.helpers.byte_level import rows_of, write_vocabulary
from pybpe.formats.helpers.character_tokens import as_characters
from pybpe.formats.helpers.oniguruma import UnclearPatternError, to_oniguruma
from pybpe.formats.huggingface.added_tokens import may_be_a_word, numbered
from pybpe.formats.huggingface.pipeline import Json, read_leading, read_pipeline
from pybpe.formats.huggingface.reader import CONFIG, MODEL, PIPELINE, TOKENIZER, marks_of, whole_pattern
from pybpe.normalization.sentencepiece import SPACE
from pybpe.pretokenization.patterns import GPT2, GPT2_ORIGINAL, WHOLE
from pybpe.pretokenization.stages import stages_of
from pybpe.util.files import PathLike, atomic_folder, write_atomic
from pybpe.vocabulary.characters import BYTE_NAMES
from pybpe.vocabulary.models import ScoredCharacters

_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
_PLAIN_MODEL: Json = {
    "type": "BPE",
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": False,
}


def write(definition: Definition, path: PathLike) -> None:
    """Write a tokenizer.json if `path` ends in .json, else a folder with it and a tokenizer_config.json.

    Raises ValueError for a Definition that such a file cannot hold.
    """
    content = json.dumps(to_json(definition), ensure_ascii=False).encode()
    if Path(path).suffix == ".json":
        write_atomic(path, content)
        return
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **definition.carried.get("tokenizer_config", {})}
    with atomic_folder(path) as folder:
        (folder / TOKENIZER).write_bytes(content)
        (folder / CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=2), encoding="utf-8")


def to_json(definition: Definition) -> Json:
    """Return the data of a tokenizer.json. Raises ValueError for a Definition that it cannot hold."""
    if isinstance(definition.model, ScoredCharacters):
        definition = as_characters(definition)
    of_characters = definition.characters is not None
    vocab = _write_characters(definition) if of_characters else write_vocabulary(definition)
    by_id = {token: name for name, token in vocab.items()}
    added = _write_added_tokens(definition, vocab)
    carried = definition.carried
    said = _pipeline_and_model(definition)
    return {
        "version": "1.0",
        "truncation": carried.get("truncation"),
        "padding": carried.get("padding"),
        "added_tokens": added,
        **{name: said[name] for name in PIPELINE},
        "post_processor": carried.get("post_processor"),
        "decoder": carried.get("decoder", None if of_characters else _BYTE_LEVEL),
        "model": {
            **_PLAIN_MODEL,
            **said["model"],
            "ignore_merges": definition.model.ignore_merges,
            "vocab": vocab,
            "merges": [[by_id[left], by_id[right]] for left, right, _ in rows_of(definition.merges)],
        },
    }


def _write_characters(definition: Definition) -> dict[str, int]:
    """Return {name: id} of the ordinary tokens of characters, and of the bytes."""
    assert definition.characters is not None
    named = dict(zip(definition.characters.byte_ids, BYTE_NAMES, strict=False))
    tokens = definition.vocabulary.to_list()
    names = [named.get(number) or token.decode().replace(" ", SPACE) for number, token in enumerate(tokens)]
    vocab = {name: number for number, name in enumerate(names) if name}
    if len(vocab) < sum(map(bool, names)):
        raise ValueError("two tokens of this vocabulary are written alike; this format cannot hold both")
    return vocab


def _write_added_tokens(definition: Definition, vocab: dict[str, int]) -> list[Json]:
    """Return the added tokens in the order of their ids.

    If the tokenizers package would give them other ids, they are added to `vocab` too. Raises ValueError if that would
    change the ids of a text.
    """
    special, preprocessing = definition.special_tokens, definition.preprocessing
    if definition.shared_id is not None:
        raise ValueError(f"several special tokens share the id {definition.shared_id}; this format cannot say that")
    named = sorted(definition.names.items(), key=lambda item: item[1])
    if numbered([name for name, _ in named], vocab) != [token for _, token in named]:
        ignore_merges = definition.model.ignore_merges
        for name, token in named:
            passed_over = name not in vocab and may_be_a_word(
                name, preprocessing.flags.get(name, ()), preprocessing.normalizer
            )
            if vocab.setdefault(name, token) != token or (ignore_merges and passed_over):
                raise ValueError(
                    f"in this format the token {name!r} cannot have the id {token}: its name is, or words of a text "
                    "could become, an ordinary token"
                )
    flags = preprocessing.flags
    return [
        {
            "id": token,
            "content": name,
            **{flag: flag in flags.get(name, ()) for flag in ("single_word", "lstrip", "rstrip", "normalized")},
            "special": name in special,
        }
        for name, token in named
    ]


def _pipeline_and_model(definition: Definition) -> Json:
    """Return the normalizer, the pre-tokenizer, and the model's settings for unknown characters and marks."""
    carried = definition.carried.get("huggingface")
    if isinstance(carried, dict) and _is_up_to_date(carried, definition):
        model = carried["model"] if isinstance(carried.get("model"), dict) else {}
        return {**carried, "model": {name: model[name] for name in MODEL if model.get(name) is not None}}
    preprocessing = definition.preprocessing
    if definition.characters is not None or definition.changes_words or isinstance(preprocessing.normalizer, tuple):
        raise ValueError("a tokenizer.json for the way in which this tokenizer normalizes or splits text is not known")
    return {
        "normalizer": {"type": preprocessing.normalizer} if preprocessing.normalizer else None,
        "pre_tokenizer": _write_pre_tokenizer(definition),
        "model": {},
    }


def _is_up_to_date(carried: dict[str, Any], definition: Definition) -> bool:
    """Return True if the carried parts of a file still describe the Definition: either may have been changed."""
    scores, model = definition.characters, carried.get("model")
    try:
        pipeline = read_pipeline(carried.get("normalizer"), carried.get("pre_tokenizer"), "what was carried along")
        if scores is not None:
            leading = read_leading(definition.carried.get("decoder"), bool(scores.byte_ids), "what was carried along")
    except FormatError:
        return False
    if not isinstance(model, dict) or marks_of(model) != definition.model.marks:
        return False
    pattern = WHOLE if pipeline.pattern is None else pipeline.pattern
    if scores is not None:
        if bool(model.get("byte_fallback")) != bool(scores.byte_ids) or leading != scores.leading:
            return False
        if not scores.byte_ids and definition.names.get(str(model.get("unk_token"))) != scores.unknown:
            return False
        if not scores.byte_ids and model.get("fuse_unk") is not True:
            return False
        if pipeline.pattern is None:
            pattern = whole_pattern(definition.vocabulary.to_list(), definition.merges)
    preprocessing = definition.preprocessing
    return (
        pipeline.byte_level == (scores is None)
        and (pipeline.normalizer, pipeline.add_prefix_space)
        == (preprocessing.normalizer, preprocessing.add_prefix_space)
        and (pattern, pipeline.drops_space) == (definition.pattern, definition.drops_space)
    )


def _write_pre_tokenizer(definition: Definition) -> Json:
    add_prefix_space = definition.preprocessing.add_prefix_space
    if add_prefix_space == "first":
        raise ValueError(
            "this format puts a space before every stretch of text between tokens, not before the first only"
        )
    if definition.pattern in (GPT2, GPT2_ORIGINAL, WHOLE):
        use_regex = definition.pattern != WHOLE
        return {**_BYTE_LEVEL, "add_prefix_space": add_prefix_space, "use_regex": use_regex}
    if add_prefix_space:
        raise ValueError("only with the pattern gpt2 can this format put a space before the text")
    try:
        patterns = [to_oniguruma(stage) for stage in stages_of(definition.pattern)]
    except UnclearPatternError as error:
        raise ValueError(f"this part of the split pattern may not mean the same in this format: {error}") from None
    isolated = {"behavior": "Isolated", "invert": False}
    splits = [{"type": "Split", "pattern": {"Regex": pattern}, **isolated} for pattern in patterns]
    return {"type": "Sequence", "pretokenizers": [*splits, {**_BYTE_LEVEL, "use_regex": False}]}
