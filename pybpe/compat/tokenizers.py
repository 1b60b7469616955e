"""tokenizers' Tokenizer, with the real one behind it and pybpe in front: what transformers and datatrove hold on to.

The real tokenizer stays the truth: what it is asked and told goes to it. Only the calls that programs make all day are
served by pybpe: encoding texts, whatever the truncation and the padding, and decoding ids. That begins after pybpe has
read the tokenizer and given the same as it on a set of probes, and after each change that the tokenizer goes through
it begins anew. Pairs of texts, texts that are split into words, and whatever cannot be done exactly are passed on.

A change is seen if it is made through this object or through the parts that it hands out (`pre_tokenizer` and the
like); one that is made to the real tokenizer behind its back is seen unless it concerns names of tokens it had already.
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
    """Stands wherever a tokenizers.Tokenizer stands, but is no instance of it.

    backend: a tokenizers.Tokenizer, or one of its models to make one of. Functions of tokenizers written in Rust, such
    as `DecodeStream.step`, need the real one: pass `backend` to them. Their errors name what they got by its
    __qualname__, which therefore says so.
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
        """Read the content of one."""
        return cls(_tokenizers().Tokenizer.from_str(json))

    @classmethod
    def from_buffer(cls, buffer: bytes) -> Tokenizer:
        """Read the content of one, as bytes."""
        return cls(_tokenizers().Tokenizer.from_buffer(buffer))

    @classmethod
    def from_pretrained(cls, identifier: str, revision: str = "main", token: str | None = None) -> Tokenizer:
        """Fetch one by its name on Hugging Face's hub."""
        return cls(_tokenizers().Tokenizer.from_pretrained(identifier, revision=revision, token=token))

    # Text to ids

    def encode(
        self, sequence: Any, pair: Any = None, is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> Any:
        """The encoding of one text, or of a pair."""
        if pair is None and not is_pretokenized:
            encoded = self._encode([sequence], add_special_tokens, True)
            if encoded is not None:
                return encoded[0]
        with _telling_surrogates([sequence, pair]):
            return self._backend.encode(sequence, pair, is_pretokenized, add_special_tokens)

    def encode_batch(self, input: Any, is_pretokenized: bool = False, add_special_tokens: bool = True) -> Any:
        """The encoding of each text or pair; on all cores unless TOKENIZERS_PARALLELISM says no."""
        encoded = None if is_pretokenized else self._encode(input, add_special_tokens, True)
        if encoded is not None:
            return encoded
        with _telling_surrogates(input):
            return self._backend.encode_batch(input, is_pretokenized, add_special_tokens)

    def encode_batch_fast(self, input: Any, is_pretokenized: bool = False, add_special_tokens: bool = True) -> Any:
        """As `encode_batch`, without offsets."""
        encoded = None if is_pretokenized else self._encode(input, add_special_tokens, False)
        if encoded is not None:
            return encoded
        with _telling_surrogates(input):
            return self._backend.encode_batch_fast(input, is_pretokenized, add_special_tokens)

    def _encode(self, texts: Any, add_special_tokens: bool, offsets: bool) -> list[Encoding] | None:
        """The encodings by pybpe; None for what it does not serve, errors included."""
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
        """The text that ids stand for."""
        found = self._decode(ids, skip_special_tokens)
        return self._backend.decode(ids, skip_special_tokens) if found is None else found

    def decode_batch(self, sequences: Sequence[Sequence[int]], skip_special_tokens: bool = True) -> list[str]:
        """The text of each."""
        if isinstance(sequences, (list, tuple)):
            found = [self._decode(ids, skip_special_tokens) for ids in sequences]
            if None not in found:
                return found  # type: ignore[return-value]
        return self._backend.decode_batch(sequences, skip_special_tokens)  # type: ignore[no-any-return]

    def _decode(self, ids: Sequence[int], skip_special_tokens: bool) -> str | None:
        snapshot = self._current() if type(ids) is list else None
        return snapshot.decode(ids, skip_special_tokens) if snapshot else None

    # What it stands on

    @property
    def backend(self) -> Any:
        """The real tokenizers.Tokenizer."""
        return self._backend

    @property
    def reason(self) -> str | None:
        """Why pybpe does not serve this tokenizer; None if it does, or before the first call."""
        return self._reason  # type: ignore[no-any-return]

    def check(self) -> None:
        """Read the tokenizer and prove parity now. Raises FormatError or ParityError with the reason if it fails."""
        state = state_of(self._backend)
        snapshot = Snapshot(self._backend, state)
        check_parity(self._backend, snapshot)
        self._keep(state, snapshot, None)

    def _current(self) -> Snapshot | None:
        """What serves the tokenizer as it is now; None, after a warning, if nothing does."""
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
        if name == "model":  # of the others `state_of` tells
            self._forget()

    def _changing(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """A method that may change what the tokenizer does to a text."""

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


globals()[Tokenizer.__qualname__] = Tokenizer  # pickle looks a class up by this name


def _tokenizers() -> Any:
    return extra_module("tokenizers", "hf", "for what stands in place of its Tokenizer")


def _is_text(text: Any) -> bool:
    """True if a text is a str without lone surrogates, of which tokenizers makes an error."""
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
    """Within, a TypeError of tokenizers that is due to a lone surrogate in `texts`, nested lists, says so."""
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
    """One thread if the environment says so, as tokenizers reads it; None for one a core."""
    off = os.environ.get("TOKENIZERS_PARALLELISM", "").lower() in ("off", "false", "f", "no", "n", "0")
    return 1 if off else None
