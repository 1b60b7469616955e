"""Lines of text as sentencepiece's trainer reads them."""

def spaced_words(text: bytes, most: int) -> bytes:
    """The words of all lines with a space before each: UTF-8 as sentencepiece reads it that has no map of characters.

    Of white space at the ends of a line nothing is left, and of several spaces in a row one; U+2581 is a space that is
    always left but at the end. Lines end with LF, and CR before it. Those of more than `most` bytes are left out, and
    those with U+2585.
    """
