"""Lines of text as sentencepiece's trainer reads them."""

def spaced_words(text: bytes, most: int) -> bytes:
    """Return the words of all lines with a space before each, as UTF-8, normalized as sentencepiece does without a map.

    White space at the ends of a line is removed, and all but one of each run of spaces. U+2581 is a space that is
    removed only at the end of a line. Lines end with LF; a CR before it is a character of the line. Lines of more than
    `most` bytes, and lines with U+2585, are left out.
    """
