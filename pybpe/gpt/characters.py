"""A vocabulary of single characters, as in microgpt.py and nanoGPT's first example.

The characters have the ids 0, 1, ... in the order of their code points. The last id is `eot_token`, which stands before
and after documents; vocabularies of nanoGPT have no such token. The class has the methods of Tokenizer that the GPT
uses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from pybpe.errors import FormatError, TokenIdError, TrainingError
from pybpe.util.files import PathLike, write_atomic

FORMAT = "pybpe-characters 1"
END = "<|endoftext|>"
MOST_BYTES = 16 << 20  # maximum size of a file: it can hold every character of Unicode as a \u escape


class Characters:
    """A vocabulary in which each character is a token.

    characters: text or texts; each different character gets an id. end: add the token "<|endoftext|>". Raises
    TrainingError if there are no characters.
    >>> vocabulary = Characters("hello")
    >>> vocabulary.encode_ordinary("hole"), vocabulary.n_vocab
    ([1, 3, 2, 0], 5)
    """

    def __init__(self, characters: Iterable[str], *, end: bool = True) -> None:
        self.end = end
        self.characters = sorted(set("".join(characters)))
        if not self.characters:
            raise TrainingError("the text is empty: there are no characters to make a vocabulary of")
        self._ids = {character: id_ for id_, character in enumerate(self.characters)}

    @property
    def n_vocab(self) -> int:
        """The number of ids, that of the end-of-text token included."""
        return len(self.characters) + self.end

    @property
    def eot_token(self) -> int:
        """The id of the end-of-text token, which stands before and after documents. TokenIdError if there is none."""
        if not self.end:
            raise TokenIdError("this vocabulary of characters has no id for the end of a document")
        return len(self.characters)

    @property
    def special_tokens(self) -> dict[str, int]:
        """{"<|endoftext|>": eot_token}, or {} if there is no end-of-text token."""
        return {END: self.eot_token} if self.end else {}

    @property
    def fingerprint(self) -> str:
        """The sha256 of the characters in hexadecimal. Equal vocabularies have equal fingerprints."""
        written = "".join(self.characters) if self.end else f"no end: {''.join(self.characters)}"
        return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()

    def encode_ordinary(self, text: str) -> list[int]:
        """Encode text to one id per character. TokenIdError, which names the character, if one has no id."""
        try:
            return [self._ids[character] for character in text]
        except KeyError as error:
            raise TokenIdError(
                f"the model knows no character {error.args[0]!r}; it knows {len(self.characters)}, those of its text"
            ) from None

    def encode_special(self, text: str) -> list[int]:
        """Encode text to ids as `encode_ordinary`, but "<|endoftext|>" in it becomes `eot_token`, if there is one.

        >>> Characters("ab").encode_special("a<|endoftext|>b")
        [0, 2, 1]
        """
        if not self.end:
            return self.encode_ordinary(text)
        first, *rest = text.split(END)
        ids = self.encode_ordinary(first)
        for part in rest:
            ids += [self.eot_token, *self.encode_ordinary(part)]
        return ids

    def encode_to_numpy(self, text: str) -> npt.NDArray[np.uint32]:
        """Encode text as `encode_ordinary` does, to uint32[n]."""
        return np.array(self.encode_ordinary(text), np.uint32)

    def decode(self, ids: Iterable[int]) -> str:
        """Decode ids to text. The end-of-text token becomes "<|endoftext|>". TokenIdError for an id out of range."""
        return "".join(map(self._spelling, ids))

    def decode_stream(self) -> CharacterStream:
        """Return a stream that decodes ids one at a time, like Tokenizer.decode_stream."""
        return CharacterStream(self)

    def token_bytes(self, id_: int) -> bytes:
        """Return the UTF-8 bytes of the character of an id. TokenIdError if the id is out of range."""
        return self._spelling(id_).encode("utf-8", "surrogatepass")

    def save(self, path: PathLike) -> None:
        """Write a JSON file, completely or not at all."""
        content = {"format": FORMAT, "characters": "".join(self.characters), **({} if self.end else {"end": False})}
        write_atomic(path, (json.dumps(content, indent=1) + "\n").encode())

    @classmethod
    def load(cls, path: PathLike) -> Characters:
        """Read a file that `save` wrote. FormatError for any other file."""
        with open(path, "rb") as file:  # noqa: PTH123 (a path may be a str here)
            content = file.read(MOST_BYTES + 1)
        try:
            fields: Any = json.loads(content) if len(content) <= MOST_BYTES else None
            end = fields.get("end", True)
            if fields["format"] == FORMAT and isinstance(fields["characters"], str) and isinstance(end, bool):
                made = cls(fields["characters"], end=end)
                if "".join(made.characters) == fields["characters"]:
                    return made
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            pass
        raise FormatError(f"{path} is not a vocabulary of characters that pybpe saved")

    def _spelling(self, id_: int) -> str:
        if not 0 <= id_ < self.n_vocab:
            raise TokenIdError(f"id {id_} is not one of 0..{self.n_vocab - 1}")
        if id_ == len(self.characters):
            return END
        return self.characters[id_]


class CharacterStream:
    """A stream that decodes ids one at a time. Each id is a whole character, so nothing is held back."""

    def __init__(self, vocabulary: Characters) -> None:
        self._vocabulary = vocabulary

    def feed(self, id_: int) -> str:
        """Return the character of an id. TokenIdError if the id is out of range."""
        return self._vocabulary.decode([id_])

    def finish(self) -> str:
        """Return "": there is never an incomplete character."""
        return ""
