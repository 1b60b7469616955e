"""Checks of Host, Origin and key before each request, and the log after it.

A page of a stranger, open in a browser on this machine, can send requests to a server on localhost. It cannot forge
Host and Origin, so requests with others than the server's own are refused; there are no CORS headers.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import time
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pybpe.gpt.serve.errors import ApiError
from pybpe.gpt.serve.metrics import Metrics

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
WILDCARDS = ("0.0.0.0", "::", "")
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ROUTES = ("/", "/health", "/metrics", "/v1/chat/completions", "/v1/completions", "/v1/models")  # counted by name
OTHER_ROUTE = "other"
_log = logging.getLogger("pybpe.serve")


def harmless(text: str) -> str:
    r"""Return text for the log with all control characters escaped.

    >>> harmless("/v1\x1b[2J\n")
    '/v1\\x1b[2J\\n'
    """
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


class Hosts:
    """The names of the server that requests may use, as they stand in the header Host.

    host, port: what the server listens on; localhost and 127.0.0.1 always count. others: further names, as
    "example.com" or "example.com:8080". A server that listens on all addresses also takes numeric ones: a name that a
    stranger has bound to this machine's address (DNS rebinding) is not numeric.

    >>> hosts = Hosts("127.0.0.1", 8000)
    >>> hosts.allows("localhost:8000"), hosts.allows("evil.example:8000"), hosts.allows("localhost:80")
    (True, False, False)
    """

    def __init__(self, host: str, port: int, others: Collection[str] = ()) -> None:
        own = f"[{host}]" if ":" in host else host
        names = {f"{name}:{port}".lower() for name in (own, *LOOPBACK, *others)} | {name.lower() for name in others}
        self._names = names | {name.removesuffix(":80") for name in names if port == 80}
        self._port, self._any_number = port, host in WILDCARDS

    def allows(self, value: str) -> bool:
        """Return True if a value of the header Host is allowed."""
        value = value.lower()
        if value in self._names:
            return True
        if not self._any_number:
            return False
        name, _, port = value.rpartition(":")
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return port == str(self._port)


class Guard:
    """An ASGI application around another: it checks each request before the other sees it, counts it and logs it.

    key: that clients must send to all paths but the page and /health, None if anybody may ask.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, key: str | None, metrics: Metrics) -> None:
        self._app, self._hosts, self._metrics = app, hosts, metrics
        self._key = None if key is None else key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        began, status, complete = time.monotonic(), 0, False

        async def sending(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            complete = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, receive, sending)
        except ApiError as error:
            await error_response(error)(scope, receive, sending)
        except Exception:
            _log.exception("a request failed")
            if not complete:  # the end of the connection tells the client
                raise
        finally:
            path = scope["path"]
            self._metrics.request(path if path in ROUTES else OTHER_ROUTE, status)
            line = f"{scope['method']} {path} {status or 'gone'} {(time.monotonic() - began) * 1000:.0f} ms"
            _log.info("%s", harmless(line[:500]))

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._hosts.allows(hosts[0]):
            raise ApiError(
                403,
                f"the host {', '.join(hosts)[:100]!r} is not this server's; start it with --allow-host to allow it",
                "host_not_allowed",
            )
        for origin in headers.getlist("origin"):
            if origin.lower() not in (f"http://{hosts[0].lower()}", f"https://{hosts[0].lower()}"):
                raise ApiError(403, f"pages of {origin[:100]!r} may not use this server", "origin_not_allowed")
        path = scope["path"]
        if self._key is not None and path not in ("/", "/health") and not self._has_key(headers):
            raise ApiError(
                401,
                "the API key is missing or wrong; send it as: Authorization: Bearer KEY",
                "invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _has_key(self, headers: Headers) -> bool:
        kind, _, sent = headers.get("authorization", "").partition(" ")
        # Bytes of the header are read as Latin-1. compare_digest takes the same time wherever the first difference is.
        right = hmac.compare_digest(sent.strip().encode("latin-1", "replace"), self._key or b"")
        return kind.lower() == "bearer" and right


def error_response(error: ApiError) -> Response:
    """Return the response for an error."""
    return JSONResponse(error.as_json(), status_code=error.status, headers=error.headers)
