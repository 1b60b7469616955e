"""The public encodings: what their rank files do not hold, and how to recognize the files."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from pybpe.errors import UnknownEncodingError
from pybpe.pretokenization.patterns import CL100K, GPT2, O200K
from pybpe.util.files import PathLike
from pybpe.util.suggestions import did_you_mean

FOLDER_URL = "https://openaipublic.blob.core.windows.net/encodings"


@dataclass(frozen=True)
class Encoding:
    """A public encoding: its name, the name, size in bytes and sha256 of its rank file, its pattern, special tokens."""

    name: str
    file: str
    n_bytes: int
    sha256: str
    pattern: str
    special_tokens: dict[str, int]

    @property
    def url(self) -> str:
        """The address of the rank file."""
        return f"{FOLDER_URL}/{self.file}"

    @property
    def cached(self) -> Path | None:
        """The path of the downloaded file in tiktoken's cache, which pybpe shares; None if nothing is to be kept."""
        folder = cache_folder()
        name = hashlib.sha1(self.url.encode(), usedforsecurity=False).hexdigest()
        return None if folder is None else folder / name

    def find(self, folder: PathLike | None = None) -> Path | None:
        """Return the rank file in `folder`, in PYBPE_VOCABS or in the cache of downloads; None if it is in none."""
        folders = [folder, os.environ.get("PYBPE_VOCABS")]
        places = [Path(each, self.file) for each in folders if each]
        places += [self.cached] if self.cached else []
        return next(filter(Path.is_file, places), None)


ENCODINGS = (
    Encoding(
        "r50k_base",
        "r50k_base.tiktoken",
        835_554,
        "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
        GPT2,
        {"<|endoftext|>": 50256},
    ),
    Encoding(
        "p50k_base",
        "p50k_base.tiktoken",
        836_186,
        "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
        GPT2,
        {"<|endoftext|>": 50256},
    ),
    Encoding(
        "cl100k_base",
        "cl100k_base.tiktoken",
        1_681_126,
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
        "o200k_base.tiktoken",
        3_613_922,
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        O200K,
        {"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
    ),
)
_R50K, _P50K, _, _O200K = ENCODINGS
_FIM = {"<|fim_prefix|>": 50281, "<|fim_middle|>": 50282, "<|fim_suffix|>": 50283}
_HARMONY = {
    "<|startoftext|>": 199998,
    "<|endoftext|>": 199999,
    "<|endofprompt|>": 200018,  # listed before the reserved token of this id, because decoding gives the first
    "<|return|>": 200002,
    "<|constrain|>": 200003,
    "<|channel|>": 200005,
    "<|start|>": 200006,
    "<|end|>": 200007,
    "<|message|>": 200008,
    "<|call|>": 200012,
}
_RESERVED = {f"<|reserved_{i}|>": i for i in (200000, 200001, 200004, *range(200009, 200012), *range(200013, 201088))}
# Encodings with the rank file of another one, but a name and special tokens of their own.
VARIANTS = (
    replace(_R50K, name="gpt2"),
    replace(_P50K, name="p50k_edit", special_tokens={**_P50K.special_tokens, **_FIM}),
    replace(_O200K, name="o200k_harmony", special_tokens={**_HARMONY, **_RESERVED}),
)
BY_NAME = {encoding.name: encoding for encoding in ENCODINGS + VARIANTS}

# {encoding: models}; a model that ends in "*" stands for all names with this prefix.
MODELS = {
    "gpt2": "gpt2 gpt-2",
    "r50k_base": "davinci curie babbage ada text-davinci-001 text-curie-001 text-babbage-001 text-ada-001 "
    "text-similarity-davinci-001 text-similarity-curie-001 text-similarity-babbage-001 text-similarity-ada-001 "
    "text-search-davinci-doc-001 text-search-curie-doc-001 text-search-babbage-doc-001 text-search-ada-doc-001 "
    "code-search-babbage-code-001 code-search-ada-code-001",
    "p50k_base": "text-davinci-003 text-davinci-002 code-davinci-002 code-davinci-001 code-cushman-002 "
    "code-cushman-001 davinci-codex cushman-codex",
    "p50k_edit": "text-davinci-edit-001 code-davinci-edit-001",
    "cl100k_base": "gpt-4 gpt-4-* gpt-3.5 gpt-3.5-turbo gpt-3.5-turbo-* gpt-35-turbo gpt-35-turbo-* davinci-002 "
    "babbage-002 text-embedding-ada-002 text-embedding-3-small text-embedding-3-large "
    "ft:gpt-4* ft:gpt-3.5-turbo* ft:davinci-002* ft:babbage-002*",
    "o200k_base": "o1 o1-* o3 o3-* o4-mini o4-mini-* gpt-5 gpt-5* gpt-4.5-* gpt-4.1 gpt-4.1-* gpt-4o gpt-4o-* "
    "chatgpt-4o-* ft:gpt-4o*",
    "o200k_harmony": "gpt-oss-*",
}


def by_name(name: str) -> Encoding:
    """Return the public encoding of this name. Raises UnknownEncodingError for an unknown name."""
    found = BY_NAME.get(name) if isinstance(name, str) else None
    if found is None:
        guess = did_you_mean(name, BY_NAME) if isinstance(name, str) else ""
        raise UnknownEncodingError(f"there is no encoding {name!r}{guess or '; the names are ' + ', '.join(BY_NAME)}")
    return found


def name_for_model(model: str) -> str:
    """Return the name of the encoding that a model uses. Raises UnknownEncodingError for an unknown model."""
    names = {each: name for name, models in MODELS.items() for each in models.split()}
    if model in names and not model.endswith("*"):
        return names[model]
    beginnings = [each[:-1] for each in names if each.endswith("*") and model.startswith(each[:-1])]
    if not beginnings:
        raise UnknownEncodingError(
            f"the encoding of the model {model!r} is not known; name it, as in get_encoding('o200k_base')"
        )
    return names[max(beginnings, key=len) + "*"]


def cache_folder() -> Path | None:
    """Return tiktoken's folder of downloads by its environment variables; None if they turn the cache off."""
    import tempfile  # here, because opening a rank file needs none of it

    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if folder is None:
        return Path(tempfile.gettempdir(), "data-gym-cache")
    return Path(folder) if folder else None


def local_files() -> dict[str, Path]:
    """Return {encoding: rank file} of the files on this machine. Nothing is downloaded or opened.

    Files are searched for as PYBPE_VOCABS/cl100k_base.tiktoken and in tiktoken's folder of downloads.
    """
    places = {encoding.name: encoding.find() for encoding in ENCODINGS}
    return {name: place for name, place in places.items() if place is not None}


def by_sha256(digest: str) -> Encoding | None:
    """Return the public encoding whose rank file has this sha256, None if there is none."""
    return next((encoding for encoding in ENCODINGS if encoding.sha256 == digest), None)
