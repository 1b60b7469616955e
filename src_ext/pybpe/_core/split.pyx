# One word at a time: look at the first character (and perhaps the second), then run to the end of its class.
# Every alternative of the patterns begins with a different first character or is ordered here as the pattern orders
# it, so nothing is tried twice; only white space before a newline is read a second time.
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

from pybpe._core.unicode cimport LETTER, LOWER, MARK, NUMBER, SPACE, UPPER, CharTable, char_at, char_table, is_tail, wide_char

cdef extern from "ascii.h" nogil:
    int ascii_letters "pybpe_letters"(const uint8_t* text)
    int ascii_letters_swar "pybpe_letters_swar"(const uint8_t* text)


cdef extern from "block.h" nogil:
    int lowest "pybpe_lowest"(uint64_t bits)
    int highest "pybpe_highest"(uint64_t bits)
    BlockForm block_form "pybpe_block_get"(int number)
    BlockForm best_block_form "pybpe_block_best"()


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


# ---------------------------------------------------------------------------------------------------------------------
# The same meaning for 64 bytes at once. A window begins where a word begins. Each class of characters is a mask of one
# bit a byte (all bytes of a character have its bit), and whether a word starts at a character follows from the classes
# of the character, of the one before it and of the one behind it, with shifts and ands; runs of unknown length are
# crossed by the carry of an addition. What the masks cannot decide ends the window early and is left to `word_end`.

cdef enum:
    WINDOW = 64

cdef uint64_t ONE = 1


ctypedef struct Window:
    Block chars  # filled in place: copies would wait for the stores before them
    uint64_t uncased  # letters neither capital nor small
    uint64_t tails  # bytes that are not the first of their character
    int known  # the classes of the bytes before this one are right


cdef inline uint64_t below(int place) noexcept nogil:
    """The bits before `place`, 0 to 64."""
    return (ONE << place) - 1 if place < WINDOW else ~<uint64_t>0


cdef inline uint64_t mask_of(int flags) noexcept nogil:
    """All bits, if there is any flag."""
    return 0 - <uint64_t>(flags != 0)


cdef inline uint64_t behind(uint64_t firsts, uint64_t tails) noexcept nogil:
    """From the first bytes of characters to the first bytes of those behind them."""
    return ((firsts << 1) + tails) & ~tails


cdef inline uint64_t before(uint64_t chars, uint64_t tails) noexcept nogil:
    """From characters to the first bytes of those before them."""
    cdef uint64_t found = (chars & ~tails) >> 1
    if tails:
        found |= (found & tails) >> 1
        found |= (found & tails) >> 1
        found |= (found & tails) >> 1
    return found & ~tails


cdef inline void cut_window(Window* window, uint64_t places) noexcept nogil:
    """End what is known at the first of `places`."""
    if places and lowest(places) < window.known:
        window.known = lowest(places)


cdef void add_wide(
    Window* window, const Scheme* scheme, const CharTable* table, const uint8_t* text, size_t n, size_t pos
) noexcept nogil:
    """Put the characters of a window that are not ASCII into its masks; marks are letters where letters are cased."""
    cdef const Block* block = &window.chars
    cdef uint64_t todo = block.wide & ~block.tails, sure = block.uncased, bits
    cdef size_t end
    cdef uint8_t flags
    cdef int place, size
    window.tails = sure << 1 | sure << 2
    window.chars.letters |= sure | window.tails
    window.uncased |= sure | window.tails
    todo &= ~sure
    if not scheme.cased_letters:
        sure = block.pairs
        window.chars.letters |= sure | sure << 1
        window.tails |= sure << 1
        todo &= ~sure
    while todo:
        place = lowest(todo)
        todo &= todo - 1
        flags = wide_char(table, text, n, pos + place, &end)
        size = <int>(end - pos) - place
        if size == 1 or place + size > WINDOW:  # not UTF-8, or cut off by the end of the window
            window.known = place
            break
        bits = ((ONE << size) - 1) << place
        window.tails |= bits & bits << 1
        # All by arithmetic: which class comes next cannot be foreseen.
        window.chars.letters |= bits & mask_of(flags & LETTER)
        window.chars.digits |= bits & mask_of(flags & NUMBER)
        window.chars.spaces |= bits & mask_of(flags & SPACE)
        if scheme.cased_letters:
            if flags & MARK and place and not (window.chars.letters | window.chars.spaces | window.chars.digits) >> (place - 1) & 1:
                window.known = place  # behind other characters a mark is one of them, or a letter behind the last
                break
            window.chars.letters |= bits & mask_of(flags & MARK)
            window.chars.capitals |= bits & mask_of(flags & UPPER)
            window.uncased |= bits & mask_of(flags & (LETTER | MARK)) & ~mask_of(flags & (UPPER | LOWER))
    cut_window(window, block.tails & ~window.tails)  # a tail without its first byte


