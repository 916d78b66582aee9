"""A limit in time for what cannot be asked to stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TimeoutError when the body takes longer.

    For starting threads: where memory is short, one may end before it has begun, and Python waits
    for it without end. Whoever had set an alarm before gets it as if nothing had been. Signals
    reach the main thread only: elsewhere nothing is limited.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _ring)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    began = time.monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - began)))


def _ring(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError("This took too long; memory may be short.")
