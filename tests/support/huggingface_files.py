"""Small tokenizer.json files for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pybpe import Tokenizer
from pybpe.formats.helpers.byte_level import to_chars

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
CLIP_SPLIT = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
CLIP_NORMALIZER = [
    {"type": "NFC"},
    {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
    {"type": "Lowercase"},
]
TO_SPACE = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
PREPEND = {"type": "Prepend", "prepend": "▁"}
SPACES = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
STRIP = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
CHARS = "▁abcé中\n<>"
MADE = ["a b", "▁ a", "▁a b", "b ▁", "▁ ▁", "é 中", "ab c", "▁▁ ▁▁", "a b▁", "< a", "c c", "cc cc", "\n \n", "a ▁"]

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


PREPROCESSINGS = {
    "llama": ([PREPEND, TO_SPACE], None, [SPACES, {"type": "ByteFallback"}, {"type": "Fuse"}, STRIP]),
    "turned": ([TO_SPACE, PREPEND], None, [SPACES, {"type": "ByteFallback"}, {"type": "Fuse"}, STRIP]),
    "normal first": (
        [{"type": "NFKC"}, {"type": "Lowercase"}, PREPEND, TO_SPACE],
        None,
        [SPACES, {"type": "ByteFallback"}, {"type": "Fuse"}],
    ),
    "gemma": (
        [TO_SPACE],
        {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
        [SPACES, {"type": "ByteFallback"}, {"type": "Fuse"}],
    ),
    **{
        f"metaspace {scheme} {split}": (
            [],
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split},
            [{"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}, *more],
        )
        for scheme in ("always", "first", "never")
        for split in (True, False)
        for more in [[{"type": "ByteFallback"}, {"type": "Fuse"}]]
    },
    **{
        f"split {behavior}": (
            [TO_SPACE],
            {"type": "Split", "pattern": {"String": "▁"}, "behavior": behavior, "invert": False},
            [SPACES, {"type": "ByteFallback"}, {"type": "Fuse"}],
        )
        for behavior in ("MergedWithPrevious", "MergedWithNext", "Isolated")
    },
}


def characters(preprocessing="llama", merges=MADE, added_tokens=(), byte_fallback=True, **model):
    normalizers, pre_tokenizer, decoders = PREPROCESSINGS[preprocessing]
    vocab = {"<unk>": 0}
    for name in [f"<0x{byte:02X}>" for byte in range(256)] if byte_fallback else []:
        vocab[name] = len(vocab)
    for name in [*CHARS, *(merge.replace(" ", "") for merge in merges)]:
        vocab.setdefault(name, len(vocab))
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added(0, "<unk>", special=True), *added_tokens],
        "normalizer": {"type": "Sequence", "normalizers": normalizers} if normalizers else None,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": byte_fallback,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [merge.split(" ") for merge in merges],
            **model,
        },
    }


def clip(**changes):
    """A file of CLIP's kind: every byte within a word and at its end, a few merges of both."""
    content = tokenizer_json()
    bytes_of = [to_chars(bytes([byte])) for byte in range(256)]
    merges = ["l o", "lo w</w>", "lo w", "low e", "lowe r</w>", "' s</w>", "! !", "!! !</w>", "Ã ©</w>", "1 </w>"][:9]
    names = [*bytes_of, *(f"{name}</w>" for name in bytes_of), *("".join(merge.split(" ")) for merge in merges)]
    vocab = {name: number for number, name in enumerate(names)}
    content["model"] |= {"vocab": vocab, "merges": merges, "end_of_word_suffix": "</w>", "unk_token": "<|endoftext|>"}
    content["added_tokens"] = [
        added(len(vocab), "<|startoftext|>", special=True, normalized=True),
        added(len(vocab) + 1, "<|endoftext|>", special=True),
    ]
    content["normalizer"] = {"type": "Sequence", "normalizers": CLIP_NORMALIZER}
    split = {"type": "Split", "pattern": {"Regex": CLIP_SPLIT}, "behavior": "Removed", "invert": True}
    content["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, BYTE_LEVEL]}
    content["model"] |= changes
    return content


def check_what_marked_words_cannot(tok: Tokenizer, folder: Path, reason: str) -> None:
    """What a vocabulary whose tokens say where in a word they stand cannot become or do is refused; nothing is left."""
    for act in (
        lambda: tok.to_gguf(folder / "t.gguf"),
        lambda: tok.to_tiktoken(folder / "t.tiktoken"),
        lambda: tok.to_gpt2(folder / "t"),
        lambda: tok.to_minbpe(folder / "t.model"),
        lambda: tok.extend(["low"], 600),
        lambda: tok.encode_with_dropout("low", 0.5, 1),
    ):
        with pytest.raises(ValueError, match=reason):
            act()
    assert not list(folder.iterdir())
