"""A queue from the thread of the model to the task of a request."""

from __future__ import annotations

import asyncio
from collections import deque

from pybpe.gpt.serve.errors import too_slow
from pybpe.gpt.serve.jobs import Item

MOST_ITEMS = 4096  # that wait to be sent; a client that reads more slowly is dropped


class Mailbox:
    """Items of the answers of one request: put by the thread of the model, taken by the task of the request.

    It belongs to the event loop that it is made in.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._items: deque[tuple[int, Item]] = deque()
        self.closed = self._full = False

    def put(self, index: int, item: Item) -> bool:
        """Put an item of the choice with this index; any thread may do so.

        Returns False if nobody takes items, or too many wait to be taken; an error is then the last item.
        """
        if self.closed or self._full:
            return False
        self._full = len(self._items) >= MOST_ITEMS
        self._items.append((index, too_slow() if self._full else item))
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError:  # the loop has ended
            return False
        return not self._full

    async def take(self) -> list[tuple[int, Item]]:
        """Return all items that have come, at least one; none if the client has gone away."""
        while not self._items and not self.closed:
            self._arrived.clear()
            if not self._items:
                await self._arrived.wait()
        if self.closed:
            return []
        return [self._items.popleft() for _ in range(len(self._items))]

    def close(self) -> None:
        """Take no more items: the client has gone away. Called in the event loop."""
        self.closed = True
        self._arrived.set()
