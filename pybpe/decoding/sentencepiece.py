"""Ids to text as sentencepiece does it: without the space that was put before, and without control symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pybpe._core.decode import Decoder
from pybpe.decoding.id_arrays import as_uint32
from pybpe.decoding.incremental import incomplete_from
from pybpe.definition import Definition
from pybpe.normalization.sentencepiece import SentencePieceNormalizer
from pybpe.util.utf8 import repair_torn, to_text
from pybpe.vocabulary.characters import CharacterVocabulary

if TYPE_CHECKING:
    from pybpe._core.decode import Ids


class SentencePieceDecoder:
    """Decodes by one Definition with scores. Its methods are those of the compiled Decoder; immutable.

    Of bytes that are not UTF-8 each is a U+FFFD, where nothing else is asked for.
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
        self._whole = set(scores.byte_ids) | {scores.unknown}  # which begin a text whatever they are
        self._strips = spm.add_dummy_prefix or spm.remove_extra_whitespaces
        self.strips_all = spm.remove_extra_whitespaces

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one id, the name of a special token."""
        return self._names.token_bytes(token)

    def text_bytes(self, token: int) -> bytes:
        """The bytes that an id other than `silent` stands for behind others."""
        return self._texts.token_bytes(token)

    def decode_bytes(self, ids: Ids) -> bytes:
        """The bytes that ids stand for."""
        return b"".join(self._stretches(ids))

    def decode(self, ids: Ids, errors: str) -> str:
        """The text that ids stand for."""
        return "".join(_to_text(stretch, errors) for stretch in self._stretches(ids))

    def decode_batch(self, batch: Iterable[Ids], errors: str) -> list[str]:
        """As `decode` for each."""
        return [self.decode(ids, errors) for ids in batch]

    def _stretches(self, ids: Ids) -> list[bytes]:
        """The bytes between ids that stand for no text, across which no character reaches."""
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
        """How many of the first spaces of a text are left out."""
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
    """Ids to text one at a time, never half a character, as SentenceDecoder has the whole. From `decode_stream`.

    decoder: gives the SentenceDecoder. Copies (copy, deepcopy, pickle) are independent.
    """

    def __init__(self, decoder: Callable[[], SentencePieceDecoder]) -> None:
        self._decoder = decoder
        self._first: tuple[int, ...] | None = ()  # the ids so far, until there is some text
        self._pending = b""  # bytes of a character that is not complete

    def feed(self, token: int) -> str:
        """Return the text that one more id completes, perhaps none. Raises TokenIdError for an id without a token."""
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
        """Return what the ids so far left incomplete; the stream then begins anew."""
        self._first = ()
        return self._take(self._pending, len(self._pending))

    def _take(self, content: bytes, end: int) -> str:
        """Return the text of content[:end]; the rest is pending."""
        self._pending = content[end:]
        return to_text(content[:end])


def _to_text(content: bytes, errors: str) -> str:
    if errors != "replace":
        return content.decode(errors=errors)
    try:
        return content.decode()
    except UnicodeDecodeError:
        return repair_torn(content.decode("utf-8", "surrogateescape"))
