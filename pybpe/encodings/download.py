"""Downloads with urllib: a file of known size and sha256."""

from __future__ import annotations

import hashlib
from typing import Protocol
from urllib.parse import urlsplit

from pybpe.errors import DownloadError

TIMEOUT = 30  # seconds without a byte
BLOCK = 1 << 16


class _Body(Protocol):
    def read(self, size: int, /) -> bytes: ...


def fetch(url: str, n_bytes: int, sha256: str) -> bytes:
    """Return the content of a file, which must have `n_bytes` bytes and this sha256.

    Raises DownloadError with a reason of one line.
    """
    from http.client import HTTPException
    from urllib.request import Request, urlopen  # here, because it takes longer to import than pybpe

    try:
        with urlopen(Request(url, headers={"User-Agent": "pybpe"}), timeout=TIMEOUT) as response:
            if urlsplit(response.url).scheme != urlsplit(url).scheme:
                raise DownloadError(f"{url} redirects to {response.url}, which has another scheme")
            content = _read(response, n_bytes)
    except (HTTPException, OSError) as error:  # URLError, timeouts and lost connections are OSErrors
        if isinstance(error, DownloadError):
            raise
        reason = str(getattr(error, "reason", "") or error) or type(error).__name__
        raise DownloadError(f"{url} cannot be read: {' '.join(reason.split())}") from None
    if len(content) != n_bytes:
        more = "more than" if len(content) > n_bytes else f"only {len(content):,} of"
        raise DownloadError(f"{url} gave {more} {n_bytes:,} bytes")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DownloadError(f"{url} gave a file whose sha256 is not the published one, {sha256[:12]}...")
    return content


def _read(response: _Body, n_bytes: int) -> bytes:
    """Return the body of a response, at most n_bytes + 1 bytes of it: enough to see that it is too long."""
    content = bytearray()
    while len(content) <= n_bytes and (block := response.read(min(BLOCK, n_bytes + 1 - len(content)))):
        content += block
    return bytes(content)
