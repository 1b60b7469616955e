"""Character classes of Unicode 16.0, the version that tiktoken and tokenizers split by."""

UNICODE_VERSION: str

def classes(code_point: int) -> frozenset[str]:
    """The classes of a code point, among L, N, s (white space), M, Lu (with Lt), Ll, P and S.

    Raises ValueError outside 0..0x10FFFF.
    """

def is_utf8(text: bytes) -> bool:
    """Whether these bytes are UTF-8, as bytes.decode takes it. Lets go of the GIL."""

def ranges() -> list[tuple[int, str, bool, bool]]:
    """All code points as ranges in order: (first code point, general category, white space or not, Han or not)."""
