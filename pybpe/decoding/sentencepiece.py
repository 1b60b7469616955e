"""Decoding as sentencepiece does it: without the space before the text, and without control symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pybpe._core.decode import Decoder
from pybpe.decoding.id_arrays import as_uint32
from pybpe.decoding.incremental import incomplete_from
from pybpe.definition import Definition
from pybpe.normalization.sentencepiece import SentencePieceNormalizer
from pybpe.util.utf8 import replace_escaped_bytes, to_text
from pybpe.vocabulary.characters import CharacterVocabulary

if TYPE_CHECKING:
    from pybpe._core.decode import Ids


class SentencePieceDecoder:
    """A decoder by a Definition with scores. Immutable. It has the methods of the compiled Decoder.

    Each byte that is not UTF-8 becomes U+FFFD, unless `errors` asks for something else. silent: the ids that decode to
    no text. strips_all: True if all spaces at the beginning of a text are left out.
    """

    def __init__(
        self, definition: Definition, spm: SentencePieceNormalizer, scores: CharacterVocabulary, names: dict[int, bytes]
    ) -> None:
        self._names = Decoder(definition.vocabulary, names, as_uint32)
        unknown = scores.unknown_text.encode()
        written = {token: name for token, name in names.items() if token not in definition.special_tokens.values()}
        if unknown:
            written[scores.unknown] = unknown
        self._texts = Decoder(definition.vocabulary, written, as_uint32)
        self.silent = set(definition.special_tokens.values()) - written.keys()
        self._silent_ids = sorted(self.silent)
        self._whole = set(scores.byte_ids) | {scores.unknown}  # tokens that keep a space at the beginning of a text
        self._strips = spm.add_dummy_prefix or spm.remove_extra_whitespaces
        self.strips_all = spm.remove_extra_whitespaces

    def token_bytes(self, token: int) -> bytes:
        """Return the bytes of one id; of a special token, its name."""
        return self._names.token_bytes(token)

    def text_bytes(self, token: int) -> bytes:
        """Return the bytes that an id, not one of `silent`, decodes to after other ids."""
        return self._texts.token_bytes(token)

    def decode_bytes(self, ids: Ids) -> bytes:
        """Return the bytes of a text from its ids."""
        return b"".join(self._stretches(ids))

    def decode(self, ids: Ids, errors: str) -> str:
        """Return the text of ids; `errors` as in bytes.decode."""
        return "".join(_to_text(stretch, errors) for stretch in self._stretches(ids))

    def decode_batch(self, batch: Iterable[Ids], errors: str) -> list[str]:
        """Return the text of each sequence of ids."""
        return [self.decode(ids, errors) for ids in batch]

    def _stretches(self, ids: Ids) -> list[bytes]:
        """Return the bytes between ids of `silent`; each stretch is decoded to text by itself."""
        import numpy as np

        numbers = as_uint32(ids)
        silent = np.flatnonzero(np.isin(numbers, self._silent_ids))
        if not len(silent):
            return [self._texts.decode_bytes(numbers)[self._leading(map(int, numbers)) :]]
        parts = np.split(numbers, np.sort(np.concatenate((silent, silent + 1))))
        joined = [
            b"" if len(part) == 1 and int(part[0]) in self.silent else self._texts.decode_bytes(part) for part in parts
        ]
        for _ in range(self._leading(map(int, numbers))):
            first = next(number for number, part in enumerate(joined) if part)
            joined[first] = joined[first][1:]
        return joined

    def _leading(self, ids: Iterable[int]) -> int:
        """Return the number of spaces at the beginning of a text that are left out."""
        spaces = 0
        for token in ids:
            if token in self.silent:
                continue
            content = self._texts.token_bytes(token)
            if not self._strips or token in self._whole or content[0] != 0x20:
                break
            spaces += 1
            if len(content) > 1 or not self.strips_all:
                break
        return spaces


class SentencePieceStream:
    """A decoder of one id at a time, which returns whole characters, equal to SentencePieceDecoder.

    `Tokenizer.decode_stream` makes one. Copies (copy, deepcopy, pickle) are independent. decoder: a function that
    returns the SentencePieceDecoder.
    """

    def __init__(self, decoder: Callable[[], SentencePieceDecoder]) -> None:
        self._decoder = decoder
        self._first: tuple[int, ...] | None = ()  # the ids before the first text, None after it
        self._pending = b""  # the bytes of an incomplete character

    def feed(self, token: int) -> str:
        """Return the text that one more id completes, "" for none. Raises TokenIdError for an id without a token."""
        decoder = self._decoder()
        if token in decoder.silent:
            return self._take(self._pending, len(self._pending))
        if self._first is None:
            content = decoder.text_bytes(token)
        else:
            first = (*self._first, token)
            content = decoder.decode_bytes(first)
            self._first = None if content or not decoder.strips_all else first
        content = self._pending + content
        return self._take(content, incomplete_from(content))

    def finish(self) -> str:
        """Return the incomplete character at the end, as U+FFFD, and reset the stream."""
        self._first = ()
        return self._take(self._pending, len(self._pending))

    def _take(self, content: bytes, end: int) -> str:
        """Return the text of content[:end], and keep the rest."""
        self._pending = content[end:]
        return to_text(content[:end])


def _to_text(content: bytes, errors: str) -> str:
    if errors != "replace":
        return content.decode(errors=errors)
    try:
        return content.decode()
    except UnicodeDecodeError:
        return replace_escaped_bytes(content.decode("utf-8", "surrogateescape"))
