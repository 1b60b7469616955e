"""Sizes, times and rates as short text."""

from __future__ import annotations

_YEAR = 365 * 86400
_MANY_YEARS = 100 * _YEAR
# Seconds, names of one and of several, and the digits behind a larger unit.
_UNITS = (
    (_YEAR, "year", "years", 1),
    (86400, "day", "days", 1),
    (3600, "h", "h", 1),
    (60, "min", "min", 2),
    (1, "s", "s", 2),
)


def size(n_bytes: float) -> str:
    """Return a number of bytes with its unit, in powers of 1000: '465 KB', '1.2 GB'."""
    if n_bytes < 1000:
        return f"{n_bytes:.0f} bytes"
    for unit in ("KB", "MB", "GB", "TB"):
        n_bytes /= 1000
        if n_bytes < 999.5 or unit == "TB":
            break
    return f"{n_bytes:.1f} {unit}" if n_bytes < 9.95 else f"{n_bytes:.0f} {unit}"


def seconds(time_taken: float) -> str:
    """Return a duration as its two largest units: '4 ms', '0.84 s', '3 min 20 s', '3 h 26 min', '5 days 2 h'.

    A year has 365 days; from 100 years on only years are given, from a million on as a power of ten.
    """
    if time_taken < 0.0995:
        return f"{time_taken * 1000:.0f} ms"
    if time_taken < 9.995:
        return f"{time_taken:.2f} s"
    if time_taken < 99.95:
        return f"{time_taken:.1f} s"
    if time_taken >= _MANY_YEARS:
        years = time_taken / _YEAR
        return f"{years:,.0f} years" if years < 1e6 else f"{years:.1e} years"
    whole = int(time_taken)
    place = next(place for place, (length, *_) in enumerate(_UNITS) if whole >= length)
    (length, one, many, _), (smaller, next_one, next_many, digits) = _UNITS[place : place + 2]
    first, second = whole // length, whole % length // smaller
    shown = f"{first} {one if first == 1 else many}"
    return f"{shown} {second:0{digits}d} {next_one if second == 1 else next_many}" if second or digits > 1 else shown


def rate(n_bytes: float, time_taken: float) -> str:
    """Return bytes per second with the unit: '95 MB/s'."""
    return f"{size(n_bytes / max(time_taken, 1e-9))}/s"


def ratio(n_bytes: int, n_tokens: int) -> str:
    """Return bytes per token: '4.02', or '-' if there are no tokens."""
    return f"{n_bytes / n_tokens:.2f}" if n_tokens else "-"
