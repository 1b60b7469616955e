"""The queue from the thread of the model to the task of a request."""

import asyncio
import threading

from pybpe.gpt.serve import mailbox
from pybpe.gpt.serve.mailbox import Mailbox
from pybpe.gpt.serve.stops import Piece


def test_items_of_several_threads_all_arrive_in_order():
    async def run():
        box, found = Mailbox(), []

        def put(index):
            for number in range(500):
                assert box.put(index, Piece("text", str(number)))

        threads = [threading.Thread(target=put, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        while len(found) < 2000:
            items = await asyncio.wait_for(box.take(), 60)
            assert items
            found += items
        for thread in threads:
            thread.join()
        return found

    found = asyncio.run(run())
    for index in range(4):
        assert [int(item.text) for place, item in found if place == index] == list(range(500))


def test_a_mailbox_that_nobody_empties_takes_no_more(monkeypatch):
    monkeypatch.setattr(mailbox, "MOST_ITEMS", 3)

    async def run():
        box = Mailbox()
        taken = [box.put(0, Piece("text", "a")) for _ in range(5)]
        assert taken == [True, True, True, False, False]
        *pieces, error = [item for _, item in await box.take()]
        assert pieces == [Piece("text", "a")] * 3
        assert error.code == "client_too_slow"
        assert not box.put(0, Piece("text", "a"))  # what was left out is missing, so nothing can follow

    asyncio.run(run())


def test_a_closed_mailbox():
    async def run():
        box = Mailbox()
        waiting = asyncio.ensure_future(box.take())
        await asyncio.sleep(0)
        box.put(0, Piece("text", "a"))
        box.close()
        assert await asyncio.wait_for(waiting, 60) == []
        assert not box.put(0, Piece("text", "a"))
        return box

    box = asyncio.run(run())
    box.closed = False
    assert not box.put(0, Piece("text", "a"))  # its loop has ended
