"""Errors of the server, as OpenAI's objects: {"error": {"message", "type", "param", "code"}}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
RETRY_AFTER = {"Retry-After": "1"}  # seconds until a client should try again


class ApiError(Exception):
    """An error that is sent to the client.

    status: of HTTP, 400 or above. code: a short name of the error for programs. param: the field of the request that is
    wrong, such as "messages". headers: further headers of the response.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.headers = dict(headers or {})

    def as_json(self) -> dict[str, Any]:
        """Return OpenAI's error object.

        >>> ApiError(400, "n is 0; it must be at least 1", param="n").as_json()["error"]["type"]
        'invalid_request_error'
        """
        kind = TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def invalid(message: str, param: str | None = None, code: str | None = "invalid_value") -> ApiError:
    """Return the error for a request with a wrong value."""
    return ApiError(400, message, code, param=param)


def queue_full() -> ApiError:
    """Return the error for a request that the queue has no place for."""
    return ApiError(429, "all places in the queue are taken; try again in a moment", "queue_full", headers=RETRY_AFTER)


def shutting_down() -> ApiError:
    """Return the error for requests that are open when the server ends."""
    return ApiError(503, "the server is shutting down", "shutting_down", headers=RETRY_AFTER)


def too_slow() -> ApiError:
    """Return the error for a client that does not read its answer."""
    return ApiError(408, "the client reads its answer too slowly", "client_too_slow")


def loading() -> ApiError:
    """Return the error for requests that come before the model is loaded."""
    return ApiError(503, "the model is still loading; try again in a moment", "model_loading", headers=RETRY_AFTER)
