# Allocation that cannot overflow, and prefetch. Memory has one owner: the cdef class that calls these and frees in
# __dealloc__.
from libc.stdint cimport SIZE_MAX
from libc.stdlib cimport calloc, free, malloc, realloc


cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define PYBPE_PREFETCH(address) __builtin_prefetch(address)
    #else
    #define PYBPE_PREFETCH(address) ((void)0)
    #endif
    """
    void prefetch "PYBPE_PREFETCH"(const void* address) noexcept nogil


cdef inline void* allocate(size_t count, size_t size) except NULL:
    """`count * size` bytes (never zero of them), or MemoryError."""
    if size != 0 and count > SIZE_MAX // size:
        raise MemoryError(f"cannot allocate {count} x {size} bytes")
    cdef void* block = malloc(count * size if count * size else 1)
    if block == NULL:
        raise MemoryError(f"cannot allocate {count * size} bytes")
    return block


cdef inline void* allocate_zeros(size_t count, size_t size) except NULL:
    """As `allocate`, filled with zero bytes."""
    cdef void* block = calloc(count if count else 1, size)  # calloc checks the product itself
    if block == NULL:
        raise MemoryError(f"cannot allocate {count} x {size} bytes")
    return block


cdef inline void* grow(void* block, size_t* capacity, size_t needed, size_t size) noexcept nogil:
    """`block` with room for `needed` items, its capacity at least doubled; NULL, and `block` intact, on failure."""
    cdef size_t wanted = capacity[0] * 2
    cdef void* grown
    if wanted < needed:
        wanted = needed
    if wanted < 64:
        wanted = 64
    if wanted > SIZE_MAX // 2 // size:
        return NULL
    grown = realloc(block, wanted * size)
    if grown != NULL:
        capacity[0] = wanted
    return grown
