"""Small tokenizer.json files for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pybpe.formats.byte_level import to_chars

MERGES = ["l o", "lo w", "e r", "Ġ low", "a b", "Ġ Ġ"]


def added(token: int, content: str, **flags: bool) -> dict[str, Any]:
    off = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    return {"id": token, "content": content, **off, **flags}


def tokenizer_json(
    added_tokens=(), normalizer=None, merges=MERGES, extra_tokens=(), pre_tokenizer=None, **model: Any
) -> dict[str, Any]:
    """256 bytes, then what the merges make, then `extra_tokens`."""
    vocab = {to_chars(bytes([byte])): byte for byte in range(256)}
    for token in [*("".join(merge.split(" ")) for merge in merges), *extra_tokens]:
        vocab.setdefault(token, len(vocab))
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": list(added_tokens),
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer or byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": list(merges),
            **model,
        },
    }


def split_by(pattern: str, behavior: str = "Isolated", invert: bool = False, kind: str = "Regex") -> dict[str, Any]:
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    split = {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}
    return {"type": "Sequence", "pretokenizers": [split, byte_level]}


def write_json(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
