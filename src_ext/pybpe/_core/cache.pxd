# What words encode to, remembered, in memory with a limit. Most text is the same few thousand words again.
#
# A table of entries of 32 bytes, two to a cache line, holds words up to 15 bytes and up to 6 ids whole: the key is one
# 128-bit load. Longer words are found by their hash; they and words of more ids have a record, ids and bytes, in a
# ring that overwrites its oldest records, and an entry knows by its place whether its record is still there. A word
# that finds no room in its own line goes to the neighbour's. The table doubles while words are lost, up to its limit.
#
# There is no lock: each running call has a cache of its own.
cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from pybpe._core.memory cimport prefetch
from pybpe._core.types cimport token_t

cdef enum:
    CACHE_LINE = 64  # two entries
    CHARS = 1 << 16
    CHARS_BYTES = CHARS * 32
    SHORT_KEY = 15  # bytes of a word that is its own key
    LONG_WORD = 255  # bytes of the longest word that is remembered
    INLINE_IDS = 3  # as they are
    PACKED_IDS = 6  # in 20 bits each, behind one another, on a little-endian machine
    PACKED_MASK = (1 << 20) - 1
    COPIED_IDS = 8  # ids written at least, used or not: room that the caller leaves
    # The top byte of an entry's count, if it has no plain ids
    PACKED = 0x40  # and how many ids are packed in the rest of `ids` and `count`
    IN_RING = 0x80  # the rest is how many ids the record has, and the first two of `ids` are its place
    LEAST_CACHE = 2 << 20  # bytes: one large page
    RING_SLACK = 4096  # behind the ring: a record is read in steps of COPIED_IDS
    DEFAULT_CACHE = 96 << 20


ctypedef struct Entry:
    uint64_t low  # the first 8 bytes of the word, or its hash
    uint64_t high  # the other 7, and the length in the top byte; no word has length 0, so a free entry never matches
    token_t ids[INLINE_IDS]
    uint32_t count


ctypedef struct Item:  # a word on its way through the cache
    uint64_t low
    uint64_t high
    Entry* line  # where its entry is, in the first or the second place
    const uint8_t* word


cdef extern from *:
    """
    static const uint64_t KEY_MASKS[16][2] = {
        {0, 0}, {0xFFull, 0}, {0xFFFFull, 0}, {0xFFFFFFull, 0}, {0xFFFFFFFFull, 0}, {0xFFFFFFFFFFull, 0},
        {0xFFFFFFFFFFFFull, 0}, {0xFFFFFFFFFFFFFFull, 0}, {~0ull, 0}, {~0ull, 0xFFull}, {~0ull, 0xFFFFull},
        {~0ull, 0xFFFFFFull}, {~0ull, 0xFFFFFFFFull}, {~0ull, 0xFFFFFFFFFFull}, {~0ull, 0xFFFFFFFFFFFFull},
        {~0ull, 0xFFFFFFFFFFFFFFull},
    };
    /* Both halves of the product of two numbers, one over the other: the mixing step of wyhash (Wang Yi, 2019). */
    #if defined(__SIZEOF_INT128__)
    static inline uint64_t pybpe_fold(uint64_t a, uint64_t b) {
        const unsigned __int128 product = (unsigned __int128)a * b;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    #else
    static inline uint64_t pybpe_fold(uint64_t a, uint64_t b) {
        const uint64_t low = (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu), high = (a >> 32) * (b >> 32);
        const uint64_t cross = (a >> 32) * (b & 0xFFFFFFFFu), other = (a & 0xFFFFFFFFu) * (b >> 32);
        return low ^ high ^ (cross << 32 | cross >> 32) ^ (other << 32 | other >> 32);
    }
    #endif
    """
    const uint64_t KEY_MASKS[16][2]
    uint64_t fold "pybpe_fold"(uint64_t a, uint64_t b) noexcept nogil


cdef inline uint64_t mix_key(uint64_t low, uint64_t high) noexcept nogil:
    return fold(low ^ 0x9E3779B97F4A7C15ULL, high ^ 0xD6E8FEB86659FD93ULL)


