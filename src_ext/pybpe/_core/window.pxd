# Words in 64 bytes at once, with the meaning of word.pxd. A window begins where a word begins. Each class of characters is
# a mask of one bit a byte (all bytes of a character have its bit), and whether a word starts at a character follows from
# the classes of the character, of the one before it and of the one behind it, with shifts and ands; runs of unknown length
# are crossed by the carry of an addition. What the masks cannot decide ends the window early and is left to `word_end`.
from libc.stdint cimport uint8_t, uint64_t

from pybpe._core.scheme cimport Scheme
from pybpe._core.unicode cimport LETTER, LOWER, MARK, NUMBER, SPACE, UPPER, CharTable, wide_char
from pybpe._core.word cimport contraction_end

cdef extern from "block.h" nogil:
    int lowest "pybpe_lowest"(uint64_t bits)
    int highest "pybpe_highest"(uint64_t bits)
    ctypedef struct Block "pybpe_block":
        uint64_t letters
        uint64_t capitals
        uint64_t digits
        uint64_t spaces
        uint64_t newlines
        uint64_t blanks
        uint64_t apostrophes
        uint64_t wide
        uint64_t tails
        uint64_t uncased
        uint64_t pairs
    ctypedef void (*BlockForm "pybpe_block_form")(const uint8_t* text, Block* out) noexcept nogil

cdef extern from "bits.h" nogil:
    ctypedef void inlined_void "PYBPE_ALWAYS_INLINE void"

cdef enum:
    WINDOW = 64


ctypedef struct Window:
    Block chars  # filled in place: copies would wait for the stores before them
    uint64_t uncased  # letters neither capital nor small
    uint64_t tails  # bytes that are not the first of their character
    int known  # the classes of the bytes before this one are right


cdef inline uint64_t below(int place) noexcept nogil:
    """The bits before `place`, 0 to 64."""
    return (<uint64_t>1 << place) - 1 if place < WINDOW else ~<uint64_t>0


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


cdef inline void add_wide(
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
        bits = ((<uint64_t>1 << size) - 1) << place
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
                cut_window(window, <uint64_t>1 << place)
                break
            starts &= ~(below(<int>end) & ~below(place)) if end < WINDOW else below(place)
            last = <int>end
        else:
            starts &= ~(below(<int>end) & ~below(place + 1)) if end < WINDOW else below(place + 1)
        if end < WINDOW:
            starts |= <uint64_t>1 << end
    return starts


cdef inline inlined_void word_starts(
    Window* window, const Scheme* scheme, const uint8_t* text, size_t n, size_t pos, uint64_t* certain
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
    certain[0] = starts & below(highest(firsts)) & ~<uint64_t>1 if firsts else 0
