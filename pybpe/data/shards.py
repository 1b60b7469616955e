"""Token shards: a folder of flat files of ids, described by one manifest.json.

    train_000.bin   ids, uint16 or uint32, little-endian, nothing else
    val_000.bin
    manifest.json   tokenizer fingerprint, dtype, and for each set its shards with ids, documents and sha256

A shard gets its name when it is complete, and the manifest lists complete shards only. Writing that was killed at any
moment can be continued after the last complete shard.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pybpe.data.manifest import check_tokenizer, commit, current_manifest, dtype_for, read_manifest, remove_set
from pybpe.errors import ShardError
from pybpe.tokenizer import Tokenizer
from pybpe.util.files import PathLike, atomic_writer
from pybpe.util.locks import locked
from pybpe.util.suggestions import did_you_mean
from pybpe.util.utf8 import to_utf8

IDS_A_SHARD = 100_000_000

_ADVICE = "delete the folder, name another folder (-o) or set (--set), or replace what is there (--force)"

Chunk = tuple["str | bytes", bool]  # (a part of a document, True if the document ends with it)


def write_shards(
    tokenizer: Tokenizer,
    chunks: Iterable[Chunk],
    folder: PathLike,
    *,
    name: str = "train",
    source: str = "",
    ids_a_shard: int = IDS_A_SHARD,
    replace: bool = False,
) -> Generator[int, None, None]:
    """Encode documents into the set `name` of a folder, and yield the number of ids written so far after each chunk.

    chunks: (text, ends) in order. The chunks of a document must be parted at cuts of the tokenizer; `ends` is True for
        its last one. If the tokenizer has "<|endoftext|>", it is written after each document. Special tokens in the
        text are encoded as ordinary text.
    source: a name for the source of the chunks. Interrupted writing is continued only if the source is equal, and if
        the text of the finished shards, which is read again, has the same checksum.
    ids_a_shard: the number of ids after which a shard is complete; it ends with the chunk that reaches it.
    replace: True to remove an existing set first, and all sets of the folder if another tokenizer made them.

    Sets of different names may be written to one folder at the same time, one set by one writer. Raises ShardError if
    another writer is writing the set, or, unless `replace`, if the folder holds shards of another tokenizer or a set of
    this name from another source or text.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ValueError(f"the name of a set is letters, digits, - and _, not {name!r}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    busy = ShardError(
        f"another pybpe encode is writing to {folder} (its set {name!r}): wait for its end, or choose another folder"
    )
    with locked(folder / f".{name}.set.lock", busy):
        if replace:
            remove_set(folder, tokenizer, name)
        yield from _write_set(folder, chunks, tokenizer, name, source, ids_a_shard)


def _write_set(
    folder: Path, chunks: Iterable[Chunk], tokenizer: Tokenizer, name: str, source: str, ids_a_shard: int
) -> Generator[int, None, None]:
    """Write a set, or the rest of it; `write_shards` holds its lock."""
    group = _begin(folder, tokenizer, name, source)
    _remove_parts(folder, name)
    stream = iter(chunks)
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
        commit(folder, tokenizer, name, group)


def _write_shard(
    path: Path, stream: Iterator[Chunk], tokenizer: Tokenizer, limit: int, written: int
) -> Generator[int, None, dict[str, Any]]:
    """Write a shard until it has `limit` ids or the chunks end, and return its entry for the manifest."""
    eot = tokenizer.special_tokens.get("<|endoftext|>")
    dtype = dtype_for(tokenizer)
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
            _digest_chunk(text_digest, text, ends)
            shard["ids"] += len(ids)
            shard["documents"] += ends
            shard["pieces"] += 1
            yield written + shard["ids"]
            if shard["ids"] >= limit:
                break
    return {**shard, "sha256": content_digest.hexdigest(), "text_sha256": text_digest.hexdigest()}


def _digest_chunk(digest: Any, text: str | bytes, ends: bool) -> None:
    content = to_utf8(text)
    digest.update(b"%d %d " % (len(content), ends))
    digest.update(content)


