"""Taking hits in: from the stream to rows and counters, each exactly once.

How far the stream was taken is a row, moved in the transaction that counts. Whoever finds it
moved by somebody else does nothing; whoever dies before the commit has done nothing. Trimming
the stream comes after and only tidies up.

The last seconds before that mark stay on the stream: hits are judged together with those before
them, and a hit that looked human alone may turn out to be the first of a burst.
"""

from __future__ import annotations

import logging
from pathlib import Path
from time import monotonic, time
from typing import Any

import redis
import sqlalchemy as sa

from app.core import queue_server
from app.core.clock import now
from app.core.db import db, insert, transaction
from app.tracking import hits, marking, writing
from app.tracking.models import Intake
from app.tracking.verdicts import CROWD_MS, Hit

log = logging.getLogger(__name__)

BATCH = 2000
#: How much of the past hits are judged with.
CONTEXT_MS = CROWD_MS + 1000
CONTEXT_MOST = 2000
#: One call works no longer than about this; the tick comes again.
WORK_S = 1.0
MARK = "hits"

Entries = Any
"""As redis-py gives them: [(id, {field: value})], all bytes."""
#: The last id this process has seen taken, so that an idle tick asks the database nothing.
_done = [""]


def take_hits() -> int:
    """Take what has come in; returns how many hits. Several at once do no harm."""
    hits.flush()
    taken, until = 0, monotonic() + WORK_S
    while monotonic() < until:
        n = _take_from_stream()
        taken += n
        if n < BATCH:
            break
    return taken + _take_from_spool()


def forget() -> None:
    """Look at the database again at the next call."""
    _done[0] = ""


def _take_from_stream() -> int:
    """One batch in one transaction; 0 when nothing is there, or another taker was faster."""
    client = queue_server.client()
    try:
        newest: Entries = client.xrevrange(hits.STREAM, count=1)
        if not newest or _text(newest[0][0]) == _done[0]:
            return 0
        cursor = _cursor(_text(newest[0][0]))
        before: Entries = client.xrevrange(
            hits.STREAM, max=cursor, min=_earlier(cursor), count=CONTEXT_MOST
        )
        fresh: Entries = client.xrange(hits.STREAM, min=f"({cursor}", count=BATCH)
    except queue_server.AWAY as error:
        log.warning("hits wait, the queue is away: %s", type(error).__name__)
        return 0
    if not fresh:
        _done[0] = cursor
        return 0
    mark = _text(fresh[-1][0])
    with transaction():
        if not marking.is_moved(MARK, cursor, mark):
            return 0
        writing.write(_hits(before[::-1]), _hits(fresh))
    _done[0] = mark
    _tidy(client, mark)
    return len(fresh)


def _cursor(newest: str) -> str:
    """How far the stream was taken."""
    cursor = db.session.scalar(sa.select(Intake.cursor).where(Intake.name == MARK))
    db.session.rollback()
    if not cursor:
        return "0-0"
    # The entry of the mark stays on the stream, so an older newest one is a server that lost
    # its data and whose clock was set back. Its numbers cannot be compared with ours.
    return cursor if marking.order(newest) >= marking.order(cursor) else _start_over(cursor)


def _start_over(cursor: str) -> str:
    with transaction():
        marking.is_moved(MARK, cursor, marking.BEGINNING)
    return "0-0"


def _tidy(client: redis.Redis, mark: str) -> None:
    try:
        client.xtrim(hits.STREAM, minid=_earlier(mark), approximate=False)
    except queue_server.AWAY as error:
        log.warning("the stream stays untrimmed for now: %s", type(error).__name__)


def _hits(entries: Entries) -> list[Hit]:
    found = (hits.parse(fields.get(b"h", b"")) for _, fields in entries)
    return [hit for hit in found if hit is not None]


def _earlier(stream_id: str) -> str:
    return f"{max(0, marking.order(stream_id)[0] - CONTEXT_MS)}-0"


def _text(stream_id: Any) -> str:
    return stream_id.decode() if isinstance(stream_id, bytes) else str(stream_id)


def _take_from_spool() -> int:
    """Files that the web wrote on this machine while the queue server was away."""
    folder = hits.spool_folder()
    if not folder.is_dir():
        return 0
    ripe = time() - hits.RIPE_S
    files = sorted(path for path in folder.glob("*.jsonl") if _second(path) < ripe)
    return sum(_take_file(path) for path in files)


def _second(path: Path) -> float:
    name = path.name.partition("-")[0]
    return float(name) if name.isdigit() else 0.0


def _take_file(path: Path) -> int:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return 0
    found = [hit for hit in map(hits.parse, lines) if hit is not None]
    with transaction():
        if _claim_file(path.name):
            writing.write([], found)
        else:
            found = []
    path.unlink(missing_ok=True)
    with transaction():
        db.session.execute(sa.delete(Intake).where(Intake.name == _file_mark(path.name)))
    return len(found)


def _claim_file(name: str) -> bool:
    """Whether the file is still to be counted. One taker at a time, as for the stream."""
    db.session.execute(
        insert(Intake).values(name=MARK, cursor="0-0", at=now()).on_conflict_do_nothing()
    )
    db.session.execute(sa.select(Intake).where(Intake.name == MARK).with_for_update())
    return marking.is_first(_file_mark(name))


def _file_mark(name: str) -> str:
    return f"file {name}"[:120]
