"""The manifest of a folder of token shards: the tokenizer's fingerprint, and the complete shards."""

from __future__ import annotations

import contextlib
import json
import re
from itertools import chain
from pathlib import Path
from typing import Any

from pybpe.errors import ShardError
from pybpe.tokenizer import Tokenizer
from pybpe.util.files import write_atomic
from pybpe.util.locks import locked

MANIFEST = "manifest.json"
FORMAT = "pybpe-shards"
VERSION = 1

_LOCK = ".manifest.lock"


def dtype_for(tokenizer: Tokenizer) -> str:
    """Return the smallest numpy dtype that holds every id: "<u2" (uint16) or "<u4" (uint32)."""
    return "<u2" if tokenizer.n_vocab <= 1 << 16 else "<u4"


def current_manifest(folder: Path, tokenizer: Tokenizer) -> dict[str, Any]:
    """Return the manifest of the folder, or a new one. Raises ShardError if another tokenizer made the shards."""
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        check_tokenizer(manifest, tokenizer, folder, "delete the folder, name another folder (-o), or add --force")
        return manifest
    return {
        "format": FORMAT,
        "version": VERSION,
        "fingerprint": tokenizer.fingerprint,
        "n_vocab": tokenizer.n_vocab,
        "dtype": dtype_for(tokenizer),
        "sets": {},
    }


def commit(folder: Path, tokenizer: Tokenizer, name: str, group: dict[str, Any]) -> None:
    """Write a set to the manifest, which is read again first: another set may have changed meanwhile."""
    with locked(folder / _LOCK):
        manifest = current_manifest(folder, tokenizer)
        manifest["sets"][name] = group
        _write_manifest(folder, manifest)


def remove_set(folder: Path, tokenizer: Tokenizer, name: str) -> None:
    """Remove a set, or all sets if another tokenizer made them: first from the manifest, then its files."""
    with locked(folder / _LOCK):
        if not (folder / MANIFEST).exists():
            return
        manifest = read_manifest(folder)
        sets = manifest["sets"]
        removed = [sets.pop(name)] if name in sets else []
        if manifest["fingerprint"] != tokenizer.fingerprint:
            removed += sets.values()
            (folder / MANIFEST).unlink()
        else:
            _write_manifest(folder, manifest)
    for shard in chain.from_iterable(group["shards"] for group in removed):
        (folder / shard["file"]).unlink(missing_ok=True)


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    write_atomic(folder / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())


def check_tokenizer(manifest: dict[str, Any], tokenizer: Tokenizer, folder: Path, advice: str) -> None:
    """Raise ShardError, with advice, unless `tokenizer` made the shards."""
    made, this = manifest["fingerprint"], tokenizer.fingerprint
    if made != this:
        raise ShardError(
            f"the shards in {folder} were made by another tokenizer (fingerprint {made[:12]}, not {this[:12]}): "
            f"{advice}"
        )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest, its fields checked. Raises ShardError if it is missing, malformed or of a newer version."""
    path = folder / MANIFEST
    if not path.is_file():
        raise ShardError(f"{folder} holds no token shards: there is no {MANIFEST} in it")
    version = VERSION
    with contextlib.suppress(ValueError, RecursionError, KeyError, TypeError, AttributeError):
        manifest = json.loads(path.read_bytes())
        if manifest["format"] == FORMAT:
            version = manifest["version"]
        shards = [shard for group in manifest["sets"].values() for shard in group["shards"]]
        if (
            manifest["format"] == FORMAT
            and version == VERSION
            and manifest["dtype"] in ("<u2", "<u4")
            and isinstance(manifest["fingerprint"], str)
            and all(isinstance(group["complete"], bool) for group in manifest["sets"].values())
            and all(isinstance(group["source"], str) for group in manifest["sets"].values())
            and all(re.fullmatch(r"[A-Za-z0-9_-]+\.bin", shard["file"]) for shard in shards)
            and all(_is_count(shard[field]) for shard in shards for field in ("ids", "documents", "pieces"))
            and all(isinstance(group["shards"], list) for group in manifest["sets"].values())
            and all(isinstance(shard[field], str) for shard in shards for field in ("sha256", "text_sha256"))
        ):
            return dict(manifest)
    if version != VERSION:
        raise ShardError(f"{path} is of version {version}; this pybpe reads {VERSION}: upgrade pybpe")
    raise ShardError(f"{path} is not a manifest of token shards: delete the folder, or choose another")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 1 << 62
