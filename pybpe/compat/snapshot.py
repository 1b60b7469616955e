"""Snapshots: the state of a tokenizers.Tokenizer at one moment, served by pybpe."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import index
from threading import Lock
from typing import Any

from pybpe.codec import Codec
from pybpe.errors import FormatError, ParityError
from pybpe.formats import huggingface
from pybpe.formats.helpers.byte_level import to_bytes

State = tuple[Any, ...]

_PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
_SETTINGS = (
    *("dropout", "unk_token", "fuse_unk", "byte_fallback", "ignore_merges"),
    *("continuing_subword_prefix", "end_of_word_suffix"),
)
_SAMPLES = ("", "a", "Hello world", "x 1\n\ny")


def state_of(backend: Any) -> State:
    """Return values that differ after any change of a tokenizer, except of its added tokens' settings.

    It takes a few microseconds, so that it can be called before every encoding.
    """
    model = backend.model
    parts = [_content(getattr(backend, name)) for name in _PARTS]
    return (*parts, type(model), *[getattr(model, name, None) for name in _SETTINGS], backend.get_vocab_size(True))


def _content(part: Any) -> Any:
    try:
        return None if part is None else part.__getstate__()
    except Exception:  # a part written in Python, which pybpe never serves
        return type(part)


def added_tokens(backend: Any) -> dict[int, Any]:
    """Return {id: AddedToken} of the tokens that are found by name."""
    return backend.get_added_tokens_decoder()  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Template:
    """The special tokens that a post-processor puts around the ids of one text, and the type ids.

    before, behind: the ids before and after those of the text. types: (type ids of `before`, type id of the text, type
    ids of `behind`).
    """

    before: list[int]
    behind: list[int]
    types: tuple[list[int], int, list[int]]

    @property
    def added(self) -> int:
        """The number of ids that are put around a text."""
        return len(self.before) + len(self.behind)

    def serves(self, truncation: Mapping[str, Any]) -> bool:
        """Return True if a truncation keeps ids of a text, and tokenizers does not raise for it."""
        kept = truncation["max_length"] - self.added
        return kept > truncation["stride"] and truncation["strategy"] != "only_second"  # type: ignore[no-any-return]


class Snapshot:
    """A tokenizers.Tokenizer at one moment, served by pybpe. Immutable except for caches; threads may share one."""

    def __init__(self, backend: Any, state: State) -> None:
        """Read a tokenizer. Raises FormatError if pybpe cannot give the same ids."""
        definition = huggingface.from_json(json.loads(_written(backend)), "the tokenizer")
        self._state = state
        self._codec = Codec(definition)
        self._text = self._codec.encoder
        self._original = _clone(backend)
        self._lock = Lock()
        self._templates = {add: self._template(add) for add in (True, False)}
        names = added_tokens(backend)
        self.names = [names[token].content for token in sorted(names)]
        self.tokens = definition.vocabulary.to_list()
        self._special_ids = frozenset(token for token, entry in names.items() if entry.special)
        self._decodes = type(backend.decoder).__name__ == "ByteLevel" and all(map(_is_itself, self.names))

    def template(self, add_special_tokens: bool) -> Template | None:
        """Return the special tokens around a text; None if a Template cannot describe them."""
        return self._templates[bool(add_special_tokens)]

    def encode(self, texts: Sequence[str], threads: int | None) -> list[list[int]]:
        """Return the ids of each text, with added tokens found by name, without the special tokens of the template."""
        if len(texts) == 1:
            ids = self._text.fast.to_list(texts[0], "all", ())
            return [self._text.encode(texts[0], "all", ()).to_list(self._codec.ints) if ids is None else ids]
        return self._text.lists(texts, threads, "all", ())

    def decode(self, ids: Sequence[int], skip_special_tokens: bool) -> str | None:
        """Return the text of ids; None if pybpe does not decode them, such as for an id without a token."""
        if not self._decodes:
            return None
        try:
            if skip_special_tokens and not self._special_ids.isdisjoint(ids):
                ids = [token for token in map(index, ids) if token not in self._special_ids]
            return self._codec.decoder.decode(ids, "replace")
        except (TypeError, ValueError, OverflowError):
            return None

    def original(self, text: str, add_special_tokens: bool, offsets: bool, truncation: Mapping[str, Any] | None) -> Any:
        """Return the real tokenizers.Encoding of a text. Raises ParityError if the tokenizer was changed since."""
        if state_of(self._original)[:-1] != self._state[:-1]:
            raise ParityError("the tokenizer was changed after this text was encoded, so its offsets are lost")
        with self._lock:
            if truncation is None:
                self._original.no_truncation()
            else:
                self._original.enable_truncation(**truncation)
            encode = self._original.encode_batch if offsets else self._original.encode_batch_fast
            return encode([text], add_special_tokens=add_special_tokens)[0]

    def _template(self, add_special_tokens: bool) -> Template | None:
        """Return the special tokens that the real tokenizer puts around texts; None if they depend on the text."""
        found: Template | None = None
        around: tuple[list[int], list[int]] | None = None  # of a text without ids
        for sample in _SAMPLES:
            real = self.original(sample, add_special_tokens, True, None)
            ids, types, added = real.ids, real.type_ids, real.special_tokens_mask
            plain = self.encode([sample], 1)[0]
            if not plain:
                around = ids, types
                continue
            start = added.index(0) if 0 in added else 0
            end = start + len(plain)
            own = set(types[start:end])
            if ids[start:end] != plain or len(own) != 1 or 0 in added[end:]:
                return None
            template = Template(ids[:start], ids[end:], (types[:start], own.pop(), types[end:]))
            if found not in (None, template):
                return None
            found = template
        if found is None or around != (found.before + found.behind, found.types[0] + found.types[2]):
            return None
        return found


def _written(backend: Any) -> str:
    """Return the tokenizer.json of a tokenizer. Raises FormatError if it has a part written in Python."""
    try:
        return backend.to_str()  # type: ignore[no-any-return]
    except Exception as error:  # a part written in Python
        raise FormatError(f"the tokenizer cannot be written as a tokenizer.json: {error}") from None


def _clone(backend: Any) -> Any:
    """Return a tokenizer with the same parts and its own added tokens, truncation and padding."""
    made = type(backend)(backend.model)
    for name in _PARTS:
        setattr(made, name, getattr(backend, name))
    names = added_tokens(backend)
    made.add_tokens([names[token] for token in sorted(names)])
    if added_tokens(made) != names:
        raise FormatError("the tokenizers package would give the added tokens other ids if they were added again")
    return made


def _is_itself(name: str) -> bool:
    """Return True if the name of a token, read as byte-level characters, stands for itself or for no bytes."""
    content = to_bytes(name)
    return content is None or content == name.encode()
