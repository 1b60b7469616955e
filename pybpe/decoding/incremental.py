"""Ids decoded as they come, and UTF-8 in parts that cut no character."""

from __future__ import annotations

import codecs
from collections.abc import Callable


def incomplete_from(content: bytes) -> int:
    """Return where a character at the end of UTF-8 begins of which bytes are wanting; the size if there is none."""
    if content[-1:] < b"\x80":
        return len(content)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(content[-3:])
    return len(content) - len(decoder.getstate()[0])


class DecodeStream:
    """Ids to text one at a time, never half a character; what is no UTF-8 becomes U+FFFD. From `decode_stream`.

    Copies (copy, deepcopy, pickle) are independent.
    """

    def __init__(self, token_bytes: Callable[[int], bytes]) -> None:
        self._token_bytes = token_bytes
        self._pending = b""  # bytes of a character that is not complete

    def feed(self, token: int) -> str:
        """Return the text that one more id completes, perhaps none. Raises TokenIdError for an id without a token."""
        content = self._pending + self._token_bytes(token)
        end = incomplete_from(content)
        self._pending = content[end:]
        return content[:end].decode(errors="replace")

    def finish(self) -> str:
        """Return what the ids so far left incomplete; the stream then begins anew."""
        rest, self._pending = self._pending.decode(errors="replace"), b""
        return rest
