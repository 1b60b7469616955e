"""Run the server: its socket, its signals, and its end."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import uvicorn

from pybpe.gpt.serve.app import Api, Limits
from pybpe.gpt.serve.connections import Connection
from pybpe.gpt.serve.metrics import Metrics
from pybpe.gpt.serve.security import Guard, Hosts, harmless
from pybpe.gpt.serve.served import ModelCard, Served
from pybpe.gpt.serve.worker import Worker

if TYPE_CHECKING:
    from pybpe.sandbox import Sandbox

GRACE_SECONDS = 3.0  # for answers to end by themselves after SIGTERM or Ctrl-C
BACKLOG = 1024  # connections that the operating system holds until they are accepted


@dataclass(frozen=True)
class ServerSettings:
    """The settings of a server. See Worker, Limits, Guard and Hosts for their meaning."""

    host: str = "127.0.0.1"
    port: int = 8000
    slots: int | None = None
    queue: int = 64
    key: str | None = None
    allowed_hosts: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)


class Server:
    """A server with its socket, which is bound when it is made: OSError if the port is taken.

    load: opens the model, in a thread, after the server has begun to answer. tool: runs Python code, None for no tool.
    """

    def __init__(
        self, name: str, load: Callable[[], Served], settings: ServerSettings | None = None, tool: Sandbox | None = None
    ) -> None:
        self.settings = settings = settings or ServerSettings()
        self._socket = bind(settings.host, settings.port)
        self.host, self.port = settings.host, int(self._socket.getsockname()[1])
        metrics = Metrics()
        self.worker = Worker(
            load,
            slots=settings.slots,
            queue=settings.queue,
            tool=tool,
            tool_seconds=settings.limits.tools.seconds,
            metrics=metrics,
            on_failure=self.stop,
        )
        api = Api(self.worker, ModelCard(name), settings.limits)
        hosts = Hosts(settings.host, self.port, settings.allowed_hosts)
        config = uvicorn.Config(
            Guard(api.app, hosts, settings.key, metrics),
            loop="asyncio",
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=int(Connection.head_seconds),
            timeout_graceful_shutdown=int(GRACE_SECONDS) + 2,
        )
        self._uvicorn = _Uvicorn(config, self.worker)

    @property
    def url(self) -> str:
        """The address of the page; that of the API is this with /v1."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def run(self) -> None:
        """Serve until `stop` is called, or a signal comes: SIGTERM or Ctrl-C, in the main thread.

        Answers then have GRACE_SECONDS to end. The signal is raised again when all is over. If the model could not be
        loaded, its error is raised.
        """
        self.worker.start()
        try:
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self._socket.close()
            self.worker.stop()
            self.worker.join(GRACE_SECONDS)
            if self.worker.failure is not None:
                raise self.worker.failure

    def stop(self) -> None:
        """Let `run` end, as a signal does; any thread may call it."""
        self._uvicorn.should_exit = True


class _Uvicorn(uvicorn.Server):
    """uvicorn's server, which ends the answers when it shuts down."""

    def __init__(self, config: uvicorn.Config, worker: Worker) -> None:
        super().__init__(config)
        self._worker = worker

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let running answers end for GRACE_SECONDS, then end them with an error."""
        self._worker.close_queue()
        timer = asyncio.get_running_loop().call_later(GRACE_SECONDS, self._worker.stop)
        await super().shutdown(sockets)
        timer.cancel()


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens on a host and a port, 0 for any free one. OSError says what is wrong."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except socket.gaierror as error:
        raise OSError(f"the host {host!r} is not known: {error.strerror}; use an address of this machine") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"cannot listen on {host} port {port}: {reason}; choose another with --port") from None


class EscapingFormatter(logging.Formatter):
    """Formats a record of the log; control characters of each of its lines are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return "\n".join(harmless(line) for line in super().format(record).split("\n"))
