"""Ids to text as the decoders of Hugging Face do it for vocabularies of characters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pybpe._core.decode import Decoder
from pybpe.decoding.id_arrays import as_uint32
from pybpe.definition import Definition
from pybpe.normalization.sentencepiece import SPACE
from pybpe.vocabulary.characters import CharacterVocabulary

if TYPE_CHECKING:
    from pybpe._core.decode import Ids


class CharacterDecoder:
    """Decodes by one Definition of characters. Its methods are those of the compiled Decoder; immutable.

    Of bytes written as such in a row, if they are not UTF-8 all together each is a U+FFFD, where nothing else is asked
    for. Spaces at the beginning are left out as `CharacterVocabulary.leading` says.
    """

    def __init__(self, definition: Definition, scores: CharacterVocabulary, names: dict[int, bytes]) -> None:
        # tokenizers gives a token that is found in normal text back as it is found.
        found = {token: definition.preprocessing.spelling(name) for name, token in definition.names.items()}
        spelled = {token: name.replace(SPACE, " ").encode() for token, name in found.items()}
        self._names = Decoder(definition.vocabulary, names, as_uint32)
        self._texts = Decoder(definition.vocabulary, spelled, as_uint32)
        self._bytes = frozenset(scores.byte_ids)
        self._leading = scores.leading
        # Of what a text begins with, these keep their spaces: bytes, and names that hold none written as U+2581.
        self._kept = self._bytes | {token for token, name in found.items() if SPACE not in name}

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one id, the name of a special token."""
        return self._names.token_bytes(token)

    def text_bytes(self, token: int) -> bytes:
        """The bytes that an id stands for behind others."""
        return self._texts.token_bytes(token)

    def is_byte(self, token: int) -> bool:
        """True if an id is that of a byte."""
        return token in self._bytes

    def begin(self, text: str, first: int) -> str:
        """Return the text that `first`, the first id, and perhaps others stand for at the beginning of a text."""
        return self._opened([first], text.encode()).decode()

    def decode_bytes(self, ids: Ids) -> bytes:
        """The bytes that ids stand for."""
        numbers = as_uint32(ids)
        return self._opened(numbers, self._texts.decode_bytes(numbers))

    def decode(self, ids: Ids, errors: str) -> str:
        """The text that ids stand for."""
        content = self.decode_bytes(ids)
        try:
            return content.decode()
        except UnicodeDecodeError:
            return self._torn(ids) if errors == "replace" else content.decode(errors=errors)

    def decode_batch(self, batch: Iterable[Ids], errors: str) -> list[str]:
        """As `decode` for each."""
        return [self.decode(ids, errors) for ids in batch]

    def _opened(self, ids: Ids, content: bytes) -> bytes:
        """What ids stand for, without the spaces that a text does not begin with."""
        if self._leading == "space":
            return content.removeprefix(b" ")
        if self._leading == "token" and len(ids) and int(ids[0]) not in self._kept:
            first = self._texts.token_bytes(int(ids[0]))
            return first.replace(b" ", b"") + content[len(first) :]
        return content

    def _torn(self, ids: Ids) -> str:
        """The text of ids among which are bytes that are no text."""
        parts: list[str] = []
        row = bytearray()
        for token in map(int, as_uint32(ids)):
            content = self._texts.token_bytes(token)
            if token in self._bytes:
                row += content
                continue
            parts += (_row_to_text(row), content.decode())
            row.clear()
        text = "".join((*parts, _row_to_text(row)))
        return self._opened(as_uint32(ids), text.encode()).decode()


class CharacterStream:
    """Ids to text one at a time, as CharacterDecoder has the whole. From `decode_stream`.

    A row of ids of bytes is given when it ends, because all of its bytes together are text or none is. Copies (copy,
    deepcopy, pickle) are independent. decoder: gives the CharacterDecoder.
    """

    def __init__(self, decoder: Callable[[], CharacterDecoder]) -> None:
        self._decoder = decoder
        self._row = b""
        self._first: int | None = None  # the first id, until there is some text
        self._begun = False

    def feed(self, token: int) -> str:
        """Return the text that one more id completes, perhaps none. Raises TokenIdError for an id without a token."""
        decoder = self._decoder()
        content = decoder.text_bytes(token)
        if self._first is None:
            self._first = token
        if decoder.is_byte(token):
            self._row += content
            return ""
        row, self._row = self._row, b""
        return self._given(_row_to_text(row) + content.decode())

    def finish(self) -> str:
        """Return the text of the row of bytes that the ids end with; the stream then begins anew."""
        row, self._row = self._row, b""
        text = self._given(_row_to_text(row))
        self._first, self._begun = None, False
        return text

    def _given(self, text: str) -> str:
        """Return text, without the spaces that a text does not begin with."""
        if self._begun or self._first is None or not text:
            return text
        self._begun = True
        return self._decoder().begin(text, self._first)


def _row_to_text(row: bytes | bytearray) -> str:
    try:
        return row.decode()
    except UnicodeDecodeError:
        return "\ufffd" * len(row)
