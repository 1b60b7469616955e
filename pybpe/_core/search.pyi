"""Finding bytes in many texts at once."""

def texts_with(texts: list[str | bytes], needle: bytes) -> list[int]:
    """The numbers of the texts whose UTF-8 form holds `needle`. Raises UnicodeEncodeError for a lone surrogate."""
