"""The interface of tiktoken 0.14: an Encoding that gives the same results without tiktoken.

`Tokenizer.as_tiktoken` makes one. A program can also replace its import by `import pybpe.compat.tiktoken as tiktoken`.
Ids, arguments and types of errors are those of tiktoken. The differences are:

- `isinstance(encoding, tiktoken.Encoding)` is False. That class cannot register others, and an object should not claim
  to be of a class whose code it does not run.
- An id below 0 or beyond 32 bits raises KeyError like any other unknown id; tiktoken raises OverflowError.
- `encode_to_numpy` and `encode_with_unstable` accept lone surrogates as `encode` does; tiktoken raises.
- Text that the pattern does not match is kept as words of its own; tiktoken drops it.
- The normalizer and the added tokens of a Hugging Face file are applied; added tokens that are not special are in
  neither `special_tokens_set` nor `_mergeable_ranks`.
"""

from __future__ import annotations

import functools
import operator
from array import array
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Literal

from pybpe._core.ids import IdBuffer
from pybpe.codec import Codec
from pybpe.compat import unstable
from pybpe.encode.special_tokens import Allowed, Disallowed, find_one_of
from pybpe.encodings.rank_files import definition_of
from pybpe.encodings.registry import BY_NAME, name_for_model
from pybpe.errors import SpecialTokenError
from pybpe.formats.tiktoken import from_ranks
from pybpe.util.parallel import MAX_THREADS
from pybpe.util.utf8 import join_surrogates, to_utf8

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pybpe._core.decode import Ids

__all__ = ["Encoding", "encoding_for_model", "encoding_name_for_model", "get_encoding", "list_encoding_names"]

NOTHING: frozenset[str] = frozenset()


@functools.lru_cache(maxsize=8)
def get_encoding(encoding_name: str) -> Encoding:
    """Return a public encoding, downloaded if it is not on this machine. Raises ValueError for an unknown name."""
    return Encoding.of(encoding_name, Codec(definition_of(encoding_name)))


def encoding_for_model(model_name: str) -> Encoding:
    """Return the public encoding of a model. Raises KeyError for an unknown model."""
    return get_encoding(encoding_name_for_model(model_name))


def encoding_name_for_model(model_name: str) -> str:
    """Return the name of a model's public encoding. Raises KeyError for an unknown model."""
    return name_for_model(model_name)


def list_encoding_names() -> list[str]:
    """Return the names of the public encodings."""
    return list(BY_NAME)


