"""The Redis or Valkey server that wakes workers, takes in hits and carries live counters.

Nothing that a person did or was promised lives only here: emptying it costs time, no data.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

#: What goes wrong when the server is away, full or starting.
AWAY = (redis.ConnectionError, redis.TimeoutError, redis.ResponseError)

#: After the server failed, whoever is in a hurry does not wait for it again for so long.
REST_S = 2.0

log = logging.getLogger(__name__)

_urls: list[str] = []
_clients: dict[str, redis.Redis] = {}
_rest_until = [0.0]


def configure(url: str) -> None:
    """Remember where the server is; connections open at first use."""
    _urls[:] = [url]
    _clients.clear()
    ask_again()


def client() -> redis.Redis:
    """For the web: gives up quickly, so that pages answer while the server is away."""
    if "quick" not in _clients:
        _clients["quick"] = redis.Redis.from_url(
            _urls[0], socket_timeout=1.0, socket_connect_timeout=0.5, retry=None
        )
    return _clients["quick"]


def hasty_client() -> redis.Redis:
    """For hits on the links of a mail: whoever follows one must not wait for us."""
    if "hasty" not in _clients:
        _clients["hasty"] = redis.Redis.from_url(
            _urls[0], socket_timeout=0.25, socket_connect_timeout=0.1, retry=None
        )
    return _clients["hasty"]


def hastily(work: Callable[[redis.Redis], object]) -> bool:
    """Have the hasty client do it. False where the server is away, and for a while after that at
    once; it may have done its work all the same."""
    if time.monotonic() < _rest_until[0]:
        return False
    try:
        work(hasty_client())
    except redis.RedisError as error:
        _rest_until[0] = time.monotonic() + REST_S
        log.warning("the queue server is away: %s", type(error).__name__)
        return False
    return True


def ask_again() -> None:
    """The next one in a hurry asks the server, whatever it did a moment ago."""
    _rest_until[0] = 0.0


def patient_client() -> redis.Redis:
    """For workers: waits over a restart of the server."""
    if "patient" not in _clients:
        retry = Retry(ExponentialBackoff(cap=2, base=0.1), 8)
        _clients["patient"] = redis.Redis.from_url(_urls[0], retry=retry)
    return _clients["patient"]
