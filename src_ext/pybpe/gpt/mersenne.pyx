"""Compute `random.gauss` of CPython for a whole array: the same uniform numbers give the same bits."""

from libc.math cimport cos, log, sin, sqrt

import numpy as np

# ---------------------------------------------------------------- C: no Python below this line, up to the door


# CPython turns two uniforms into two normals, returns the cosine's and keeps the sine's for the next call.
cdef void box_muller(double* out, const double* uniforms, size_t n) noexcept nogil:
    cdef size_t i
    cdef double angle, radius
    for i in range(0, n - 1, 2):
        angle = uniforms[i] * 6.283185307179586  # 2 pi; MSVC's math.h has no M_PI
        radius = sqrt(-2.0 * log(1.0 - uniforms[i + 1]))
        out[i] = cos(angle) * radius
        out[i + 1] = sin(angle) * radius


# ---------------------------------------------------------------- the door: everything is checked here


def normals(uniforms):
    """Convert uniform numbers in [0, 1) to standard normals, float64[n] with n even, as `random.gauss` does."""
    cdef const double[::1] given = np.ascontiguousarray(uniforms, np.float64)
    cdef size_t n = given.shape[0]
    if n % 2:
        raise ValueError("normals come in pairs: give an even number of uniforms")
    made = np.empty(n, np.float64)
    cdef double[::1] out = made
    if n > 0:
        box_muller(&out[0], &given[0], n)
    return made