class Encoding:
    """A replacement for tiktoken.Encoding with its methods, properties and private names. Threads may share one."""

    def __init__(
        self,
        name: str,
        *,
        pat_str: str,
        mergeable_ranks: Mapping[bytes, int],
        special_tokens: Mapping[str, int],
        explicit_n_vocab: int | None = None,
    ) -> None:
        """Make an Encoding from ranks, as tiktoken does. Raises ValueError if the arguments contradict each other."""
        self._serve(name, Codec(from_ranks(mergeable_ranks, pat_str, special_tokens)))
        n_tokens = len(mergeable_ranks) + len(special_tokens)
        if explicit_n_vocab and not explicit_n_vocab == n_tokens == self.n_vocab:
            raise ValueError(
                f"explicit_n_vocab is {explicit_n_vocab}; there are {n_tokens} tokens, and ids up to {self.n_vocab - 1}"
            )

    @classmethod
    def of(cls, name: str, codec: Codec) -> Encoding:
        """Return the Encoding that a Codec serves."""
        made = cls.__new__(cls)
        made._serve(name, codec)
        return made

    def _serve(self, name: str, codec: Codec) -> None:
        self.name = name
        self.max_token_value = codec.n_vocab - 1
        self._codec = codec
        self._text = codec.encoder
        self._pat_str = self._text.split.pattern
        self._special_tokens = dict(codec.definition.special_tokens)
        self._special_token_values = set(self._special_tokens.values())

    def __repr__(self) -> str:
        return f"<Encoding {self.name!r}>"

    def __reduce__(self) -> tuple[Callable[[str, Codec], Encoding], tuple[str, Codec]]:
        return Encoding.of, (self.name, self._codec)

    # Text to ids

    def encode(
        self, text: str, *, allowed_special: Allowed = NOTHING, disallowed_special: Disallowed = "all"
    ) -> list[int]:
        """Return the ids of a text. Raises ValueError for a disallowed special token in it."""
        disallowed_special = _names(disallowed_special)
        if isinstance(text, str):
            ids = self._text.fast.to_list(text, allowed_special, disallowed_special)
            if ids is not None:
                return ids
        return self._encode(text, allowed_special, disallowed_special).to_list(self._ints)

    def encode_ordinary(self, text: str) -> list[int]:
        """Return the ids of a text, with special tokens encoded as ordinary text."""
        ids = self._text.fast.to_list_ordinary(_checked(text))
        return self._text.ordinary(text).to_list(self._ints) if ids is None else ids

    def encode_to_numpy(
        self, text: str, *, allowed_special: Allowed = NOTHING, disallowed_special: Disallowed = "all"
    ) -> npt.NDArray[np.uint32]:
        """Return the ids of a text as uint32[n]; otherwise as `encode`."""
        disallowed_special = _names(disallowed_special)
        if isinstance(text, str):
            ids = self._text.to_array(text, allowed_special, disallowed_special)
            if ids is not None:
                return ids
        return self._encode(text, allowed_special, disallowed_special).to_numpy()

    def encode_ordinary_batch(self, text: Iterable[str], *, num_threads: int = 8) -> list[list[int]]:
        """Return the ids of each text, with special tokens encoded as ordinary text."""
        return self._encode_batch(text, num_threads, NOTHING, ())

    def encode_batch(
        self,
        text: Iterable[str],
        *,
        num_threads: int = 8,
        allowed_special: Allowed = NOTHING,
        disallowed_special: Disallowed = "all",
    ) -> list[list[int]]:
        """Return the ids of each text. Raises ValueError as `encode` does."""
        return self._encode_batch(text, num_threads, allowed_special, disallowed_special)

    def encode_with_unstable(
        self, text: str, *, allowed_special: Allowed = NOTHING, disallowed_special: Disallowed = "all"
    ) -> tuple[list[int], list[list[int]]]:
        """Return (stable ids, which stay the same whatever follows the text; possible continuations, lists of ids).

        Raises ValueError for a vocabulary of characters.
        """
        self._check_bytes("encode_with_unstable")
        disallowed_special = _names(disallowed_special)
        try:
            found = self._text.special.allowed_in(_checked(text), allowed_special, disallowed_special)
        except SpecialTokenError as error:
            raise self._disallowed([text], allowed_special, disallowed_special, error) from None
        ids = self._encode(text, found, ()).to_list(self._ints)
        n_last = self._size_of_last_word(text, found)
        stable, rest = unstable.cut_unstable(ids, n_last, self._tokens)
        return stable, unstable.completions(rest, self._sorted_tokens, self)

    def encode_single_token(self, text_or_bytes: str | bytes) -> int:
        """Return the id of one token, special or not. Raises KeyError if it is not a token."""
        return self._codec.token_id(text_or_bytes.encode() if isinstance(text_or_bytes, str) else text_or_bytes)

    # Ids to text

    def decode_bytes(self, tokens: Ids) -> bytes:
        """Return the bytes of ids. Raises KeyError for an id without a token."""
        return self._codec.decoder.decode_bytes(tokens)

    def decode(self, tokens: Ids, errors: str = "replace") -> str:
        """Return the text of ids; `errors` as in bytes.decode. Raises KeyError for an id without a token."""
        return self._codec.decoder.decode(tokens, errors)

    def decode_single_token_bytes(self, token: int) -> bytes:
        """Return the bytes of one id. Raises KeyError for an id without a token."""
        return self._codec.token_bytes(token)

    def decode_tokens_bytes(self, tokens: Iterable[int]) -> list[bytes]:
        """Return the bytes of each id. Raises KeyError for an id without a token."""
        return [self.decode_single_token_bytes(token) for token in tokens]

    def decode_with_offsets(self, tokens: Iterable[int]) -> tuple[str, list[int]]:
        """Return (text, list of the index of the first character that has bytes of each id).

        Raises UnicodeDecodeError if the bytes are not UTF-8, ValueError for a vocabulary of characters.
        """
        self._check_bytes("decode_with_offsets")
        contents = self.decode_tokens_bytes(tokens)
        offsets, begun = [], 0  # begun: the number of characters that have begun
        for content in contents:
            within = _continues(content[0])  # True if the token begins within the last character
            offsets.append(max(0, begun - within))
            begun += sum(not _continues(byte) for byte in content)
        return b"".join(contents).decode(), offsets

    def decode_batch(self, batch: Iterable[Ids], *, errors: str = "replace", num_threads: int = 8) -> list[str]:
        """Return the text of each list of ids, on one thread: that is faster than several."""
        _threads(num_threads)
        return self._codec.decoder.decode_batch(batch, errors)

    def decode_bytes_batch(self, batch: Iterable[Ids], *, num_threads: int = 8) -> list[bytes]:
        """Return the bytes of each list of ids."""
        _threads(num_threads)
        return list(map(self._codec.decoder.decode_bytes, batch))

    # The vocabulary

    def token_byte_values(self) -> list[bytes]:
        """Return the bytes of all ordinary tokens, sorted."""
        return list(self._sorted_tokens)

    @property
    def eot_token(self) -> int:
        """The id of "<|endoftext|>". Raises KeyError if there is none."""
        return self._special_tokens["<|endoftext|>"]

    @functools.cached_property
    def special_tokens_set(self) -> set[str]:
        """The names of the special tokens."""
        return set(self._special_tokens)

    def is_special_token(self, token: int) -> bool:
        """Return True if an id is that of a special token."""
        return operator.index(token) in self._special_token_values

    @property
    def n_vocab(self) -> int:
        """The maximum id plus one."""
        return self.max_token_value + 1

    # Private names of tiktoken that programs use

    @functools.cached_property
    def _mergeable_ranks(self) -> dict[bytes, int]:
        return self._codec.mergeable_ranks

    def _encode_single_piece(self, text_or_bytes: str | bytes) -> list[int]:
        """Return the ids of text that is encoded as one word, without splitting."""
        content = text_or_bytes.encode() if isinstance(text_or_bytes, str) else text_or_bytes
        ids = IdBuffer()
        if content:
            self._text.core.encode_split(content, array("q", [len(content)]), ids)
        return ids.to_list(self._ints)

    def _encode_only_native_bpe(self, text: str) -> list[int]:
        """Return the ids of ordinary text, encoded word by word."""
        words = self._text.split.split(to_utf8(_checked(text)))
        return [token for word in words for token in self._encode_single_piece(word)]

    def _encode_bytes(self, text: bytes) -> list[int]:
        """Return the ids of bytes; from the first that is not UTF-8 on, they form one word with the word before."""
        if not isinstance(text, bytes):
            raise TypeError(f"text must be bytes, not {type(text).__name__}")
        try:
            return self.encode_ordinary(text.decode())
        except UnicodeDecodeError as error:
            beginning, rest = text[: error.start].decode(), text[error.start :]
        ids = self.encode_ordinary(beginning)
        stable, unfinished = unstable.cut_unstable(ids, self._size_of_last_word(beginning, NOTHING), self._tokens)
        return stable + self._encode_single_piece(unfinished + rest)

    # Helpers

    def _check_bytes(self, method: str) -> None:
        """Raise ValueError for a vocabulary of characters, where the bytes of ids depend on their neighbours."""
        if self._codec.definition.characters is not None:
            raise ValueError(
                f"{method} is for vocabularies of bytes, and this one is of characters (as Llama 2's and Gemma's are); "
                "Tokenizer.encode_with_offsets gives the places of its ids"
            )

    def _encode(self, text: str, allowed: Allowed, disallowed: Disallowed) -> IdBuffer:
        disallowed = _names(disallowed)
        try:
            return self._text.encode(_checked(text), allowed, disallowed)
        except SpecialTokenError as error:
            raise self._disallowed([text], allowed, disallowed, error) from None

    def _encode_batch(
        self, texts: Iterable[str], num_threads: int, allowed: Allowed, disallowed: Disallowed
    ) -> list[list[int]]:
        disallowed = _names(disallowed)
        content = [_checked(text) for text in texts]
        try:
            return self._text.lists(content, _threads(num_threads), allowed, disallowed)
        except SpecialTokenError as error:
            raise self._disallowed(content, allowed, disallowed, error) from None

    def _disallowed(
        self, texts: list[str], allowed: Allowed, disallowed: Disallowed, error: SpecialTokenError
    ) -> SpecialTokenError:
        """Return the error with tiktoken's message, which programs look for."""
        forbidden = self._text.special.policy(allowed, disallowed)[1]
        name = next((name for text in texts if (name := find_one_of(forbidden, text)) is not None), None)
        if name is None:  # it occurs in the normalized text only; tiktoken does not normalize
            return error
        return SpecialTokenError(
            f"Encountered text corresponding to disallowed special token {name!r}.\n"
            f"To encode it as that token, pass allowed_special={{{name!r}, ...}}.\n"
            f"To encode it as text, pass disallowed_special=(enc.special_tokens_set - {{{name!r}}}), "
            "or disallowed_special=() for all of them."
        )

    def _size_of_last_word(self, text: str, found: AbstractSet[str]) -> int:
        """Return the number of ids of the last word of a text; 0 if the text ends with a token found by name."""
        segments = self._text.segmenter.split(join_surrogates(text), frozenset(found))
        if not segments or isinstance(segments[-1], int):
            return 0
        words = self._text.split.split(to_utf8(segments[-1]))
        return len(self._encode_single_piece(words[-1])) if words else 0

    def _merge(self, content: bytes) -> list[int]:
        """Return the ids of bytes merged as one word, without the shortcut for words that are tokens."""
        ids = IdBuffer()
        self._text.core.encode_with_dropout([content], 0.0, 0, ids)
        return ids.to_list(self._ints)

    @property
    def _ints(self) -> list[int]:
        return self._codec.ints

    @functools.cached_property
    def _tokens(self) -> list[bytes]:
        """The bytes of the ordinary tokens by id; b"" for an id without one."""
        tokens = self._codec.definition.vocabulary.to_list()
        return tokens + [b""] * (self.n_vocab - len(tokens))

    @functools.cached_property
    def _sorted_tokens(self) -> list[bytes]:
        return sorted(self._mergeable_ranks)


def _checked(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"text must be str, not {type(text).__name__}")
    return text


def _names(disallowed: Disallowed) -> Literal["all"] | frozenset[str]:
    """Return "all", or the items of a collection; a str other than "all" is a collection of characters."""
    return "all" if disallowed == "all" else frozenset(disallowed)


def _threads(num_threads: int) -> int:
    """Return `num_threads`, at most MAX_THREADS. Raises ValueError for a number below 1."""
    if num_threads < 1:
        raise ValueError(f"num_threads is {num_threads}, must be at least 1")
    return min(num_threads, MAX_THREADS)


def _continues(byte: int) -> bool:
    """Return True if a byte of UTF-8 is a continuation byte."""
    return 0x80 <= byte < 0xC0
