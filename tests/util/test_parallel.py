"""How work is shared among threads, and that the threads kept for it disturb nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import Tokenizer
from pybpe.util.parallel import MAX_PARTS, bounds_of_parts, map_in_order, run_on_threads


@given(sizes=st.lists(st.integers(0, 50), max_size=60), part_size=st.integers(1, 100))
def test_parts_follow_each_other_and_are_small(sizes, part_size):
    bounds = bounds_of_parts(sizes, part_size)
    assert [number for first, last in bounds for number in range(first, last)] == list(range(len(sizes)))
    for first, last in bounds:
        assert last - first <= 1 or sum(sizes[first:last]) <= part_size


def test_there_are_not_too_many_parts():
    assert len(bounds_of_parts([1] * 100_000, 1)) <= 2 * MAX_PARTS


@given(count=st.integers(0, 30), threads=st.integers(1, 4))
def test_results_come_in_order(count, threads):
    done = map_in_order(lambda number: number * number, range(count), threads)
    assert list(done) == [number * number for number in range(count)]


def test_little_is_computed_ahead():
    begun = []
    results = map_in_order(begun.append, range(100), 2)
    next(results)
    results.close()
    assert len(begun) <= 4


def test_an_error_on_a_thread_is_the_callers():
    def fail(number: int) -> int:
        return 1 // (number - 3)

    with pytest.raises(ZeroDivisionError):
        list(map_in_order(fail, range(10), 2))


def test_threads_are_kept():
    before = {thread.ident for thread in threading.enumerate()}
    for _ in range(20):
        for future in run_on_threads(lambda: time.sleep(0.001), 3):
            future.result()
    new = [thread for thread in threading.enumerate() if thread.ident not in before]
    assert len(new) <= 3


TEXTS = ["low lower lowest newer wider \n"[: 5 + number % 25] * 60 for number in range(2000)]


@pytest.fixture(scope="module")
def tok():
    return Tokenizer.train(iter(TEXTS), 290, special_tokens=["<|a|>"], progress=False)


def test_a_thousand_short_lived_threads(tok):
    texts = TEXTS[:20]
    expected = tok.encode_batch(texts, threads=1)
    wrong = []

    def call() -> None:
        ids, offsets = tok.encode_batch_to_numpy(texts, threads=2)
        found = [ids[first:last].tolist() for first, last in zip(offsets, offsets[1:], strict=False)]
        if found != expected or tok.encode_batch(texts, threads=2) != expected:
            wrong.append(found)

    for _ in range(50):
        threads = [threading.Thread(target=call) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


@pytest.mark.parametrize("threads", [1, 2, 7, 64])
def test_batches_do_not_depend_on_the_number_of_threads(tok, threads):
    texts = [*TEXTS, "low " * 300_000, *TEXTS, "", "<|a|> low"]
    alone = [tok.encode(text, allowed_special="all") for text in texts]
    ids, offsets = tok.encode_batch_to_numpy(texts, threads=threads, allowed_special="all")
    assert [ids[first:last].tolist() for first, last in zip(offsets, offsets[1:], strict=False)] == alone
    assert tok.encode_batch(texts, threads=threads, allowed_special="all") == alone
    counts = tok.count_batch(texts[:-1], threads=threads)
    assert counts.tolist() == list(map(len, alone[:-1]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_uses_threads_after_its_parent_did(tok):
    expected = tok.encode_batch_to_numpy(TEXTS, threads=3)[0].tolist()
    child = os.fork()
    if child == 0:
        good = tok.encode_batch_to_numpy(TEXTS, threads=3)[0].tolist() == expected
        os._exit(0 if good and tok.encode_batch(TEXTS, threads=3) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert tok.encode_batch_to_numpy(TEXTS, threads=3)[0].tolist() == expected


PROGRAM = """
import atexit, sys, threading
from pybpe import Tokenizer
tok = Tokenizer.train(iter(["low lower " * 50]), 270, progress=False)
texts = ["low lower lowest " * 20_000] * 40
print(threading.active_count(), flush=True)
"""


def run(rest: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-W", "ignore", "-c", PROGRAM + rest], stdout=subprocess.PIPE, text=True)


ENDS = ["", "sys.exit(0)", "atexit.register(lambda: print(len(tok.encode_batch(texts, threads=2))))"]


@pytest.mark.parametrize("end", ENDS)
def test_a_process_ends_while_its_threads_are_idle(end):
    process = run(f"tok.encode_batch_to_numpy(texts, threads=4)\n{end}\n")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert output.split() == ["1", *(["40"] if "atexit" in end else [])]


@pytest.mark.skipif(sys.platform == "win32", reason="a console event cannot be sent to one process alone")
@pytest.mark.parametrize("call", ["encode_batch_to_numpy", "encode_batch", "count_batch"])
def test_ctrl_c_between_parts(call):
    process = run(
        f"try:\n    print('begun', flush=True)\n    while True: tok.{call}(texts, threads=2)\n"
        "except KeyboardInterrupt: print('stopped', len(tok.encode_batch(texts[:2], threads=2)))\n"
    )
    assert [process.stdout.readline() for _ in range(2)] == ["1\n", "begun\n"]
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "stopped 2\n")
