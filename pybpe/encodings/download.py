"""Files from the network, by urllib alone: only what is asked for, and only if it is what was published."""

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
    """The content of a file of this size and sha256. Raises DownloadError, with the reason in one line."""
    from http.client import HTTPException
    from urllib.request import Request, urlopen  # here, because it takes longer to import than pybpe

    try:
        with urlopen(Request(url, headers={"User-Agent": "pybpe"}), timeout=TIMEOUT) as response:
            if urlsplit(response.url).scheme != urlsplit(url).scheme:
                raise DownloadError(f"{url} leads to {response.url}, which is not as safe")
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
        raise DownloadError(f"{url} gave a file with another sha256 than the one published, {sha256[:12]}...")
    return content


def _read(response: _Body, n_bytes: int) -> bytes:
    """The body, or so much of it that it is seen to be too long."""
    content = bytearray()
    while len(content) <= n_bytes and (block := response.read(min(BLOCK, n_bytes + 1 - len(content)))):
        content += block
    return bytes(content)
