from libc.stdint cimport INT64_MAX, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from pybpe._core.memory cimport allocate, allocate_zeros
from pybpe._core.spellings cimport Spellings
from pybpe._core.types cimport NONE, count_t, token_t


cdef inline token_t symbol_at(const uint8_t* blob, const token_t* symbols, size_t k) noexcept nogil:
    """Symbol k of the words, whose ids are `symbols` or, of bytes, stand in `symbols` by byte."""
    return symbols[k] if blob == NULL else symbols[blob[k]]


cdef inline size_t after_word(size_t slot) noexcept nogil:
    """Where the word after one that ends at `slot` begins."""
    return (slot + ALIGNED) & ~<size_t>(ALIGNED - 1)


cdef class Slots:
    cdef size_t measure(
        self, const uint8_t* blob, const token_t* symbols, size_t n_symbols, const uint32_t[::1] sizes,
        const count_t[::1] counts, size_t n_tokens
    ) except 0:
        """How many slots there will be, after a look at every word."""
        cdef size_t i, k, read = 0, slot = ALIGNED
        cdef token_t symbol
        self.windows = 0
        for i in range(<size_t>sizes.shape[0]):
            if counts[i] < 1:
                raise ValueError(f"word {i} has the count {counts[i]}, must be at least 1")
            if sizes[i] < 1 or sizes[i] > n_symbols - read:
                raise ValueError(f"word {i} has {sizes[i]} symbols, of {n_symbols - read} that are left")
            for k in range(read, read + sizes[i]):
                symbol = symbol_at(blob, symbols, k)
                if symbol >= n_tokens or self.spans[symbol] == 0:
                    raise ValueError(f"symbol {symbol} is not a token")
                slot += self.spans[symbol]
            slot = after_word(slot)
            read += sizes[i]
            self.windows += int(counts[i]) * (sizes[i] - 1)
        if read != n_symbols:
            raise ValueError(f"the words have {read} symbols, but there are {n_symbols}")
        if slot >= NONE:
            raise ValueError("the different words have 4 GiB or more together: give max_words, or fewer words")
        if self.windows > INT64_MAX:  # no count of a pair can be higher than this
            raise OverflowError("the corpus has 2**63 or more pairs")
        return slot

    cdef int lay_out(
        self, const uint8_t* blob, const token_t* symbols, const uint32_t[::1] sizes, const count_t[::1] counts
    ) except -1:
        """Give every word its slots."""
        cdef size_t i, k, read = 0, slot = ALIGNED, begin, n_heavy = 0
        cdef uint32_t weight, span
        cdef token_t symbol
        for i in range(<size_t>sizes.shape[0]):
            weight = <uint32_t>counts[i]
            if counts[i] >= HEAVY:
                self.heavy[n_heavy] = counts[i]
                weight = <uint32_t>(HEAVY + n_heavy)
                n_heavy += 1
            begin = slot
            for k in range(read, read + sizes[i]):
                symbol = symbol_at(blob, symbols, k)
                span = self.spans[symbol]
                self.symbols[slot] = symbol
                self.symbols[slot + span - 1] = symbol
                slot += span
            for k in range(begin // ALIGNED, (slot - 1) // ALIGNED + 1):
                self.weights[k] = weight
            slot = after_word(slot)
            read += sizes[i]
        return 0

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(
        self, Spellings tokens not None, size_t most_tokens, const token_t[::1] symbols not None,
        const uint32_t[::1] sizes not None, const count_t[::1] counts not None, const uint8_t[::1] blob=None
    ):
        cdef const uint8_t* content = NULL
        cdef const token_t* ids = &symbols[0] if symbols.shape[0] else NULL
        cdef size_t i, n_heavy = 0, n_symbols = <size_t>symbols.shape[0]
        if counts.shape[0] != sizes.shape[0]:
            raise ValueError(f"there are {sizes.shape[0]} words and {counts.shape[0]} counts")
        if blob is not None:
            if symbols.shape[0] != 256:
                raise ValueError(f"there are {symbols.shape[0]} ids of bytes, must be 256")
            n_symbols = <size_t>blob.shape[0]
            content = &blob[0] if n_symbols else NULL
        self.spans = <uint32_t*>allocate_zeros(most_tokens + 1, sizeof(uint32_t))
        for i in range(tokens.count):
            self.spans[i] = <uint32_t>tokens.size_of(<token_t>i)
        self.count = self.measure(content, ids, n_symbols, sizes, counts, tokens.count)
        self.symbols = <token_t*>allocate(self.count + 1, sizeof(token_t))
        memset(self.symbols, 0xFF, (self.count + 1) * sizeof(token_t))
        self.weights = <uint32_t*>allocate_zeros(self.count // ALIGNED + 1, sizeof(uint32_t))
        for i in range(<size_t>counts.shape[0]):
            n_heavy += counts[i] >= HEAVY
        self.heavy = <count_t*>allocate(n_heavy, sizeof(count_t))
        self.lay_out(content, ids, sizes, counts)

    def __dealloc__(self):
        free(self.symbols)
        free(self.weights)
        free(self.heavy)
        free(self.spans)
