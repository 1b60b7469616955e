"""Connections of uvicorn with time limits, so that slow clients hold nothing up.

uvicorn limits the size of a request's head, and closes connections that are idle between requests. It waits without end
for a first request, for the rest of a head, for a body that nobody reads any more, and for a client that does not read
its response. A `Connection` ends in all these cases; what else could wait has its limit in body.py and worker.py.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0  # without a request that is being answered
WRITE_SECONDS = 20.0  # until a client must have read enough of its response to be sent more
MOST_CONNECTIONS = 512
SPARE_FILES = 128  # of those that the process may open, for all else


@functools.cache
def most_connections() -> int:
    """Return how many connections there may be: 512, fewer where the process may not open so many files."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return MOST_CONNECTIONS
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files < 0 else max(16, min(MOST_CONNECTIONS, files - SPARE_FILES))


class Connection(H11Protocol):
    """A connection that ends if its client sends no request in time or does not read its response.

    Beyond `most_connections`, the connection that has waited longest without a request is closed for a new one.
    """

    head_seconds, write_seconds = HEAD_SECONDS, WRITE_SECONDS
    most: int | None = None  # connections; None: most_connections()
    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    @property
    def _answering(self) -> bool:
        """True while a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait_for_head()
        if len(self.connections) > (self.most or most_connections()):
            idle = [each for each in self.connections if isinstance(each, Connection) and not each._answering]
            timers = [(each._head_timer.when(), each) for each in idle if each._head_timer is not None]
            min(timers, key=lambda pair: pair[0])[1]._abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End all timers."""
        self._stop("_head_timer")
        self._stop("_write_timer")
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Handle what has arrived; no more waiting for a head while a request is being answered."""
        super().handle_events()
        if self._answering:
            self._stop("_head_timer")

    def on_response_complete(self) -> None:
        """Begin to wait for the next request, or for the rest of a body that was not wanted."""
        self._wait_for_head()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._stop("_write_timer")
        self._write_timer = self.loop.call_later(self.write_seconds, self._abort)

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._stop("_write_timer")
        super().resume_writing()

    def _wait_for_head(self) -> None:
        self._stop("_head_timer")
        self._head_timer = self.loop.call_later(self.head_seconds, self._abort)

    def _stop(self, name: str) -> None:
        timer = getattr(self, name)
        if timer is not None:
            timer.cancel()
            setattr(self, name, None)

    def _abort(self) -> None:
        """Close the connection at once, without waiting for the client to read what was sent."""
        self.connections.discard(self)
        self.transport.abort()
