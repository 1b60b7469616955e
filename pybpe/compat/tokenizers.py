"""The interface of tokenizers.Tokenizer over a real one, with pybpe for encoding and decoding.

transformers and datatrove use it as their backend. Attributes and settings are those of the real tokenizer. pybpe
serves only the frequent calls: encoding texts, with any truncation and padding, and decoding ids. Before it does so, it
reads the tokenizer and compares results on a set of probes, and does so again after each change of the tokenizer. The
real tokenizer serves pairs of texts, texts that are split into words, and everything else.

Changes through this object or through its parts (`pre_tokenizer` and the like) are noticed. So are changes of the real
tokenizer itself, except those of the settings of added tokens that it had before.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pybpe.compat.encoding import Call, Encoding
from pybpe.compat.parity import check_parity
from pybpe.compat.snapshot import Snapshot, added_tokens, state_of
from pybpe.errors import FormatError, ParityError
from pybpe.util.extras import extra_module

__all__ = ["Tokenizer"]

_OWN = ("_backend", "_reason", "_snapshot", "_state")
_CHANGES = frozenset({"add_tokens", "add_special_tokens", "train", "train_from_iterator"})


class Tokenizer:
    """A replacement for tokenizers.Tokenizer with the same methods; it is not an instance of that class.

    backend: a tokenizers.Tokenizer, or a model of tokenizers to make one from. Functions of tokenizers written in Rust,
    such as `DecodeStream.step`, need the real one: pass `backend` to them. Their error messages show the __qualname__
    of their argument, so that attribute gives this advice.
    """

    __qualname__ = "Tokenizer (pybpe's: pass its attribute backend instead)"

    def __init__(self, backend: Any) -> None:
        if isinstance(backend, Tokenizer):
            backend = backend.backend
        real = _tokenizers().Tokenizer
        object.__setattr__(self, "_backend", backend if isinstance(backend, real) else real(backend))
        self._forget()

    @classmethod
    def from_file(cls, path: str) -> Tokenizer:
        """Read a tokenizer.json."""
        return cls(_tokenizers().Tokenizer.from_file(path))

    @classmethod
    def from_str(cls, json: str) -> Tokenizer:
        """Read the text of a tokenizer.json."""
        return cls(_tokenizers().Tokenizer.from_str(json))

    @classmethod
    def from_buffer(cls, buffer: bytes) -> Tokenizer:
        """Read the bytes of a tokenizer.json."""
        return cls(_tokenizers().Tokenizer.from_buffer(buffer))

    @classmethod
    def from_pretrained(cls, identifier: str, revision: str = "main", token: str | None = None) -> Tokenizer:
        """Load a tokenizer by its name on Hugging Face's hub."""
        return cls(_tokenizers().Tokenizer.from_pretrained(identifier, revision=revision, token=token))

    # Text to ids

    def encode(
        self, sequence: Any, pair: Any = None, is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> Any:
        """Return the encoding of one text, or of a pair."""
        if pair is None and not is_pretokenized:
            encoded = self._encode([sequence], add_special_tokens, True)
            if encoded is not None:
                return encoded[0]
        with _telling_surrogates([sequence, pair]):
            return self._backend.encode(sequence, pair, is_pretokenized, add_special_tokens)

    def encode_batch(self, input: Any, is_pretokenized: bool = False, add_special_tokens: bool = True) -> Any:
        """Return the encoding of each text or pair, on all cores unless TOKENIZERS_PARALLELISM is false."""
        encoded = None if is_pretokenized else self._encode(input, add_special_tokens, True)
        if encoded is not None:
            return encoded
        with _telling_surrogates(input):
            return self._backend.encode_batch(input, is_pretokenized, add_special_tokens)

    def encode_batch_fast(self, input: Any, is_pretokenized: bool = False, add_special_tokens: bool = True) -> Any:
        """Return the encoding of each text or pair as `encode_batch` does, without offsets."""
        encoded = None if is_pretokenized else self._encode(input, add_special_tokens, False)
        if encoded is not None:
            return encoded
        with _telling_surrogates(input):
            return self._backend.encode_batch_fast(input, is_pretokenized, add_special_tokens)

    def _encode(self, texts: Any, add_special_tokens: bool, offsets: bool) -> list[Encoding] | None:
        """Return the encodings by pybpe; None if it does not serve the call, as for texts of a wrong type."""
        if not isinstance(texts, (list, tuple)) or not all(map(_is_text, texts)):
            return None
        snapshot = self._current()
        template = snapshot.template(add_special_tokens) if snapshot else None
        if snapshot is None or template is None or self._backend.encode_special_tokens:
            return None
        truncation, padding = self._backend.truncation, self._backend.padding
        if truncation is not None and not template.serves(truncation):
            return None
        call = Call(snapshot, template, add_special_tokens, offsets, truncation, padding)
        return call.encodings(texts, 1 if len(texts) == 1 else _threads())

    # Ids to text

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """Return the text of ids."""
        found = self._decode(ids, skip_special_tokens)
        return self._backend.decode(ids, skip_special_tokens) if found is None else found

    def decode_batch(self, sequences: Sequence[Sequence[int]], skip_special_tokens: bool = True) -> list[str]:
        """Return the text of each list of ids."""
        if isinstance(sequences, (list, tuple)):
            found = [self._decode(ids, skip_special_tokens) for ids in sequences]
            if None not in found:
                return found  # type: ignore[return-value]
        return self._backend.decode_batch(sequences, skip_special_tokens)  # type: ignore[no-any-return]

    def _decode(self, ids: Sequence[int], skip_special_tokens: bool) -> str | None:
        snapshot = self._current() if type(ids) is list else None
        return snapshot.decode(ids, skip_special_tokens) if snapshot else None

    # The real tokenizer

    @property
    def backend(self) -> Any:
        """The real tokenizers.Tokenizer."""
        return self._backend

    @property
    def reason(self) -> str | None:
        """The reason why pybpe does not serve this tokenizer; None if it does, or before the first call."""
        return self._reason  # type: ignore[no-any-return]

    def check(self) -> None:
        """Read the tokenizer and compare results now. Raises FormatError or ParityError, with the reason."""
        state = state_of(self._backend)
        snapshot = Snapshot(self._backend, state)
        check_parity(self._backend, snapshot)
        self._keep(state, snapshot, None)

    def _current(self) -> Snapshot | None:
        """Return the snapshot of the tokenizer's present state; None, after a warning, if pybpe does not serve it."""
        state = state_of(self._backend)
        if state != self._state:
            try:
                self.check()
            except (FormatError, ParityError) as error:
                self._keep(state, None, str(error))
                warnings.warn(f"tokenizers does the work itself, not pybpe: {error}", stacklevel=4)
        return self._snapshot  # type: ignore[no-any-return]

    def _keep(self, state: Any, snapshot: Snapshot | None, reason: str | None) -> None:
        object.__setattr__(self, "_snapshot", snapshot)
        object.__setattr__(self, "_reason", reason)
        object.__setattr__(self, "_state", state)

    def _forget(self) -> None:
        self._keep(None, None, None)

    def __getattr__(self, name: str) -> Any:
        if name in _OWN:  # while unpickling
            raise AttributeError(name)
        found = getattr(self._backend, name)
        return self._changing(found) if name in _CHANGES else found

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._backend, name, value)
        if name == "model":  # `state_of` notices all other changes
            self._forget()

    def _changing(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a method that may change the ids that the tokenizer gives."""

        def call(*arguments: Any, **options: Any) -> Any:
            before = added_tokens(self._backend)
            result = method(*arguments, **options)
            if method.__name__.startswith("train") or added_tokens(self._backend) != before:
                self._forget()
            return result

        return call

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._backend)})

    def __repr__(self) -> str:
        return repr(self._backend)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tokenizer:
        import copy

        return type(self)(copy.deepcopy(self._backend, memo))

    def __reduce__(self) -> tuple[type[Tokenizer], tuple[Any]]:
        return type(self), (self._backend,)


globals()[Tokenizer.__qualname__] = Tokenizer  # pickle finds a class by its __qualname__


def _tokenizers() -> Any:
    return extra_module("tokenizers", "hf", "for what stands in place of its Tokenizer")


def _is_text(text: Any) -> bool:
    """Return True if a text is a str without lone surrogates, for which tokenizers raises."""
    return isinstance(text, str) and (text.isascii() or _surrogate_in(text) is None)


def _surrogate_in(text: str) -> int | None:
    """Return the index of the first lone surrogate of a text, None if there is none."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


@contextlib.contextmanager
def _telling_surrogates(texts: Any) -> Iterator[None]:
    """Replace a TypeError of tokenizers by one that names the lone surrogate in `texts` (nested lists), if any."""
    try:
        yield
    except TypeError:
        for text in _strings(texts):
            if (place := _surrogate_in(text)) is not None:
                raise TypeError(
                    f"a text holds the lone surrogate {text[place]!r} at index {place}, half a character, which "
                    "tokenizers does not take; replace it by U+FFFD first: "
                    "text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
                ) from None
        raise


def _strings(texts: Any) -> Iterator[str]:
    """Yield the strings in nested lists and tuples."""
    if isinstance(texts, str):
        yield texts
    elif isinstance(texts, (list, tuple)):
        for text in texts:
            yield from _strings(text)


def _threads() -> int | None:
    """Return 1 if TOKENIZERS_PARALLELISM turns threads off, as tokenizers reads it; None for one thread per core."""
    off = os.environ.get("TOKENIZERS_PARALLELISM", "").lower() in ("off", "false", "f", "no", "n", "0")
    return 1 if off else None
