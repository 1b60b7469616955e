"""Send the answers to one request as they come, whole or as a stream, and drop them when the client goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from pybpe.gpt.serve.errors import ApiError
from pybpe.gpt.serve.jobs import Done, Item, Job
from pybpe.gpt.serve.mailbox import Mailbox
from pybpe.gpt.serve.responses import END_OF_STREAM, Choice, Writer, event
from pybpe.gpt.serve.worker import Worker


class Exchange:
    """A response of Starlette that puts jobs into the queue and sends what comes of them.

    ApiError is raised for what fails before anything was sent, so that it has its own status.
    """

    def __init__(self, worker: Worker, jobs: Sequence[Job], mailbox: Mailbox, writer: Writer) -> None:
        self._worker, self._jobs, self._mailbox, self._writer = worker, jobs, mailbox, writer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; the jobs are dropped as soon as the client has gone away."""
        self._worker.submit(self._jobs)
        watch = asyncio.ensure_future(self._watch(receive))
        try:
            if self._writer.options.stream:
                await self._stream(send)
            else:
                await self._whole(scope, receive, send)
        finally:
            watch.cancel()
            self._worker.cancel(self._jobs)

    async def _watch(self, receive: Receive) -> None:
        """Wait until the client has gone away, and drop the jobs."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._mailbox.close()
        self._worker.cancel(self._jobs)

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        choices = [Choice() for _ in self._jobs]
        while any(choice.done is None for choice in choices):
            items = await self._mailbox.take()
            if not items:
                return
            for index, item in items:
                if isinstance(item, ApiError):
                    raise item
                if isinstance(item, Done):
                    choices[index].done = item
                else:
                    choices[index].pieces.append(item)
        await JSONResponse(self._writer.whole(choices))(scope, receive, send)

    async def _stream(self, send: Send) -> None:
        items = await self._mailbox.take()
        failed = next((item for _, item in items if isinstance(item, ApiError)), None)
        if failed is not None:
            raise failed
        if not items:
            return
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
        headers.append((b"x-accel-buffering", b"no"))  # proxies shall pass each event on at once
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        first = [chunk for index in range(len(self._jobs)) for chunk in self._writer.first(index)]
        await self._events(send, [event(chunk) for chunk in first])
        choices, lengths = [Choice() for _ in self._jobs], [0] * len(self._jobs)
        while items:
            events, ended = self._take(items, choices, lengths)
            await self._events(send, events)
            if ended:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            items = await self._mailbox.take()

    def _take(
        self, items: Sequence[tuple[int, Item]], choices: list[Choice], lengths: list[int]
    ) -> tuple[list[bytes], bool]:
        """Return (the events of items, True if the stream ends with them)."""
        events: list[bytes] = []
        for index, item in items:
            if isinstance(item, ApiError):
                return [*events, event(item.as_json())], True
            if isinstance(item, Done):
                choices[index].done = item
                events.append(event(self._writer.last(index, item)))
            else:
                events.append(event(self._writer.chunk(index, item, lengths[index])))
                lengths[index] += len(item.text)
        ended = all(choice.done is not None for choice in choices)
        if ended:
            if self._writer.options.include_usage:
                events.append(event(self._writer.usage_chunk(choices)))
            events.append(END_OF_STREAM)
        return events, ended

    async def _events(self, send: Send, events: Sequence[bytes]) -> None:
        if events:
            await send({"type": "http.response.body", "body": b"".join(events), "more_body": True})
