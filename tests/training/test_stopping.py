import os
import signal
import threading

import pytest

from egodepth.training.stopping import SIGNALS, StopRequest


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_asks_and_the_next_one_does_what_it_always_does(number):
    calls: list[int] = []
    before = signal.signal(number, lambda found, _: calls.append(found))
    try:
        with StopRequest() as stop:
            assert not stop
            os.kill(os.getpid(), number)
            assert stop
            assert stop.signal == number
            assert calls == []
            os.kill(os.getpid(), number)
            assert calls == [number]
    finally:
        signal.signal(number, before)


def test_outside_everything_is_as_before():
    before = [signal.getsignal(number) for number in SIGNALS]
    with StopRequest():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_in_a_thread_it_asks_for_nothing_and_changes_nothing():
    found = []

    def run() -> None:
        with StopRequest() as stop:
            found.append(bool(stop))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [False]
