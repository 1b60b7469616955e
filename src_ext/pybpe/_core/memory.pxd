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


cdef extern from *:
    """
    #include <stdint.h>
    #include <stdlib.h>
    /* Large tables that are read here and there: on Linux in large pages where the system gives them, which means
       fewer faults and fewer misses of the page table. Elsewhere from calloc. */
    #if defined(__linux__)
    #include <sys/mman.h>
    #define PYBPE_MAPS 1 /* memory that is taken and not touched costs nothing */
    #define PYBPE_HUGE ((size_t)2 << 20)
    static inline void *pybpe_map_zeros(size_t size) {
        /* From a multiple of PYBPE_HUGE on; what is too much before and behind goes back. */
        const size_t whole = size + PYBPE_HUGE;
        char *block = (char *)mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        size_t before;
        if (block == (char *)MAP_FAILED) return NULL;
        before = (size_t)(((uintptr_t)block + PYBPE_HUGE - 1) & ~(uintptr_t)(PYBPE_HUGE - 1)) - (size_t)(uintptr_t)block;
        if (before) munmap(block, before);
        munmap(block + before + size, whole - before - size);
    #ifdef MADV_HUGEPAGE
        if (size >= PYBPE_HUGE) (void)madvise(block + before, size, MADV_HUGEPAGE);
    #endif
        return block + before;
    }
    static inline void pybpe_unmap(void *block, size_t size) {
        if (block != NULL) munmap(block, size);
    }
    /* One block that is no longer needed is kept, because fresh memory costs more than what is done with it: the system
       clears it page by page. The system may take its pages at any time (MADV_FREE). Its size is in its first bytes. */
    #define PYBPE_SPARE_MOST ((size_t)256 << 20)
    static void *pybpe_spare;
    static inline void pybpe_retire(void *block, size_t size) {
        if (size <= PYBPE_SPARE_MOST) {
    #ifdef MADV_FREE
            (void)madvise(block, size, MADV_FREE);
    #endif
            *(size_t *)block = size;
            block = __atomic_exchange_n(&pybpe_spare, block, __ATOMIC_ACQ_REL);
            if (block == NULL) return;
            size = *(size_t *)block;
        }
        munmap(block, size);
    }
    static inline void *pybpe_map_any(size_t size) {
        void *block = __atomic_exchange_n(&pybpe_spare, NULL, __ATOMIC_ACQ_REL), *moved;
        if (block == NULL) return pybpe_map_zeros(size);
        moved = mremap(block, *(size_t *)block, size, MREMAP_MAYMOVE);
        if (moved != MAP_FAILED) return moved;
        munmap(block, *(size_t *)block);
        return pybpe_map_zeros(size);
    }
    #else
    #define PYBPE_MAPS 0
    static inline void *pybpe_map_zeros(size_t size) {
        /* From a multiple of 64 on; the byte before it says how far it is from what calloc gave. */
        char *memory = (char *)calloc(size + 64, 1), *block;
        if (memory == NULL) return NULL;
        block = memory + 64 - ((uintptr_t)memory & 63);
        block[-1] = (char)(block - memory);
        return block;
    }
    static inline void pybpe_unmap(void *block, size_t size) {
        (void)size;
        if (block != NULL) free((char *)block - ((char *)block)[-1]);
    }
    #define pybpe_map_any pybpe_map_zeros
    #define pybpe_retire pybpe_unmap
    #endif
    """
    const bint UNTOUCHED_IS_FREE "PYBPE_MAPS"
    # `size` zero bytes, a multiple of the page size, aligned to 64 bytes at least; NULL without memory.
    void* map_zeros "pybpe_map_zeros"(size_t size) noexcept nogil
    void unmap "pybpe_unmap"(void* block, size_t size) noexcept nogil
    # The same for memory whose content does not matter, from `retire` if something was given back there.
    void* map_any "pybpe_map_any"(size_t size) noexcept nogil
    void retire "pybpe_retire"(void* block, size_t size) noexcept nogil


cdef enum:
    LARGE_TABLE = 2 << 20  # bytes: from here on a table is in large pages
    TABLE_STEP = 1 << 16  # of the bytes of such a table: a multiple of every page size


cdef inline void* allocate_table(size_t size) except NULL:
    """`size` bytes, aligned to 8 at least, for tables that are read here and there; `free_table` takes them back."""
    cdef void* block
    if size < LARGE_TABLE:
        return allocate(size, 1)
    if size > SIZE_MAX // 2:
        raise MemoryError(f"cannot allocate {size} bytes")
    block = map_zeros((size + TABLE_STEP - 1) & ~<size_t>(TABLE_STEP - 1))
    if block == NULL:
        raise MemoryError(f"cannot allocate {size} bytes")
    return block


cdef inline void free_table(void* block, size_t size) noexcept nogil:
    """Give back what `allocate_table` gave for the same size; NULL is nothing."""
    if size < LARGE_TABLE:
        free(block)
    else:
        unmap(block, (size + TABLE_STEP - 1) & ~<size_t>(TABLE_STEP - 1))