cdef inline uint64_t space_starts(Window* window, const Scheme* scheme, uint64_t others) noexcept nogil:
    """Where words of white space start: at the start of a run, behind its last newline and at its last character.

    Newlines right behind `others` may belong to their word, and a newline is not left to what follows it.
    """
    cdef uint64_t spaces = window.chars.spaces, newlines = 0, first, plain, starts, inner, ends
    if scheme.newline_tail:
        newlines = window.chars.newlines & others << 1
        newlines = window.chars.newlines & ~(window.chars.newlines + newlines)
        if scheme.slash_tail and newlines:
            cut_window(window, newlines << 1 & others)  # perhaps a slash, which goes with them
        spaces &= ~newlines
    starts = spaces & ~(spaces << 1)
    if not scheme.newline_runs:
        return (starts | spaces & ~before(window.chars.spaces, window.tails)) & ~window.tails
    newlines = window.chars.newlines & spaces
    plain = spaces & ~newlines
    inner = newlines << 1 & plain
    if inner:  # behind the last newline of a run, or is there one more?
        ends = inner + plain
        if ends < plain or ends & ~plain & (newlines | ~below(window.known)):
            ends = inner
            while ends:
                first = ends & (0 - ends)
                ends &= ends - 1
                if first + plain < plain or (first + plain) & ~plain & (newlines | ~below(window.known)):
                    inner &= ~first
    return (starts | inner | plain & ~before(window.chars.spaces, window.tails)) & ~window.tails


cdef inline uint64_t number_starts(Window* window, int group) noexcept nogil:
    """Where words of digits start, `group` of them a word; a run of any length if that is 0."""
    cdef uint64_t starts = window.chars.digits & ~window.tails, first = starts & ~(window.chars.digits << 1)
    cdef int i
    if group == 1:
        return starts
    starts = first
    while first and group:
        for i in range(group):
            first = behind(first, window.tails) & window.chars.digits
        starts |= first
    return starts


cdef inline uint64_t with_contractions(
    Window* window, const Scheme* scheme, const uint8_t* text, size_t n, size_t pos, uint64_t starts, uint64_t marks
) noexcept nogil:
    """The starts of words where each of the apostrophes `marks` begins a contraction, if one is there."""
    cdef size_t end
    cdef int place, last = -1
    while marks:
        place = lowest(marks)
        marks &= marks - 1
        end = contraction_end(scheme, text, n, pos + place)
        if end == 0:
            continue
        end -= pos
        if scheme.cased_letters:
            if place == last:  # what is before it ends with a contraction and takes no second
                cut_window(window, ONE << place)
                break
            starts &= ~(below(<int>end) & ~below(place)) if end < WINDOW else below(place)
            last = <int>end
        else:
            starts &= ~(below(<int>end) & ~below(place + 1)) if end < WINDOW else below(place + 1)
        if end < WINDOW:
            starts |= ONE << end
    return starts


cdef inline uint64_t word_starts(
    Window* window, const Scheme* scheme, const uint8_t* text, size_t n, size_t pos
) noexcept nogil:
    """Where words start in a window, its own start left out, as far as that is certain."""
    cdef uint64_t others = ~(window.chars.letters | window.chars.digits | window.chars.spaces)
    cdef uint64_t first_others = others & ~window.tails & ~(others << 1)
    cdef uint64_t behind_blank = window.chars.blanks << 1, firsts = ~window.tails, starts, single, joined
    # One other character before letters, no blank before it: the start of a word, be it a prefix or a contraction.
    single = first_others & ~behind_blank & before(window.chars.letters, window.tails)
    if scheme.any_letter_prefix:
        joined = behind(single, window.tails) | (window.chars.spaces & ~window.chars.newlines) << 1
    else:
        joined = behind_blank
    starts = window.chars.letters & ~(window.chars.letters << 1) & ~joined & firsts
    starts |= first_others & ~behind_blank
    joined = number_starts(window, scheme.digit_group)
    starts |= joined & ~behind_blank if scheme.digit_group == 0 else joined
    starts |= space_starts(window, scheme, others)
    if scheme.cased_letters:
        starts |= window.chars.capitals & (window.chars.letters & ~window.chars.capitals & ~window.uncased) << 1 & firsts
        cut_window(window, window.chars.capitals & window.uncased << 1 & firsts)  # it depends on what follows the capitals
        single = window.chars.letters << 1  # a contraction comes behind letters, as a part of their word
    if scheme.contractions and window.chars.apostrophes & single:
        starts = with_contractions(window, scheme, text, n, pos, starts, window.chars.apostrophes & single)
    firsts &= below(window.known)
    # All that was asked of the character behind is right for those before the last one known.
    return starts & below(highest(firsts)) & ~ONE if firsts else 0


