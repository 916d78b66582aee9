"""A limit in time, beside whoever else has set an alarm."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from app.core import bounded


def test_what_waits_without_end_is_ended() -> None:
    began = time.monotonic()

    with pytest.raises(TimeoutError), bounded.at_most(0.1):
        threading.Event().wait()

    assert time.monotonic() - began < 5


def test_an_alarm_that_was_set_before_still_rings() -> None:
    rung: list[float] = []
    before = signal.signal(signal.SIGALRM, lambda _signal, _frame: rung.append(time.monotonic()))
    began = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(TimeoutError), bounded.at_most(0.1):
            threading.Event().wait()
        with bounded.at_most(5):
            pass
        while not rung and time.monotonic() - began < 5:
            time.sleep(0.01)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert len(rung) == 1
    assert rung[0] - began >= 0.29


def test_in_another_thread_nothing_is_limited() -> None:
    done: list[bool] = []

    def work() -> None:
        with bounded.at_most(0.01):
            time.sleep(0.05)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert done == [True]
