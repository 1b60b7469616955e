from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset

from pybpe._core.scheme cimport Scheme
from pybpe._core.unicode cimport LETTER, MARK, NUMBER, CharTable, char_at, char_table, is_tail
from pybpe._core.window cimport WINDOW, Block, BlockForm, Window, add_wide, highest, inlined_void, word_starts
from pybpe._core.word cimport ascii_letters, word_end

cdef extern from "ascii.h" nogil:
    int ascii_letters_swar "pybpe_letters_swar"(const uint8_t* text)


cdef extern from "bits.h" nogil:
    ctypedef void avx512_void "PYBPE_AVX512 void"  # of a function for processors with AVX-512, and only these
    bint has_avx512 "pybpe_has_avx512"()
    size_t flatten "pybpe_flatten"(uint64_t bits, size_t base, size_t* places)
    size_t flatten_avx512 "pybpe_flatten_avx512"(uint64_t bits, size_t base, size_t* places)


cdef extern from "block.h" nogil:
    void block_avx512 "pybpe_block_avx512_inline"(const uint8_t* text, Block* out)
    BlockForm block_form "pybpe_block_get"(int number)
    BlockForm best_block_form "pybpe_block_best"()


cdef enum:
    SCALAR_REST = 12  # bytes at the end of a text for which preparing a window takes longer than reading them


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


cdef inline inlined_void scan_words(
    bint avx512, const Scheme* scheme, BlockForm classify, const uint8_t* text, size_t n, size_t pos, size_t* ends,
    size_t capacity, size_t* found
) noexcept nogil:
    """What both of the next two functions do; `avx512` is known when they are compiled."""
    cdef const CharTable* table = char_table()
    cdef size_t count = 0
    cdef uint64_t starts
    cdef Window window
    cdef uint8_t rest[WINDOW]
    cdef const uint8_t* block
    while n - pos > SCALAR_REST and capacity - count >= WINDOW:
        window.uncased = window.tails = 0
        window.known = WINDOW
        block = text + pos
        if n - pos < WINDOW:  # the end of the text: the bytes behind it must not be read
            memset(rest, 0, WINDOW)
            memcpy(rest, block, n - pos)
            block = rest
            window.known = <int>(n - pos)
        if avx512:
            block_avx512(block, &window.chars)
        else:
            classify(block, &window.chars)
        if window.chars.wide:
            add_wide(&window, scheme, table, text, n, pos)
        word_starts(&window, scheme, text, n, pos, &starts)
        if starts == 0:
            pos = word_end(scheme, table, text, n, pos)
            ends[count] = pos
            count += 1
            continue
        count += flatten_avx512(starts, pos, ends + count) if avx512 else flatten(starts, pos, ends + count)
        pos += highest(starts)  # equal to ends[count - 1], but known without waiting for `flatten`
    if n - pos <= SCALAR_REST or capacity < WINDOW:
        while pos < n and count < capacity:
            pos = word_end(scheme, table, text, n, pos)
            ends[count] = pos
            count += 1
    found[0] = count


cdef void scan_general(
    const Scheme* scheme, BlockForm classify, const uint8_t* text, size_t n, size_t pos, size_t* ends, size_t capacity,
    size_t* count
) noexcept nogil:
    scan_words(False, scheme, classify, text, n, pos, ends, capacity, count)


cdef avx512_void scan_avx512(
    const Scheme* scheme, BlockForm classify, const uint8_t* text, size_t n, size_t pos, size_t* ends, size_t capacity,
    size_t* count
) noexcept nogil:
    scan_words(True, scheme, classify, text, n, pos, ends, capacity, count)


cdef class SchemeSplitter(Splitter):
    cdef size_t scan(
        self, const uint8_t* text, size_t n, size_t pos, size_t* ends, size_t capacity
    ) noexcept nogil:
        cdef size_t count
        self.scan_form(&self.scheme, self.classify, text, n, pos, ends, capacity, &count)
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
        self.looks_ahead_in_spaces = True  # `\s+(?!\S)` and `\s+$` are all that a scheme has of lookaheads
        # Forms 0 to 3 differ in how they classify; in form 4 all is compiled for AVX-512.
        self.scan_form = scan_general
        if has_avx512() and (form < 0 or form == 4):
            self.scan_form = <ScanForm>scan_avx512
            form = -1
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