# ---------------------------------------------------------------------------------------------------------------------

cdef size_t last_cut(const uint8_t* text, size_t n) noexcept nogil:
    # A letter is always the last character of its word when something follows that can neither continue a run of
    # letters nor start a contraction, and no pattern looks behind the start of a word.
    cdef const CharTable* table = char_table()
    cdef size_t pos = n, before, end
    cdef uint8_t flags
    while pos > 1:
        pos -= 1
        if is_tail(text[pos]) or text[pos] == c"'":
            continue
        flags = char_at(table, text, n, pos, &end)
        if flags & (LETTER | MARK | NUMBER) or (text[pos] >= 0x80 and end == pos + 1):
            continue
        before = pos - 1
        while before > 0 and is_tail(text[before]) and pos - before < 4:
            before -= 1
        if char_at(table, text, n, before, &end) & LETTER and end == pos:
            return pos
    return 0


cdef class SchemeSplitter(Splitter):
    cdef size_t scan(
        self, const uint8_t* text, size_t n, size_t pos, size_t* ends, size_t capacity
    ) noexcept nogil:
        cdef const CharTable* table = char_table()
        cdef const Scheme* scheme = &self.scheme
        cdef size_t count = 0
        cdef uint64_t starts
        cdef Window window
        while n - pos >= WINDOW and capacity - count >= WINDOW:
            self.classify(text + pos, &window.chars)
            window.uncased = window.tails = 0
            window.known = WINDOW
            if window.chars.wide:
                add_wide(&window, scheme, table, text, n, pos)
            starts = word_starts(&window, scheme, text, n, pos)
            if starts == 0:
                ends[count] = word_end(scheme, table, text, n, pos)
                count += 1
            while starts:
                ends[count] = pos + lowest(starts)
                count += 1
                starts &= starts - 1
            pos = ends[count - 1]
        if n - pos >= WINDOW and capacity >= WINDOW:
            return count
        while pos < n and count < capacity:
            pos = word_end(scheme, table, text, n, pos)
            ends[count] = pos
            count += 1
        return count

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(
        self,
        *,
        int form=-1,
        int contractions,
        bint cased_letters,
        bint any_letter_prefix,
        int digit_group,
        bint newline_tail,
        bint slash_tail,
        bint newline_runs,
        bint whole_trailing_space,
    ):
        if not 0 <= contractions <= 2:
            raise ValueError(f"contractions is {contractions}, must be 0, 1 or 2")
        if digit_group < 0:
            raise ValueError(f"digit_group is {digit_group}, must be 0 or more")
        self.classify = block_form(form) if form >= 0 else best_block_form()
        if self.classify == NULL:
            raise ValueError(f"form {form} does not run on this processor")
        memset(&self.scheme, 0, sizeof(Scheme))
        self.scheme.contractions = contractions
        self.scheme.cased_letters = cased_letters
        self.scheme.any_letter_prefix = any_letter_prefix
        self.scheme.digit_group = digit_group
        self.scheme.newline_tail = newline_tail
        self.scheme.slash_tail = slash_tail
        self.scheme.newline_runs = newline_runs
        self.scheme.whole_trailing_space = whole_trailing_space


def find_cut(bytes text not None):
    return last_cut(<const uint8_t*><const char*>text, len(text))


def count_letters(bytes text not None, bint portable):
    if len(text) < 16:
        raise ValueError(f"text has {len(text)} bytes, must have at least 16")
    cdef const uint8_t* data = <const uint8_t*><const char*>text
    return ascii_letters_swar(data) if portable else ascii_letters(data)
