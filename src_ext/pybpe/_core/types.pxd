# The widths of the project, each with one name.
from libc.stdint cimport int64_t, uint32_t, uint64_t

ctypedef uint32_t token_t  # a token id
ctypedef int64_t count_t  # how often something occurs; never 32-bit
ctypedef uint64_t pair_t  # two adjacent ids: left << 32 | right


cdef extern from *:
    """
    #define PYBPE_NONE 0xFFFFFFFFu
    """
    const uint32_t NONE "PYBPE_NONE"  # no token, no rank, no position


cdef inline pair_t pack_pair(token_t left, token_t right) noexcept nogil:
    return (<pair_t>left << 32) | right
