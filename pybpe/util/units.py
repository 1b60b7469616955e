"""Sizes, times and rates as short text."""

from __future__ import annotations


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
    """'4 ms', '0.84 s', '12.3 s', '3 min 20 s'."""
    if time_taken < 0.0995:
        return f"{time_taken * 1000:.0f} ms"
    if time_taken < 9.995:
        return f"{time_taken:.2f} s"
    if time_taken < 99.95:
        return f"{time_taken:.1f} s"
    return f"{int(time_taken) // 60} min {int(time_taken) % 60:02d} s"


def rate(n_bytes: float, time_taken: float) -> str:
    """Return bytes per second with the unit: '95 MB/s'."""
    return f"{size(n_bytes / max(time_taken, 1e-9))}/s"


def ratio(n_bytes: int, n_tokens: int) -> str:
    """Return bytes per token: '4.02', or '-' if there are no tokens."""
    return f"{n_bytes / n_tokens:.2f}" if n_tokens else "-"