def _skip_finished(stream: Iterator[Chunk], group: dict[str, Any], folder: Path, name: str) -> None:
    """Skip the chunks that finished shards hold. Raises ShardError if their text has changed."""
    same = True
    for shard in group["shards"]:
        digest = hashlib.sha256()
        for _ in range(shard["pieces"]):
            chunk = next(stream, None)
            if chunk is None:
                break
            _digest_chunk(digest, *chunk)
        same = same and digest.hexdigest() == shard["text_sha256"]
    if not same or (group["complete"] and next(stream, None) is not None):
        raise ShardError(f"the text has changed since set {name!r} in {folder} was written: {_ADVICE}")


def _begin(folder: Path, tokenizer: Tokenizer, name: str, source: str) -> dict[str, Any]:
    """Return the entry of the set `name`, a new one if there is none. Raises ShardError for another source."""
    sets = current_manifest(folder, tokenizer)["sets"]
    group: dict[str, Any] = sets.get(name, {"source": source, "complete": False, "shards": []})
    if group["source"] != source:
        raise ShardError(f"{folder} already has a set {name!r} of {group['source']!r}: {_ADVICE}")
    return group


def _remove_parts(folder: Path, name: str) -> None:
    """Remove the unfinished shards of the set that a killed run left."""
    for path in folder.iterdir():
        if re.fullmatch(rf"\.{name}_\d+\.bin\..*\.part", path.name):
            path.unlink()


class TokenShards:
    """A folder of token shards, read by memory map.

    >>> shards = TokenShards("corpus-shards")  # doctest: +SKIP
    >>> shards.ids("train")[:8]  # doctest: +SKIP
    """

    def __init__(self, folder: PathLike, tokenizer: Tokenizer | None = None) -> None:
        """Open a folder. Raises ShardError if it is damaged, unfinished, or not made by the given tokenizer."""
        self._folder = Path(folder)
        self._manifest = read_manifest(self._folder)
        if tokenizer is not None:
            check_tokenizer(
                self._manifest, tokenizer, self._folder, "use that tokenizer, or encode the text with this one"
            )
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
        """The dtype of the ids: uint16 or uint32, little-endian."""
        return np.dtype(str(self._manifest["dtype"]))

    def n_ids(self, name: str = "train") -> int:
        """Return the number of ids of a set. Raises ShardError for an unknown set."""
        return sum(shard["ids"] for shard in self._set(name))

    def n_documents(self, name: str = "train") -> int:
        """Return the number of documents of a set. Raises ShardError for an unknown set."""
        return sum(shard["documents"] for shard in self._set(name))

    def arrays(self, name: str = "train") -> list[npt.NDArray[np.integer[Any]]]:
        """Return a read-only memory map for each shard of a set. Raises ShardError for an unknown set."""
        return [
            np.memmap(self._folder / shard["file"], dtype=self.dtype, mode="r")
            if shard["ids"]
            else np.empty(0, dtype=self.dtype)
            for shard in self._set(name)
        ]

    def ids(self, name: str = "train") -> npt.NDArray[np.integer[Any]]:
        """Return all ids of a set: a memory map for one shard, a copy in memory for several."""
        arrays = self.arrays(name)
        return arrays[0] if len(arrays) == 1 else np.concatenate([np.empty(0, dtype=self.dtype), *arrays])

    def verify(self) -> None:
        """Read all shards and compare their checksums. Raises ShardError if one differs."""
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
            guess = did_you_mean(name, self.sets)
            raise ShardError(f"{self._folder} has no set {name!r}; it has {', '.join(self.sets) or 'none'}{guess}")
        return list(self._manifest["sets"][name]["shards"])

    def _check_size(self, shard: dict[str, Any]) -> None:
        path = self._folder / shard["file"]
        expected = shard["ids"] * self.dtype.itemsize
        size = path.stat().st_size if path.is_file() else -1
        if size != expected:
            found = "is missing" if size < 0 else f"has {size:,} bytes, not {expected:,}"
            raise ShardError(f"{path} {found}: encode the text again, with --force")
