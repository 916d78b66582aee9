"""From the request to the intake: at once, whatever else is away.

A hit is a handful of ids in JSON on a stream of the queue server. Where that does not answer,
hits go to files of this machine (`hits/` in the data folder, bounded) that the intake takes too.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import redis

from app.core import queue_server, settings
from app.core.clock import now
from app.core.tokens import derive_key
from app.tracking.verdicts import HUMAN, MACHINE, Hit, Look

log = logging.getLogger(__name__)

STREAM = "hits"
#: The oldest go where nobody took so many; about 150 MB of the queue server's memory.
LONGEST_STREAM = 1_000_000
#: The spool takes no more than this; a disk must not fill up with opens.
LARGEST_SPOOL_BYTES = 64_000_000
#: After the queue server failed, so long nobody waits for it again.
REST_S = 2.0
#: A file of the spool is written to for one second and taken after this many.
RIPE_S = 3

#: Hits are numbered by milliseconds since 2025 and a count that each process starts anywhere.
EPOCH_MS = 1_735_689_600_000
COUNT_BITS = 24
#: In the year 2100; no hit is later.
LATEST_MS = 4_102_444_800_000

_rest_until = [0.0]
_counts = itertools.count(secrets.randbelow(1 << COUNT_BITS))
_ready: deque[_Parcel] = deque()
_way = threading.Lock()
_spool_lock = threading.Lock()
_salt: dict[str, bytes] = {}
#: When the spool was measured, and how large it was.
_measured = [0.0, 0.0]


def record(kind: str, delivery_id: int, target: int, *, look: Look, block: str) -> None:
    """Note a hit. Never raises and never waits for long."""
    ms = time.time_ns() // 1_000_000
    fields = [number(ms), kind, delivery_id, target, ms, look.verdict, look.reason, block]
    line = json.dumps(fields, separators=(",", ":"))
    # Where the server got the hit and its answer was lost, the hit comes twice, under one number.
    if not _push(line):
        _spool(line)


def number(ms: int) -> int:
    """A number of its own for a hit: 63 bits, growing with time."""
    return (max(0, ms - EPOCH_MS) << COUNT_BITS) | (next(_counts) & ((1 << COUNT_BITS) - 1))


def daily_salt() -> bytes:
    """Keys the hash of network blocks, so that a block cannot be followed over days."""
    day = now().date().isoformat()
    if day not in _salt:
        _salt.clear()
        _salt[day] = derive_key(settings.get().SECRET_KEY, f"network:{day}")
    return _salt[day]


def parse(line: str | bytes) -> Hit | None:
    """A hit as `record` wrote it; None for anything else."""
    try:
        seq, kind, delivery_id, target, ms, verdict, reason, block = json.loads(line)
        hit = Hit(
            int(seq), str(kind), int(delivery_id), int(target), int(ms),
            str(verdict), str(reason), str(block),
        )  # fmt: skip
    except (ValueError, TypeError):
        return None
    # One that the database cannot hold would hold up all that come after it.
    is_sound = (
        0 <= hit.seq < 1 << 63
        and 0 <= hit.delivery_id < 1 << 63
        and abs(hit.target) < 1 << 63
        and 0 <= hit.ms < LATEST_MS
        and hit.verdict in (HUMAN, MACHINE)
    )
    return hit if is_sound else None


def forget() -> None:
    """Try the queue server again at once."""
    _rest_until[0] = 0.0
    _measured[:] = [0.0, 0.0]


def spool_folder() -> Path:
    """Where hits wait while the queue server is away."""
    return settings.get().LEADERSEND_HOME / "hits"


@dataclass(slots=True)
class _Parcel:
    """A hit on its way to the queue server."""

    line: str
    is_sent: bool | None = None
    """None until somebody has tried."""


def _push(line: str) -> bool:
    """Put a hit on the stream; whoever comes first takes along what others have ready."""
    parcel = _Parcel(line)
    _ready.append(parcel)
    with _way:
        if parcel.is_sent is None:
            parcels = [_ready.popleft() for _ in range(len(_ready))]
            is_sent = _send([one.line for one in parcels])
            for one in parcels:
                one.is_sent = is_sent
    return bool(parcel.is_sent)


def _send(lines: Sequence[str]) -> bool:
    if time.monotonic() < _rest_until[0]:
        return False
    try:
        with queue_server.hasty_client().pipeline(transaction=False) as pipeline:
            for line in lines:
                pipeline.xadd(STREAM, {"h": line}, maxlen=LONGEST_STREAM, approximate=True)
            pipeline.execute()
        return True
    except redis.RedisError as error:
        _rest_until[0] = time.monotonic() + REST_S
        log.warning("hits go to the spool, the queue is away: %s", type(error).__name__)
        return False


def _spool(line: str) -> None:
    """Append to this second's file."""
    folder = spool_folder()
    try:
        with _spool_lock:
            folder.mkdir(exist_ok=True)
            if _is_full(folder):
                return
            path = folder / f"{int(time.time())}-{os.getpid()}.jsonl"
            with path.open("a") as file:
                file.write(line + "\n")
    except OSError as error:
        log.error("a hit was lost, the spool cannot be written: %s", error)


def _is_full(folder: Path) -> bool:
    """Whether the spool has reached its size; measured once a second."""
    if time.monotonic() - _measured[0] > 1:
        _measured[:] = [
            time.monotonic(),
            float(sum(entry.stat().st_size for entry in os.scandir(folder))),
        ]
    return _measured[1] > LARGEST_SPOOL_BYTES