@cython.final
cdef class WordCache:
    cdef Entry* entries
    cdef Entry* chars  # pieces of three bytes, as of Chinese and Japanese: by code point, without a hash
    cdef int shift  # of a mixed key, for the number of its line
    cdef size_t lines
    cdef size_t most_lines
    cdef size_t lost  # words that found no room since the table last grew
    cdef uint8_t* ring
    cdef size_t ring_size
    cdef uint64_t written  # bytes that went into the ring, ever

    cdef bint is_char(self, const Entry* line) noexcept nogil
    cdef size_t from_ring(self, const Entry* entry, const Item* item, token_t* ids) noexcept nogil
    cdef size_t read(self, const Entry* entry, const Item* item, token_t* ids) noexcept nogil
    cdef void insert(self, Entry* line, const Entry* entry) noexcept nogil
    cdef bint make(self, size_t lines) noexcept nogil
    # The ids of a word whose entry is not a plain one in its own line, into `ids`; how many, 0 if it is not there.
    cdef size_t recall(self, Item* item, token_t* ids) noexcept nogil
    cdef void remember(self, Item* item, const token_t* ids, size_t count) noexcept nogil
    # Double the table where words were lost; lines that were asked for before are no longer valid.
    cdef void grow(self) noexcept nogil


cdef inline void look_up(Item* item, Entry* entries, int shift) noexcept nogil:
    """Ask for the line of an item's key."""
    item.line = &entries[mix_key(item.low, item.high) >> shift << 1]
    prefetch(item.line)


cdef inline void load_short(Item* item, const uint8_t* word, size_t size, bint readable) noexcept nogil:
    """The key of a word of 1 to SHORT_KEY bytes; `readable` says that 16 bytes may be read from `word`."""
    cdef uint64_t both[2]
    if readable:
        memcpy(both, word, 16)
    else:
        both[0] = both[1] = 0
        memcpy(both, word, size)
    item.low = both[0] & KEY_MASKS[size][0]
    item.high = (both[1] & KEY_MASKS[size][1]) | <uint64_t>size << 56
    item.word = word


cdef inline void load_long(Item* item, const uint8_t* word, size_t size) noexcept nogil:
    """The key of a word of SHORT_KEY + 1 to LONG_WORD bytes: a hash of 16 bytes a step, the last step up to its end."""
    cdef uint64_t both[2]
    cdef uint64_t hash = size
    cdef size_t i = 0
    while i + 16 < size:
        memcpy(both, word + i, 16)
        hash = mix_key(hash ^ both[0], both[1])
        i += 16
    memcpy(both, word + size - 16, 16)
    item.low = mix_key(hash ^ both[0], both[1])
    item.high = <uint64_t>size << 56
    item.word = word


cdef inline size_t unpack(const Entry* entry, token_t* ids) noexcept nogil:
    """The ids of an entry that is PACKED, into room for PACKED_IDS; how many."""
    cdef uint64_t both[2]
    memcpy(both, entry.ids, 16)
    ids[0] = both[0] & PACKED_MASK
    ids[1] = both[0] >> 20 & PACKED_MASK
    ids[2] = both[0] >> 40 & PACKED_MASK
    ids[3] = (both[0] >> 60 | both[1] << 4) & PACKED_MASK
    ids[4] = both[1] >> 16 & PACKED_MASK
    ids[5] = both[1] >> 36 & PACKED_MASK
    return both[1] >> 56 & 7


cdef inline bint pack(Entry* entry, const token_t* ids, size_t count) noexcept nogil:
    """Make an entry PACKED; False if its ids do not fit."""
    cdef uint64_t all[PACKED_IDS]
    cdef uint64_t both[2]
    cdef size_t i
    if count > PACKED_IDS:
        return False
    for i in range(PACKED_IDS):
        all[i] = ids[i] if i < count else 0
        if all[i] > PACKED_MASK:
            return False
    both[0] = all[0] | all[1] << 20 | all[2] << 40 | all[3] << 60
    both[1] = all[3] >> 4 | all[4] << 16 | all[5] << 36 | (PACKED | count) << 56
    memcpy(entry.ids, both, 16)
    return True


cdef inline void look_up_part(Item* item, Entry* entries, int shift, Entry* chars, size_t size) noexcept nogil:
    """As `look_up` for a part of a long word, whose entry is in `chars` if it has three bytes.

    There the entry is the first or the second of a line by the last bit of the code point. The table is selected by a
    mask: three bytes or not is a coin toss, which a branch would mispredict half of the time.
    """
    cdef uint64_t point = (item.low & 0x0F) << 12 | (item.low >> 8 & 0x3F) << 6 | (item.low >> 16 & 0x3F)
    cdef uint64_t line = <uint64_t>&entries[mix_key(item.low, item.high) >> shift << 1]
    cdef uint64_t char_line = <uint64_t>&chars[point & ~<uint64_t>1]
    cdef uint64_t mask = 0 - <uint64_t>(size == 3)
    item.line = <Entry*>(line ^ ((line ^ char_line) & mask))
    prefetch(item.line)


cdef inline size_t size_of(const Item* item) noexcept nogil:
    """The bytes of an item's word."""
    return item.high >> 56
