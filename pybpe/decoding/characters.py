"""Decoding as Hugging Face's decoders do it for vocabularies of characters."""

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
    """A decoder by a Definition of a vocabulary of characters. Immutable. It has the methods of the compiled Decoder.

    If the bytes of a run of byte tokens are not UTF-8, each becomes U+FFFD, unless `errors` asks for something else.
    `CharacterVocabulary.leading` says which spaces at the beginning of a text are left out.
    """

    def __init__(self, definition: Definition, scores: CharacterVocabulary, names: dict[int, bytes]) -> None:
        # tokenizers decodes a token with the flag "normalized" to its normal form.
        found = {token: definition.preprocessing.spelling(name) for name, token in definition.names.items()}
        spelled = {token: name.replace(SPACE, " ").encode() for token, name in found.items()}
        self._names = Decoder(definition.vocabulary, names, as_uint32)
        self._texts = Decoder(definition.vocabulary, spelled, as_uint32)
        self._bytes = frozenset(scores.byte_ids)
        self._leading = scores.leading
        # Tokens that keep their spaces at the beginning of a text: bytes, and names without U+2581.
        self._kept = self._bytes | {token for token, name in found.items() if SPACE not in name}

    def token_bytes(self, token: int) -> bytes:
        """Return the bytes of one id; of a special token, its name."""
        return self._names.token_bytes(token)

    def text_bytes(self, token: int) -> bytes:
        """Return the bytes that an id decodes to after other ids."""
        return self._texts.token_bytes(token)

    def is_byte(self, token: int) -> bool:
        """Return True if an id is that of a byte token."""
        return token in self._bytes

    def begin(self, text: str, first: int) -> str:
        """Return `text`, the decoded beginning of a text, without the spaces that are left out. first: its first id."""
        return self._opened([first], text.encode()).decode()

    def decode_bytes(self, ids: Ids) -> bytes:
        """Return the bytes of a text from its ids."""
        numbers = as_uint32(ids)
        return self._opened(numbers, self._texts.decode_bytes(numbers))

    def decode(self, ids: Ids, errors: str) -> str:
        """Return the text of ids; `errors` as in bytes.decode."""
        content = self.decode_bytes(ids)
        try:
            return content.decode()
        except UnicodeDecodeError:
            return self._decode_runs(ids) if errors == "replace" else content.decode(errors=errors)

    def decode_batch(self, batch: Iterable[Ids], errors: str) -> list[str]:
        """Return the text of each sequence of ids."""
        return [self.decode(ids, errors) for ids in batch]

    def _opened(self, ids: Ids, content: bytes) -> bytes:
        """Return `content`, the bytes of ids, without the spaces at the beginning that are left out."""
        if self._leading == "space":
            return content.removeprefix(b" ")
        if self._leading == "token" and len(ids) and int(ids[0]) not in self._kept:
            first = self._texts.token_bytes(int(ids[0]))
            return first.replace(b" ", b"") + content[len(first) :]
        return content

    def _decode_runs(self, ids: Ids) -> str:
        """Return the text of ids, with U+FFFD for each byte of a run of byte tokens that is not UTF-8."""
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
    """A decoder of one id at a time, equal to CharacterDecoder. `Tokenizer.decode_stream` makes one.

    The text of a run of byte tokens is returned when the run ends, because it depends on all of them. Copies (copy,
    deepcopy, pickle) are independent. decoder: a function that returns the CharacterDecoder.
    """

    def __init__(self, decoder: Callable[[], CharacterDecoder]) -> None:
        self._decoder = decoder
        self._row = b""
        self._first: int | None = None  # the first id, until there is some text
        self._begun = False

    def feed(self, token: int) -> str:
        """Return the text that one more id completes, "" for none. Raises TokenIdError for an id without a token."""
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
        """Return the text of the run of byte tokens at the end, and reset the stream."""
        row, self._row = self._row, b""
        text = self._given(_row_to_text(row))
        self._first, self._begun = None, False
        return text

    def _given(self, text: str) -> str:
        """Return text, at the beginning without the spaces that are left out."""
        if self._begun or self._first is None or not text:
            return text
        self._begun = True
        return self._decoder().begin(text, self._first)


def _row_to_text(row: bytes | bytearray) -> str:
    try:
        return row.decode()
    except UnicodeDecodeError:
        return "\ufffd" * len(row)
