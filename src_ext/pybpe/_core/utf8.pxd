# Text that callers pass, as bytes of UTF-8.
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from cpython.exc cimport PyErr_Clear, PyErr_ExceptionMatches
from libc.stdint cimport uint8_t

cdef extern from "Python.h":
    const char* as_utf8 "PyUnicode_AsUTF8AndSize"(object text, Py_ssize_t* n) noexcept  # the caller looks for NULL


cdef inline const uint8_t* utf8_of(text, Py_ssize_t* n) except NULL:
    """The UTF-8 form of a str, in place where it is ASCII, or the bytes as they are. The caller keeps `text` alive."""
    if isinstance(text, str):
        return <const uint8_t*>PyUnicode_AsUTF8AndSize(text, n)
    if isinstance(text, bytes):
        n[0] = PyBytes_GET_SIZE(text)
        return <const uint8_t*>PyBytes_AS_STRING(text)
    raise TypeError(f"text must be str or bytes, not {type(text).__name__}")


cdef inline const uint8_t* utf8_or_null(text, Py_ssize_t* n) except? NULL:
    """As `utf8_of`; NULL without an exception for a str with a lone surrogate."""
    cdef const uint8_t* data
    if not isinstance(text, str):
        return utf8_of(text, n)
    data = <const uint8_t*>as_utf8(text, n)
    if data == NULL and PyErr_ExceptionMatches(UnicodeEncodeError):
        PyErr_Clear()
    return data
