"""Signs of life of the ticks: without one, nothing starts by itself."""

from __future__ import annotations

import os
import socket
import time

from app.core.queue_server import client

KEY = "leadersend:ticks"
EVERY_S = 5.0
#: Older signs mean that nobody is there.
FRESH_S = 20.0


def beat() -> None:
    """Say that this process lives."""
    moment = time.time()
    name = f"{socket.gethostname()}:{os.getpid()}"
    pipe = client().pipeline()
    pipe.zadd(KEY, {name: moment})
    pipe.zremrangebyscore(KEY, 0, moment - 3600)
    pipe.execute()


def age_s() -> float | None:
    """Seconds since the latest sign; None where there was none."""
    latest = client().zrange(KEY, 0, 0, desc=True, withscores=True)
    return time.time() - float(latest[0][1]) if latest else None
