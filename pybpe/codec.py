"""The class Codec, which encodes and decodes by a Definition.

Only this module chooses the encoder and the decoder of a vocabulary. Tokenizer, the tiktoken interface, the tokenizer
for transformers and the GPT's vocabulary all use a Codec.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING

from pybpe._core.decode import Decoder
from pybpe.decoding.appender import EncodeAppender, Growth
from pybpe.decoding.characters import CharacterDecoder, CharacterStream
from pybpe.decoding.id_arrays import as_uint32
from pybpe.decoding.incremental import DecodeStream
from pybpe.decoding.sentencepiece import SentencePieceDecoder, SentencePieceStream
from pybpe.definition import Definition
from pybpe.encode.text_encoder import TextEncoder
from pybpe.errors import TokenIdError
from pybpe.formats import native
from pybpe.util.utf8 import to_utf8

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pybpe.encode.offsets import OffsetEncoder


class Codec:
    """An encoder and a decoder by one Definition. Immutable except for caches; any number of threads may use one.

    definition: the tokenizer's content. encoder: from text to ids. decoder: from ids to text, of one of three classes
    with the same methods. n_vocab: the largest id plus one.
    """

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.encoder = TextEncoder(definition)
        self.n_vocab = definition.n_vocab
        self._names = definition.names

    @property
    def ints(self) -> list[int]:
        """The int objects of all ids, list(range(n_vocab)), which lists of ids share."""
        return self.encoder.fast.ints

    @functools.cached_property
    def names_by_id(self) -> dict[int, bytes]:
        """The special and added tokens as {id: name in UTF-8}."""
        return self.definition.names_by_id

    @functools.cached_property
    def decoder(self) -> Decoder | SentencePieceDecoder | CharacterDecoder:
        """The decoder for this kind of vocabulary."""
        definition, characters = self.definition, self.definition.characters
        spm = definition.preprocessing.sentencepiece
        if characters is not None and characters.leading:
            return CharacterDecoder(definition, characters, self.names_by_id)
        if characters is not None and spm is not None:
            return SentencePieceDecoder(definition, spm, characters, self.names_by_id)
        return Decoder(definition.vocabulary, self.names_by_id, as_uint32)

    def decode_stream(self) -> DecodeStream | SentencePieceStream | CharacterStream:
        """Return an object with `feed(id)` and `finish()`; see Tokenizer.decode_stream."""
        if isinstance(self.decoder, SentencePieceDecoder):
            return SentencePieceStream(self._sentencepiece_decoder)
        if isinstance(self.decoder, CharacterDecoder):
            return CharacterStream(self._character_decoder)
        return DecodeStream(self.token_bytes)

    # Streams hold these methods, not the decoders themselves, so that streams can be pickled.

    def _sentencepiece_decoder(self) -> SentencePieceDecoder:
        assert isinstance(self.decoder, SentencePieceDecoder)
        return self.decoder

    def _character_decoder(self) -> CharacterDecoder:
        assert isinstance(self.decoder, CharacterDecoder)
        return self.decoder

    def encode_appender(self) -> EncodeAppender:
        """Return an object that encodes a text that grows at its end; see Tokenizer.encode_appender."""
        return EncodeAppender(self._growth, self.encode_appender)

    @functools.cached_property
    def _growth(self) -> Growth:
        """The data that all appenders share."""
        return Growth(self.definition, self.encoder, self.ints)

    @functools.cached_property
    def offsets(self) -> OffsetEncoder:
        """The encoder that also gives the offsets of each id."""
        from pybpe.encode.offsets import OffsetEncoder  # here, because it imports numpy

        return OffsetEncoder(self.definition, self.encoder, self.token_sizes)

    @functools.cached_property
    def token_sizes(self) -> npt.NDArray[np.int64]:
        """The size of each token in bytes, int64[n_vocab]."""
        import numpy as np

        vocabulary = self.definition.vocabulary
        sizes = np.zeros(self.n_vocab, dtype=np.int64)
        sizes[: len(vocabulary)] = vocabulary.sizes().to_numpy()
        for token, name in self.names_by_id.items():
            if not vocabulary.has(token):
                sizes[token] = len(name)
        return sizes

    def token_bytes(self, token: int) -> bytes:
        """Return the bytes of one id; of a special token, its name. Raises TokenIdError for an id without a token."""
        number = operator.index(token)
        if not 0 <= number < self.n_vocab:
            raise TokenIdError(f"id {number} is outside the vocabulary, which has ids 0 to {self.n_vocab - 1}")
        return self.decoder.token_bytes(number)

    def token_id(self, token: bytes | str) -> int:
        """Return the id of one token. Raises TokenIdError if these bytes are not one token.

        If an ordinary and a special token have the same bytes, the id is that of the ordinary token.
        """
        content = to_utf8(token)
        found = self.definition.model.token_id(content)
        if found is None:
            found = self._names.get(content.decode("utf-8", "surrogateescape"))
        if found is None:
            raise TokenIdError(f"{token!r} is not one token of this vocabulary")
        return found

    @functools.cached_property
    def mergeable_ranks(self) -> dict[bytes, int]:
        """The ordinary tokens as {bytes: rank}; if several have the same bytes, the rank of the first."""
        from pybpe.formats import tiktoken

        return tiktoken.ranks_of(self.definition.vocabulary)

    def __reduce__(self) -> tuple[Callable[[bytes], Codec], tuple[bytes]]:
        return _unpickle, (native.dumps(self.definition),)


def _unpickle(content: bytes) -> Codec:
    """Return the Codec of a pickle, which holds the bytes of pybpe's own file format."""
    return Codec(native.loads(content))
