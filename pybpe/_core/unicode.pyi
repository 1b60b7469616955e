"""Character classes of Unicode 16.0, the version by which tiktoken and tokenizers split."""

UNICODE_VERSION: str

def classes(code_point: int) -> frozenset[str]:
    """Return the classes of a code point, some of L, N, s (white space), M, Lu (with Lt), Ll, P and S.

    Raises ValueError for a number outside 0 to 0x10FFFF.
    """

def is_utf8(text: bytes) -> bool:
    """Return True if these bytes are valid UTF-8, as for bytes.decode. Releases the GIL."""

def ranges() -> list[tuple[int, str, bool, bool]]:
    """Return all code points as consecutive ranges: (first code point, general category, is white space, is Han)."""
