"""Conversions between text and UTF-8, with a rule for surrogates and for bytes that are not UTF-8."""

from __future__ import annotations

import re

Text = str | bytes
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


def to_utf8(text: Text) -> bytes:
    """Return the UTF-8 of a str, with U+FFFD for lone surrogates; bytes are returned unchanged.

    Raises TypeError for other types.
    """
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError:
        return repair_surrogates(text).encode()


def to_text(content: bytes) -> str:
    """Return the text of UTF-8 bytes. Each byte that is not UTF-8 becomes U+FFFD."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return replace_escaped_bytes(content.decode("utf-8", "surrogateescape"))


def replace_escaped_bytes(text: str) -> str:
    """Replace each byte that was not UTF-8 by U+FFFD, in text decoded with errors="surrogateescape"."""
    return _ESCAPED_BYTE.sub("\ufffd", text)


def join_surrogates(text: Text) -> Text:
    """Return `repair_surrogates` of a str with surrogates, which has no UTF-8; any other text unchanged."""
    if isinstance(text, str) and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return repair_surrogates(text)
    return text


def repair_surrogates(text: str) -> str:
    """Replace pairs of surrogates by their character and lone surrogates by U+FFFD, as tiktoken does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
