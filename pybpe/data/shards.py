"""Token shards: a folder of flat files of ids and one manifest.json that says what they are.

    train_000.bin   uint16 or uint32 ids, little-endian, nothing else
    val_000.bin
    manifest.json   tokenizer fingerprint, dtype, and for each set its shards with ids, documents and sha256

A shard takes its name only when it is complete, and the manifest names only complete shards. Writing that was killed
at any moment goes on behind the last of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pybpe.errors import ShardError
from pybpe.tokenizer import Tokenizer
from pybpe.util.files import PathLike, atomic_writer, write_atomic
from pybpe.util.utf8 import to_utf8

MANIFEST = "manifest.json"
FORMAT = "pybpe-shards"
VERSION = 1
IDS_A_SHARD = 100_000_000

# A part of a document, and whether the document ends with it.
Piece = tuple["str | bytes", bool]


def write_shards(
    tokenizer: Tokenizer,
    pieces: Iterable[Piece],
    folder: PathLike,
    *,
    name: str = "train",
    source: str = "",
    ids_a_shard: int = IDS_A_SHARD,
) -> Generator[int, None, None]:
    """Encode documents into the set `name` of a folder of shards, yielding the ids written so far after each piece.

    pieces: (text, ends) in order; a document may come in several pieces that can be split apart. If the tokenizer has
        "<|endoftext|>", each document ends with it. Special tokens in the text are ordinary text.
    source: says where the pieces come from. Writing that was stopped goes on only for an equal source, and only if the
        pieces that are done are those of then: their text is read again and compared by checksum.

    Sets of different names may be written to one folder at the same time, one set by one writer. Raises ShardError if
    the folder holds shards of another tokenizer, or a set of this name from another source or text.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ValueError(f"the name of a set is letters, digits, - and _, not {name!r}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    group = _begin(folder, tokenizer, name, source)
    _remove_parts(folder, name)
    stream = iter(pieces)
    _skip_finished(stream, group, folder, name)
    written = sum(shard["ids"] for shard in group["shards"])
    yield written
    while not group["complete"]:
        shard = yield from _write_shard(
            folder / f"{name}_{len(group['shards']):03d}.bin", stream, tokenizer, ids_a_shard, written
        )
        group["shards"].append(shard)
        written += shard["ids"]
        group["complete"] = shard["ids"] < ids_a_shard  # only the last one ends before it is full
        _commit(folder, tokenizer, name, group)


def _write_shard(
    path: Path, stream: Iterator[Piece], tokenizer: Tokenizer, limit: int, written: int
) -> Generator[int, None, dict[str, Any]]:
    """Write pieces until a shard has `limit` ids or they end; returns its entry for the manifest."""
    eot = tokenizer.special_tokens.get("<|endoftext|>")
    dtype = _dtype_for(tokenizer)
    content_digest, text_digest = hashlib.sha256(), hashlib.sha256()
    shard: dict[str, Any] = {"file": path.name, "ids": 0, "documents": 0, "pieces": 0}
    with atomic_writer(path) as file:
        for text, ends in stream:
            ids = tokenizer.encode_to_numpy(text, disallowed_special=())
            if ends and eot is not None:
                ids = np.append(ids, np.uint32(eot))
            content = ids.astype(dtype).tobytes()
            file.write(content)
            content_digest.update(content)
            _digest_piece(text_digest, text, ends)
            shard["ids"] += len(ids)
            shard["documents"] += ends
            shard["pieces"] += 1
            yield written + shard["ids"]
            if shard["ids"] >= limit:
                break
    return {**shard, "sha256": content_digest.hexdigest(), "text_sha256": text_digest.hexdigest()}


def _digest_piece(digest: Any, text: str | bytes, ends: bool) -> None:
    content = to_utf8(text)
    digest.update(b"%d %d " % (len(content), ends))
    digest.update(content)


def _skip_finished(stream: Iterator[Piece], group: dict[str, Any], folder: Path, name: str) -> None:
    """Pass over the pieces that are in shards already. Raises ShardError unless they are the same text."""
    same = True
    for shard in group["shards"]:
        digest = hashlib.sha256()
        for _ in range(shard["pieces"]):
            piece = next(stream, None)
            if piece is None:
                break
            _digest_piece(digest, *piece)
        same = same and digest.hexdigest() == shard["text_sha256"]
    if not same or (group["complete"] and next(stream, None) is not None):
        raise ShardError(
            f"the text has changed since set {name!r} in {folder} was written: "
            "remove that folder, or choose another folder or name"
        )


class TokenShards:
    """A folder of token shards, checked and opened by memory map.

    >>> shards = TokenShards("corpus-shards")  # doctest: +SKIP
    >>> shards.ids("train")[:8]  # doctest: +SKIP
    """

    def __init__(self, folder: PathLike, tokenizer: Tokenizer | None = None) -> None:
        """Open a folder. Raises ShardError if it is damaged, unfinished, or not of `tokenizer`, where that is given."""
        self._folder = Path(folder)
        self._manifest = _read_manifest(self._folder)
        if tokenizer is not None:
            _check_tokenizer(self._manifest, tokenizer, self._folder)
        for name, group in self._manifest["sets"].items():
            if not group["complete"]:
                raise ShardError(f"set {name!r} in {self._folder} is unfinished: run the command that wrote it again")
            for shard in group["shards"]:
                self._check_size(shard)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the tokenizer that made the ids."""
        return str(self._manifest["fingerprint"])

    @property
    def sets(self) -> list[str]:
        """The names of the sets, such as train and val."""
        return list(self._manifest["sets"])

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint16 or uint32, little-endian."""
        return np.dtype(str(self._manifest["dtype"]))

    def n_ids(self, name: str = "train") -> int:
        """How many ids a set has."""
        return sum(shard["ids"] for shard in self._set(name))

    def n_documents(self, name: str = "train") -> int:
        """How many documents a set has."""
        return sum(shard["documents"] for shard in self._set(name))

    def arrays(self, name: str = "train") -> list[npt.NDArray[np.integer[Any]]]:
        """The shards of a set, each a read-only memory map of its ids."""
        return [
            np.memmap(self._folder / shard["file"], dtype=self.dtype, mode="r")
            if shard["ids"]
            else np.empty(0, dtype=self.dtype)
            for shard in self._set(name)
        ]

    def ids(self, name: str = "train") -> npt.NDArray[np.integer[Any]]:
        """All ids of a set: a memory map if it is one shard, else a copy in memory."""
        arrays = self.arrays(name)
        return arrays[0] if len(arrays) == 1 else np.concatenate([np.empty(0, dtype=self.dtype), *arrays])

    def verify(self) -> None:
        """Read everything and compare checksums. Raises ShardError where one differs."""
        for group in self._manifest["sets"].values():
            for shard in group["shards"]:
                digest = hashlib.sha256()
                with (self._folder / shard["file"]).open("rb") as file:
                    while block := file.read(1 << 20):
                        digest.update(block)
                if digest.hexdigest() != shard["sha256"]:
                    raise ShardError(f"{self._folder / shard['file']} is damaged: its checksum does not match")

    def _set(self, name: str) -> list[dict[str, Any]]:
        if name not in self._manifest["sets"]:
            raise ShardError(f"{self._folder} has no set {name!r}; it has {', '.join(self.sets) or 'none'}")
        return list(self._manifest["sets"][name]["shards"])

    def _check_size(self, shard: dict[str, Any]) -> None:
        path = self._folder / shard["file"]
        expected = shard["ids"] * self.dtype.itemsize
        size = path.stat().st_size if path.is_file() else -1
        if size != expected:
            found = "is missing" if size < 0 else f"has {size:,} bytes, not {expected:,}"
            raise ShardError(f"{path} {found}: remove {self._folder} and write the shards again")


def _dtype_for(tokenizer: Tokenizer) -> str:
    return "<u2" if tokenizer.n_vocab <= 1 << 16 else "<u4"


def _current_manifest(folder: Path, tokenizer: Tokenizer) -> dict[str, Any]:
    """The manifest of the folder, or a new one. Raises ShardError if it is another tokenizer's."""
    if (folder / MANIFEST).exists():
        manifest = _read_manifest(folder)
        _check_tokenizer(manifest, tokenizer, folder)
        return manifest
    return {
        "format": FORMAT,
        "version": VERSION,
        "fingerprint": tokenizer.fingerprint,
        "n_vocab": tokenizer.n_vocab,
        "dtype": _dtype_for(tokenizer),
        "sets": {},
    }


def _begin(folder: Path, tokenizer: Tokenizer, name: str, source: str) -> dict[str, Any]:
    """What there is of the set `name`, to go on from."""
    sets = _current_manifest(folder, tokenizer)["sets"]
    group: dict[str, Any] = sets.get(name, {"source": source, "complete": False, "shards": []})
    if group["source"] != source:
        raise ShardError(f"{folder} already has a set {name!r} of {group['source']!r}: choose another folder or name")
    return group


def _remove_parts(folder: Path, name: str) -> None:
    """Remove the unfinished shards that a killed run of the same set left."""
    for path in folder.iterdir():
        if re.fullmatch(rf"\.{name}_\d+\.bin\..*\.part", path.name):
            path.unlink()


def _commit(folder: Path, tokenizer: Tokenizer, name: str, group: dict[str, Any]) -> None:
    """Write the set into the manifest as it is now: another set may have been written meanwhile."""
    manifest = _current_manifest(folder, tokenizer)
    manifest["sets"][name] = group
    write_atomic(folder / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())


def _check_tokenizer(manifest: dict[str, Any], tokenizer: Tokenizer, folder: Path) -> None:
    if manifest["fingerprint"] != tokenizer.fingerprint:
        raise ShardError(
            f"the shards in {folder} were made by another tokenizer "
            f"({manifest['fingerprint'][:12]}, not {tokenizer.fingerprint[:12]}): encode again, or use that tokenizer"
        )


def _read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, every field that is used of the right type and range."""
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
    raise ShardError(f"{path} is not a manifest of token shards")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 1 << 62
