"""From the request to the intake: at once, whatever else is away.

A hit is a handful of ids in JSON on a stream of the queue server. A thread of its own carries
there what has gathered for some hundredths of a second, so that no answer waits for it. Where the
queue server does not answer, hits go to files of this machine (`hits/` in the data folder,
bounded) that the intake takes too. A process that is killed outright loses what has gathered.
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
from multiprocessing.util import Finalize
from pathlib import Path

from app.core import queue_server, settings
from app.core.tokens import derive_key
from app.tracking.verdicts import HUMAN, MACHINE, Headers, Hit, Look, block_of, of_request

log = logging.getLogger(__name__)

STREAM = "hits"
#: The oldest go where nobody took so many; about 150 MB of the queue server's memory.
LONGEST_STREAM = 1_000_000
#: The spool takes no more than this; a disk must not fill up with opens.
LARGEST_SPOOL_BYTES = 64_000_000
#: A file of the spool is written to for one second and taken after this many.
RIPE_S = 3

#: So long hits gather before they are carried off.
GATHER_S = 0.03
#: Carried in one go.
LOAD = 500
#: When so many have gathered, requests help to carry.
MOST_GATHERED = 5_000
#: One entry of the stream for each hit, the longest stream apart from the last argument.
CARRY = """
for i = 1, #ARGV - 1 do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[#ARGV], '*', 'h', ARGV[i])
end
"""

#: Hits are numbered by milliseconds since 2025 and a count that each process starts anywhere.
EPOCH_MS = 1_735_689_600_000
COUNT_BITS = 24
#: In the year 2100; no hit is later.
LATEST_MS = 4_102_444_800_000

_counts = itertools.count(secrets.randbelow(1 << COUNT_BITS))
_gathered: deque[str] = deque()
_way = threading.Lock()
_wanted = threading.Event()
_carrier: list[threading.Thread] = []
_salt: dict[int, bytes] = {}
#: When the spool was measured, and how large it was.
_measured = [0.0, 0.0]
_encode = json.JSONEncoder(separators=(",", ":")).encode


def note(
    kind: str, delivery_id: int, target: int, *, method: str, headers: Headers, address: str
) -> None:
    """Look at a request and note the hit; of the request nothing else is kept."""
    look = of_request(kind, method, headers)
    block = block_of(address, headers.get("User-Agent", ""), salt=daily_salt())
    record(kind, delivery_id, target, look=look, block=block)


def record(kind: str, delivery_id: int, target: int, *, look: Look, block: str) -> None:
    """Note a hit. Never raises and never waits for long."""
    ms = time.time_ns() // 1_000_000
    fields = (number(ms), kind, delivery_id, target, ms, look.verdict, look.reason, block)
    _gathered.append(_encode(fields))
    if not _wanted.is_set():
        _wanted.set()
        _see_to_carrier()
    if len(_gathered) >= MOST_GATHERED:
        flush()


def number(ms: int) -> int:
    """A number of its own for a hit: 63 bits, growing with time."""
    return (max(0, ms - EPOCH_MS) << COUNT_BITS) | (next(_counts) & ((1 << COUNT_BITS) - 1))


def daily_salt() -> bytes:
    """Keys the hash of network blocks, so that a block cannot be followed over days."""
    day = int(time.time() // 86_400)
    salt = _salt.get(day)
    if salt is None:
        salt = derive_key(settings.get().SECRET_KEY, f"network:{day}")
        _salt.clear()
        _salt[day] = salt
    return salt


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
    """Try the queue server again at once, and measure the spool."""
    queue_server.ask_again()
    _measured[:] = [0.0, 0.0]


def spool_folder() -> Path:
    """Where hits wait while the queue server is away."""
    return settings.get().LEADERSEND_HOME / "hits"


def flush() -> None:
    """Carry off what has gathered in this process; when it returns, all of that is on its way.

    Where the server got hits and its answer was lost, they come twice, under the same numbers.
    """
    with _way:
        while _gathered:
            lines = [_gathered.popleft() for _ in range(min(LOAD, len(_gathered)))]
            if not _send(lines):
                _spool(lines)


def _see_to_carrier() -> None:
    """Start this process's carrier. Only whoever woke it comes here, so there is one."""
    if _carrier and _carrier[0].is_alive():
        return
    with _way:
        if not (_carrier and _carrier[0].is_alive()):
            _carrier[:] = [threading.Thread(target=_carry, name="hits", daemon=True)]
            _carrier[0].start()


def _carry() -> None:
    while True:
        _wanted.wait()
        time.sleep(GATHER_S)
        _wanted.clear()
        try:
            flush()
        except Exception:
            log.exception("hits were lost")


def _send(lines: Sequence[str]) -> bool:
    most = str(LONGEST_STREAM)
    return queue_server.hastily(lambda client: client.eval(CARRY, 1, STREAM, *lines, most))


def _spool(lines: Sequence[str]) -> None:
    """Append to this second's file."""
    folder = spool_folder()
    try:
        folder.mkdir(exist_ok=True)
        if _is_full(folder):
            return
        path = folder / f"{int(time.time())}-{os.getpid()}.jsonl"
        with path.open("a") as file:
            file.write("\n".join(lines) + "\n")
    except OSError as error:
        log.error("hits were lost, the spool cannot be written: %s", error)


def _is_full(folder: Path) -> bool:
    """Whether the spool has reached its size; measured once a second."""
    if time.monotonic() - _measured[0] > 1:
        _measured[:] = [
            time.monotonic(),
            float(sum(entry.stat().st_size for entry in os.scandir(folder))),
        ]
    return _measured[1] > LARGEST_SPOOL_BYTES


# At the end of a process, also of one that multiprocessing made; `atexit` is not called there.
Finalize(None, flush, exitpriority=1)
