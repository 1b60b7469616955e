"""Public encodings: the facts that tell one rank file from another and that the file itself does not hold."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from pybpe.patterns import CL100K, GPT2, O200K


@dataclass(frozen=True)
class Encoding:
    """A published vocabulary: its name, the sha256 of its rank file, its pattern and special tokens."""

    name: str
    sha256: str
    pattern: str
    special_tokens: dict[str, int]


ENCODINGS = (
    Encoding(
        "r50k_base",
        "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
        GPT2,
        {"<|endoftext|>": 50256},
    ),
    Encoding(
        "p50k_base",
        "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
        GPT2,
        {"<|endoftext|>": 50256},
    ),
    Encoding(
        "cl100k_base",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        CL100K,
        {
            "<|endoftext|>": 100257,
            "<|fim_prefix|>": 100258,
            "<|fim_middle|>": 100259,
            "<|fim_suffix|>": 100260,
            "<|endofprompt|>": 100276,
        },
    ),
    Encoding(
        "o200k_base",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        O200K,
        {"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
    ),
)


def local_files() -> dict[str, Path]:
    """The rank files that are on this machine, by the names of their encodings: nothing is downloaded, or opened.

    They are looked for as PYBPE_VOCABS/cl100k_base.tiktoken, and where tiktoken keeps what it downloaded.
    """
    import tempfile  # here, because opening a rank file needs none of it

    cache = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if cache is None:
        cache = str(Path(tempfile.gettempdir(), "data-gym-cache"))
    found = {}
    for encoding in ENCODINGS:
        url = f"https://openaipublic.blob.core.windows.net/encodings/{encoding.name}.tiktoken"
        places = [Path(cache, hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest())] if cache else []
        if os.environ.get("PYBPE_VOCABS"):
            places.insert(0, Path(os.environ["PYBPE_VOCABS"], f"{encoding.name}.tiktoken"))
        there = next(filter(Path.is_file, places), None)
        if there is not None:
            found[encoding.name] = there
    return found


def by_sha256(digest: str) -> Encoding | None:
    """The public encoding whose rank file has this sha256."""
    return next((encoding for encoding in ENCODINGS if encoding.sha256 == digest), None)
