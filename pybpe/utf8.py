"""Text as the bytes that all of pybpe works on."""

from __future__ import annotations

Text = str | bytes


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


def repair_surrogates(text: str) -> str:
    """Join surrogate pairs to the characters they stand for, and make U+FFFD of lone ones, as tiktoken does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
