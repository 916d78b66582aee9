"""Telling two visitors of a day apart without knowing either.

A visitor is a keyed hash of network address and program. The key is random, made anew for each
day (UTC), and lies in the queue server's memory and in that of the web processes only: never in
the database, never in a backup. The server forgets it at the end of the day; `forget` has it
write its own file anew, so that yesterday's key is not on its disk either. After that nobody can
find out who a hash was, or whether two of different days were the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import time

from app.core import queue_server

DAY_S = 86_400
KEY = "analytics:salt:"
REWRITTEN = "analytics:rewritten:"
#: After the queue server failed, so long nobody asks it again.
REST_S = 5.0

#: {day: (salt, whether the server has it, when to ask it again)}; never more than one day.
_salts: dict[int, tuple[bytes, bool, float]] = {}


def visitor(address: str, program: str, *, scope: str) -> str:
    """A name for the day for whoever asks, within one site or archive."""
    words = f"{scope}\0{address}\0{program}".encode()
    return hashlib.blake2b(words, key=salt(), digest_size=12).hexdigest()


def salt() -> bytes:
    """Today's key; of this process alone while the queue server is away."""
    day = int(time.time() // DAY_S)
    known = _salts.get(day)
    if known and (known[1] or time.monotonic() < known[2]):
        return known[0]
    own = known[0] if known else secrets.token_bytes(32)
    shared = _shared(day, own)
    _salts.clear()
    _salts[day] = (shared or own, shared is not None, time.monotonic() + REST_S)
    return _salts[day][0]


def _shared(day: int, own: bytes) -> bytes | None:
    """The key that all processes of all machines use; the first to come makes it."""
    name = f"{KEY}{day}"
    left_s = max(1, (day + 1) * DAY_S - int(time.time()))
    with contextlib.suppress(*queue_server.AWAY):
        client = queue_server.hasty_client()
        client.set(name, own.hex(), nx=True, ex=left_s)
        found = client.get(name)
        return bytes.fromhex(found.decode()) if isinstance(found, bytes) else None
    return None


def forget() -> bool:
    """Once a day: have the queue server's file written anew, without what has expired.

    Servers that are somebody else's may refuse; then the file is theirs to look after.
    """
    day = int(time.time() // DAY_S)
    for old in [one for one in _salts if one != day]:
        del _salts[old]
    with contextlib.suppress(*queue_server.AWAY):
        client = queue_server.client()
        if client.set(f"{REWRITTEN}{day}", "1", nx=True, ex=2 * DAY_S):
            client.bgrewriteaof()
            return True
    return False
