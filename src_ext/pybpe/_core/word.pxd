# One word at a time: look at the first character (and perhaps the second), then run to the end of its class.
# Every alternative of the patterns begins with a different first character or is ordered here as the pattern orders
# it, so nothing is tried twice; only white space before a newline is read a second time.
from libc.stdint cimport uint8_t

from pybpe._core.scheme cimport Scheme
from pybpe._core.unicode cimport LETTER, LOWER, MARK, NUMBER, SPACE, UPPER, CharTable, char_at, wide_char

cdef extern from "ascii.h" nogil:
    int ascii_letters "pybpe_letters"(const uint8_t* text)


cdef inline bint is_newline(uint8_t byte) noexcept nogil:
    return byte == c"\n" or byte == c"\r"


cdef inline size_t run_end(
    const CharTable* table, const uint8_t* text, size_t n, size_t pos, uint8_t mask, uint8_t wanted
) noexcept nogil:
    """Where the run of characters with `flags & mask == wanted` that starts at `pos` ends."""
    cdef size_t end
    while pos < n:
        if text[pos] < 0x80:
            if (table.flags[text[pos]] & mask) != wanted:
                return pos
            pos += 1
        else:
            if (wide_char(table, text, n, pos, &end) & mask) != wanted:
                return pos
            pos = end
    return pos


cdef inline size_t letters_end(const CharTable* table, const uint8_t* text, size_t n, size_t pos) noexcept nogil:
    """The end of a run of letters, 16 ASCII letters at a time: most words end within the first step."""
    cdef int letters
    while n - pos >= 16:
        letters = ascii_letters(text + pos)
        pos += letters
        if letters < 16:
            break
    return run_end(table, text, n, pos, LETTER, LETTER)


cdef inline size_t digits_end(
    const CharTable* table, const uint8_t* text, size_t n, size_t pos, int limit
) noexcept nogil:
    """The end of a run of digits, of at most `limit` of them where that is not 0."""
    cdef size_t end
    if limit == 0:
        return run_end(table, text, n, pos, NUMBER, NUMBER)
    while pos < n and limit > 0 and char_at(table, text, n, pos, &end) & NUMBER:
        pos = end
        limit -= 1
    return pos


cdef inline size_t punctuation_end(
    const Scheme* scheme, const CharTable* table, const uint8_t* text, size_t n, size_t pos
) noexcept nogil:
    """The end of a run of characters that are neither letters, digits nor white space."""
    pos = run_end(table, text, n, pos, LETTER | NUMBER | SPACE, 0)
    if scheme.newline_tail:
        while pos < n and (is_newline(text[pos]) or (scheme.slash_tail and text[pos] == c"/")):
            pos += 1
    return pos


cdef inline size_t space_end(
    const Scheme* scheme, const CharTable* table, const uint8_t* text, size_t n, size_t start
) noexcept nogil:
    """The end of the word that starts with white space which nothing else could take.

    A run of white space before something else leaves its last character to what follows: `\\s+(?!\\S)`.
    """
    cdef size_t pos = start, end, last = start, after_newline = 0
    while pos < n and char_at(table, text, n, pos, &end) & SPACE:
        last = pos
        pos = end
        if is_newline(text[last]):
            after_newline = end
    if pos == n and scheme.whole_trailing_space:
        return n
    if scheme.newline_runs and after_newline:
        return after_newline
    if pos == n or last == start:
        return pos
    return last


cdef inline size_t contraction_end(const Scheme* scheme, const uint8_t* text, size_t n, size_t pos) noexcept nogil:
    """The end of 's, 't, 'm, 'd, 'll, 've or 're at `pos`, which holds the apostrophe; 0 if there is none."""
    cdef uint8_t first, second, fold = 0x20 if scheme.contractions == 2 else 0
    if pos + 1 >= n:
        return 0
    first = text[pos + 1] | fold
    if first == c"s" or first == c"t" or first == c"m" or first == c"d":
        return pos + 2
    if pos + 2 >= n:
        return 0
    second = text[pos + 2]
    if fold and text[pos + 1] == 0xC5 and second == 0xBF:  # U+017F, the long s, is a lower case of S
        return pos + 3
    second |= fold
    if (first == c"l" and second == c"l") or (second == c"e" and (first == c"v" or first == c"r")):
        return pos + 3
    return 0


