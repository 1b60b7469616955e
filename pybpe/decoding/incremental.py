"""Text that grows: ids decoded as they come, and text encoded as it is typed. Both equal the whole at every moment."""

from __future__ import annotations

import codecs
from collections.abc import Callable

from pybpe.text.utf8 import to_utf8

Cut = Callable[[bytes], int]


class DecodeStream:
    """Ids to text one at a time, never half a character; what is no UTF-8 becomes U+FFFD. From `decode_stream`."""

    def __init__(self, token_bytes: Callable[[int], bytes]) -> None:
        self._token_bytes = token_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token: int) -> str:
        """The text that one more id completes, perhaps none. Raises TokenIdError for an id that has no token."""
        return self._decoder.decode(self._token_bytes(token))

    def finish(self) -> str:
        """What the ids so far left incomplete; the stream then begins anew."""
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return rest


class EncodeAppender:
    """Ids of a text that grows: after any number of `append`, those of all of it at once. From `encode_appender`.

    Only what stands behind the last place where the text can be cut is encoded again, mostly a word or two. Special
    tokens are ordinary text.
    """

    def __init__(self, encode: Callable[[bytes], list[int]], cut: Cut | None) -> None:
        self._encode = encode
        self._cut = cut
        self._settled: list[int] = []
        self._open = b""  # text behind the last cut
        self._high_surrogate = ""  # the first half of a character, if the text ends with one

    def append(self, text: str | bytes) -> None:
        """Add text to the end. A str must not cut a character in its bytes; bytes may."""
        if isinstance(text, str):
            text = self._high_surrogate + text
            self._high_surrogate = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
            text = text[: len(text) - len(self._high_surrogate)]
        elif self._high_surrogate:
            self._open += to_utf8(self._high_surrogate)
            self._high_surrogate = ""
        self._open += to_utf8(text)
        end = self._cut(self._open) if self._cut else 0
        if end:
            self._settled += self._encode(self._open[:end])
            self._open = self._open[end:]

    @property
    def ids(self) -> list[int]:
        """The ids of all the text so far."""
        return self._settled + self._open_ids()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._settled) + len(self._open_ids())

    def _open_ids(self) -> list[int]:
        return self._encode(self._open + to_utf8(self._high_surrogate))
