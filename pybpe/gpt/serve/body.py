"""Read the body of a request within limits of kind, bytes and time."""

from __future__ import annotations

import anyio
from starlette.requests import ClientDisconnect, Request

from pybpe.gpt.serve.errors import ApiError, queue_full

MOST_BODY = 1 << 20  # bytes of a body
MOST_BODIES = 64 << 20  # bytes of all bodies that are being read
BODY_SECONDS = 30.0  # until a body must be there


class Bodies:
    """Reads bodies; it counts the bytes of all that are read at once.

    most: bytes of a body. seconds: until it must be there.
    """

    def __init__(self, most: int = MOST_BODY, seconds: float = BODY_SECONDS) -> None:
        self._most, self._seconds = most, seconds
        self._held = 0  # bytes of all bodies

    async def read(self, request: Request) -> bytes:
        """Return the body of a request. ApiError if it is not JSON by its headers, too large, or too slow."""
        self._check_headers(request)
        body = bytearray()
        try:
            with anyio.fail_after(self._seconds):
                async for chunk in request.stream():
                    self._held += len(chunk)
                    body += chunk
                    if len(body) > self._most:
                        raise self._too_large()
                    if self._held > MOST_BODIES:
                        raise queue_full()
        except TimeoutError:
            message = f"the body did not arrive within {self._seconds:g} seconds"
            raise ApiError(408, message, "request_timeout", headers={"Connection": "close"}) from None
        except ClientDisconnect:
            raise ApiError(400, "the client went away before its body was read", "client_disconnected") from None
        finally:
            self._held -= len(body)
        return bytes(body)

    def _check_headers(self, request: Request) -> None:
        kind = request.headers.get("content-type", "")
        media, _, parameters = kind.partition(";")
        charset = parameters.strip().lower().replace('"', "")
        if media.strip().lower() != "application/json" or charset not in ("", "charset=utf-8", "charset=utf8"):
            raise ApiError(
                415, f"the content type is {kind[:100]!r}; it must be application/json", "unsupported_media_type"
            )
        encoding = request.headers.get("content-encoding", "identity")
        if encoding.strip().lower() != "identity":
            raise ApiError(
                415,
                f"the content encoding {encoding[:100]!r} is not supported; send plain JSON",
                "unsupported_encoding",
            )
        length = request.headers.get("content-length", "")
        if length.isdigit() and (len(length) > 18 or int(length) > self._most):
            raise self._too_large()

    def _too_large(self) -> ApiError:
        return ApiError(413, f"the body is too large; at most {self._most:,} bytes are allowed", "body_too_large")