cdef inline bint is_upper(uint8_t flags) noexcept nogil:
    """[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]: what may be among capitals."""
    return flags & (LETTER | MARK) and not flags & LOWER


cdef inline bint is_lower(uint8_t flags) noexcept nogil:
    """[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]: what may be among small letters."""
    return flags & (LETTER | MARK) and not flags & UPPER


cdef inline size_t cased_end(
    const CharTable* table, const uint8_t* text, size_t n, size_t pos, size_t* capitals
) noexcept nogil:
    """Where `upper* lower+` from `pos` ends, 0 if it does not match; `capitals` receives where `upper*` alone ends.

    Letters without case and marks are both upper and lower. If nothing small follows the run of upper, it gives back
    as little as it can: all behind the last character that is both.
    """
    cdef size_t end, both = 0
    cdef uint8_t flags
    while pos < n:
        flags = char_at(table, text, n, pos, &end)
        if not is_upper(flags):
            break
        pos = end
        if is_lower(flags):
            both = end
    capitals[0] = pos
    if pos == n or not is_lower(char_at(table, text, n, pos, &end)):
        return both
    while pos < n and is_lower(char_at(table, text, n, pos, &end)):
        pos = end
    return pos


cdef inline size_t cased_word_end(
    const Scheme* scheme, const CharTable* table, const uint8_t* text, size_t n, size_t pos, size_t second,
    uint8_t flags
) noexcept nogil:
    """The end of the cased run of letters at `pos`, one character before it included; 0 if there is none.

    `second` and `flags` are of the character at `pos`, which is no digit. The pattern tries small letters with the
    character before, then without, then capitals alone with it, then without.
    """
    cdef bint prefix = not flags & LETTER and not is_newline(text[pos])
    cdef size_t end = 0, behind_prefix = second, behind_start = pos, contraction
    if prefix:
        end = cased_end(table, text, n, second, &behind_prefix)
    if end == 0 and flags & (LETTER | MARK):
        end = cased_end(table, text, n, pos, &behind_start)
    if end == 0 and behind_prefix > second:
        end = behind_prefix
    if end == 0 and behind_start > pos:
        end = behind_start
    if end and end < n and text[end] == c"'" and scheme.contractions:
        contraction = contraction_end(scheme, text, n, end)
        if contraction:
            return contraction
    return end


cdef inline size_t word_end(
    const Scheme* scheme, const CharTable* table, const uint8_t* text, size_t n, size_t pos
) noexcept nogil:
    """Where the word that starts at `pos` < n ends."""
    cdef size_t second, end
    cdef uint8_t flags = char_at(table, text, n, pos, &second), next_flags
    if flags & NUMBER:
        return digits_end(table, text, n, pos, scheme.digit_group)
    if scheme.cased_letters:
        end = cased_word_end(scheme, table, text, n, pos, second, flags)
        if end:
            return end
    elif flags & LETTER:
        return letters_end(table, text, n, second)
    elif text[pos] == c"'" and scheme.contractions:
        end = contraction_end(scheme, text, n, pos)
        if end:
            return end
    if second < n:
        next_flags = char_at(table, text, n, second, &end)
        if next_flags & LETTER and not scheme.cased_letters:
            if text[pos] == c" " or (scheme.any_letter_prefix and not is_newline(text[pos])):
                return letters_end(table, text, n, end)
        elif text[pos] == c" ":
            if next_flags & NUMBER:
                if scheme.digit_group == 0:
                    return digits_end(table, text, n, second, 0)
            elif not next_flags & SPACE:
                return punctuation_end(scheme, table, text, n, second)
    if flags & SPACE:
        return space_end(scheme, table, text, n, pos)
    return punctuation_end(scheme, table, text, n, second)
