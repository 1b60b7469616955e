"""Text as the bytes that all of pybpe works on."""

from __future__ import annotations

import re

Text = str | bytes
_TORN = re.compile("[\udc80-\udcff]")


def to_utf8(text: Text) -> bytes:
    """UTF-8 of a str, lone surrogates as U+FFFD; bytes as they are."""
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError:
        return repair_surrogates(text).encode()


def to_text(content: bytes) -> str:
    """The text of UTF-8; each byte that is none becomes U+FFFD."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return repair_torn(content.decode("utf-8", "surrogateescape"))


def repair_torn(text: str) -> str:
    """U+FFFD for each byte that was no UTF-8, as decoding with "surrogateescape" keeps it."""
    return _TORN.sub("\ufffd", text)


def join_surrogates(text: Text) -> Text:
    """Return a text that UTF-8 can hold: `repair_surrogates` of a str with surrogates, any other as it is."""
    if isinstance(text, str) and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return repair_surrogates(text)
    return text


def repair_surrogates(text: str) -> str:
    """Join surrogate pairs to the characters they stand for, and make U+FFFD of lone ones, as tiktoken does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
