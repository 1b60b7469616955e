"""Requests to stop: signals, a time limit, and what a second signal does."""

import signal
import threading

import pytest

from pybpe.gpt.stopping import SIGNALS, stop_requests


@pytest.fixture(autouse=True)
def handlers():
    """The handlers of before, also where a test leaves others."""
    before = {each: signal.getsignal(each) for each in SIGNALS}
    yield before
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize(("number", "reason"), SIGNALS.items())
def test_a_signal_is_noted_and_a_second_acts_as_before(handlers, number, reason):
    told = []
    for each in SIGNALS:
        signal.signal(each, lambda number, frame: told.append(number))
    installed = {each: signal.getsignal(each) for each in SIGNALS}
    with stop_requests() as requested:
        assert requested() == ""
        signal.raise_signal(number)
        assert (requested(), told) == (reason, [])
        for each in SIGNALS:
            signal.raise_signal(each)
        assert (requested(), told) == (reason, list(SIGNALS))
    assert {each: signal.getsignal(each) for each in SIGNALS} == installed


@pytest.mark.parametrize(("number", "reason"), SIGNALS.items())
def test_a_patient_process_ignores_further_signals_for_good(number, reason):
    with stop_requests(patient=True) as requested:
        signal.raise_signal(number)
        for each in SIGNALS:
            signal.raise_signal(each)
        assert requested() == reason
    for each in SIGNALS:
        signal.raise_signal(each)
        assert signal.getsignal(each) == signal.SIG_IGN


@pytest.mark.parametrize("patient", [False, True])
def test_without_a_signal_the_handlers_are_put_back(handlers, patient):
    with stop_requests(patient=patient):
        assert signal.getsignal(signal.SIGTERM) is not handlers[signal.SIGTERM]
    assert {each: signal.getsignal(each) for each in SIGNALS} == handlers


def test_a_time_limit():
    with stop_requests(1000.0) as requested:
        assert requested() == ""
        signal.raise_signal(signal.SIGINT)
        assert requested() == "interrupt"
    with stop_requests(0.0) as requested:
        assert requested() == "seconds"


def test_another_thread_changes_no_handler(handlers):
    found = []

    def work():
        with stop_requests(0.0) as requested:
            found.append((requested(), {each: signal.getsignal(each) for each in SIGNALS}))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [("seconds", handlers)]
