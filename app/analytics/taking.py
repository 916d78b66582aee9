"""Taking views in: from the stream to kept counters, some thousand at a time.

How far the stream was taken is a row, moved in the transaction that counts: two takers never
count the same view. What the queue server remembers of today's visits is written afterwards; a
taker that dies in between lets a visit look like two, which is all that can happen.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.analytics import noting, visits
from app.analytics.models import PageDay, PageLink, PageSource, PublicPage
from app.analytics.visits import COUNTERS, DAY_S, Sums, View, Visit
from app.core import queue_server
from app.core.db import db, insert, transaction
from app.tracking import marking
from app.tracking.models import Intake

log = logging.getLogger(__name__)

BATCH = 2_000
WORK_S = 1.0
MARK = "views"
#: Hosts that one page may name on one day; what comes from more is counted without its name.
MOST_HOSTS = 50
SEEN_S = 2 * noting.LATEST_S


def take_views() -> int:
    """Take what has come in; returns how many. Several at once do no harm."""
    taken, until = 0, time.monotonic() + WORK_S
    while time.monotonic() < until:
        n = _take()
        taken += n
        if n < BATCH:
            break
    return taken


def _take() -> int:
    client = queue_server.client()
    cursor = (
        db.session.scalar(sa.select(Intake.cursor).where(Intake.name == MARK)) or marking.BEGINNING
    )
    db.session.rollback()
    try:
        entries: Any = client.xrange(noting.STREAM, count=BATCH)
        # What was counted by a taker that died before it could delete it.
        fresh = [
            entry for entry in entries if marking.order(entry[0].decode()) > marking.order(cursor)
        ]
        found = [view for _, fields in fresh if (view := visits.parse(fields.get(b"v", b"")))]
        names = _unknown(found)
        known = _known({view.visitor for view in found})
        if len(fresh) < len(entries):
            client.xdel(noting.STREAM, *(entry[0] for entry in entries if entry not in fresh))
    except queue_server.AWAY as error:
        log.warning("views wait, the queue is away: %s", type(error).__name__)
        return 0
    if not fresh:
        return 0
    sums = Sums()
    for view in found:
        if view.name in names:
            names.discard(view.name)
            visits.count(view, known, sums)
    with transaction():
        if not marking.is_moved(MARK, cursor, fresh[-1][0].decode()):
            return 0
        _write(sums)
    _remember(found, known, [entry[0] for entry in fresh])
    return len(fresh)


def _unknown(found: Sequence[View]) -> set[str]:
    """The names of what was not counted before."""
    names = sorted({view.name for view in found})
    seen: Any = queue_server.client().mget([f"dot:{name}" for name in names]) if names else []
    return {name for name, mark in zip(names, seen, strict=True) if mark is None}


def _known(visitors: set[str]) -> dict[str, Visit]:
    names = sorted(visitors)
    raw: Any = queue_server.client().mget([f"visit:{name}" for name in names]) if names else []
    return {
        name: Visit.from_json(value)
        for name, value in zip(names, raw, strict=True)
        if value is not None
    }


def _remember(found: Sequence[View], known: dict[str, Visit], ids: Sequence[bytes]) -> None:
    left_s = DAY_S - int(time.time()) % DAY_S
    pipeline = queue_server.client().pipeline(transaction=False)
    for view in found:
        # A time is told until a day after; its pieces are numbered, so each counts once.
        kept_s = noting.LATEST_TIME_S if view.what in ("time", "click") else SEEN_S
        pipeline.set(f"dot:{view.name}", "", ex=kept_s)
        if visit := known.get(view.visitor):
            pipeline.set(f"visit:{view.visitor}", visit.to_json(), ex=left_s)
    pipeline.xdel(noting.STREAM, *ids)
    try:
        pipeline.execute()
    except queue_server.AWAY as error:
        log.warning("visits are not remembered: %s", type(error).__name__)


def _write(sums: Sums) -> None:
    if not sums.pages:
        return
    ids = _page_ids({(page.kind, page.key) for page in sums.pages})
    days = [
        {"page_id": ids[page.kind, page.key], "day": page.day}
        | {name: counted[name] for name in COUNTERS}
        for page, counted in sums.pages.items()
    ]
    _add(PageDay, days, ("page_id", "day"), COUNTERS)
    sources = _named(
        [
            {"page_id": ids[page.kind, page.key], "day": page.day, "host": host, "visits": n}
            for (page, host), n in sums.sources.items()
        ]
    )
    _add(PageSource, sources, ("page_id", "day", "host"), ("visits",))
    places = [
        {"page_id": ids[page.kind, page.key], "day": page.day, "place": place, "clicks": n}
        for (page, place), n in sums.places.items()
    ]
    _add(PageLink, places, ("page_id", "day", "place"), ("clicks",))


def _page_ids(names: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    rows = [{"kind": kind, "key": key} for kind, key in sorted(names)]
    db.session.execute(
        insert(PublicPage).values(rows).on_conflict_do_nothing(index_elements=["kind", "key"])
    )
    found = db.session.execute(
        sa.select(PublicPage.kind, PublicPage.key, PublicPage.id).where(
            PublicPage.key.in_({key for _, key in names})
        )
    )
    return {(kind, key): page_id for kind, key, page_id in found}


def _named(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sources with no more names than a page may have on a day."""
    kept: list[dict[str, Any]] = []
    rest: dict[tuple[int, int], int] = {}
    known: dict[tuple[int, int], set[str]] = {}
    for row in rows:
        page = (row["page_id"], row["day"])
        if page not in known:
            known[page] = set(_hosts(*page))
        if row["host"] in known[page] or len(known[page]) < MOST_HOSTS:
            known[page].add(row["host"])
            kept.append(row)
        else:
            rest[page] = rest.get(page, 0) + row["visits"]
    for (page_id, day), n in rest.items():
        kept.append({"page_id": page_id, "day": day, "host": "*", "visits": n})
    return kept


def _hosts(page_id: int, day: int) -> Sequence[str]:
    return db.session.scalars(
        sa.select(PageSource.host).where(PageSource.page_id == page_id, PageSource.day == day)
    ).all()


def _add(
    table: Any, rows: list[dict[str, Any]], keys: Sequence[str], counters: Sequence[str]
) -> None:
    """One statement for all of them, in a fixed order."""
    if not rows:
        return
    rows.sort(key=lambda row: [row[key] for key in keys])
    statement = insert(table).values(rows)
    added = {name: getattr(table, name) + statement.excluded[name] for name in counters}
    db.session.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=added))


def forget_old(before: datetime) -> int:
    """Remove the sums of days that were over by then; returns how many rows."""
    day, gone = int(before.timestamp()) // DAY_S, 0
    for table in (PageDay, PageSource, PageLink):
        result = db.session.execute(sa.delete(table).where(table.day < day))
        gone += int(result.rowcount)  # type: ignore[attr-defined]
    return gone
