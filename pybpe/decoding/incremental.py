"""Decoding of one id at a time, which returns whole characters."""

from __future__ import annotations

import codecs
from collections.abc import Callable


def incomplete_from(content: bytes) -> int:
    """Return where the incomplete character at the end of UTF-8 begins, in bytes; the size if there is none."""
    if content[-1:] < b"\x80":
        return len(content)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(content[-3:])
    return len(content) - len(decoder.getstate()[0])


class DecodeStream:
    """A decoder of one id at a time, which returns whole characters. `Tokenizer.decode_stream` makes one.

    Bytes that are not UTF-8 become U+FFFD. Copies (copy, deepcopy, pickle) are independent. token_bytes: a function
    that returns the bytes of an id.
    """

    def __init__(self, token_bytes: Callable[[int], bytes]) -> None:
        self._token_bytes = token_bytes
        self._pending = b""  # the bytes of an incomplete character

    def feed(self, token: int) -> str:
        """Return the text that one more id completes, "" for none. Raises TokenIdError for an id without a token."""
        content = self._pending + self._token_bytes(token)
        end = incomplete_from(content)
        self._pending = content[end:]
        return content[:end].decode(errors="replace")

    def finish(self) -> str:
        """Return the incomplete character at the end, as U+FFFD, and reset the stream."""
        rest, self._pending = self._pending.decode(errors="replace"), b""
        return rest
