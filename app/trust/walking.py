"""Forgetting in tables that are too large to be searched: walked once, in the order of their ids.

Ids grow with time, so whatever lies behind a row that is too young is too young as well. Each
rule remembers how far it came.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from app.core.db import db, transaction
from app.delivery.models import Event
from app.tracking.models import Reader
from app.trust.models import KeepingChoice

#: Rows read in one step, many times what is forgotten in one slice of a small table.
STRIDE = 5_000


def forget_readers(before: datetime, limit: int) -> int:
    """Openings and clicks that are older lose their person; the counts of reports stay."""
    with transaction(bulk=True):
        place = _place("readings")
        rows = db.session.execute(
            sa.select(Event.id, Event.at, Event.kind)
            .where(Event.id > place.place)
            .order_by(Event.id)
            .limit(max(limit, STRIDE))
        ).all()
        old = [row for row in rows if row.at < before]
        # Late news may carry an older time than its neighbours; the first young one ends it.
        first_young = next((row.id for row in rows if row.at >= before), None)
        old = [row for row in old if first_young is None or row.id < first_young]
        if not old:
            return 0
        known = sa.select(Event.delivery_id).where(
            Event.id.between(old[0].id, old[-1].id), Event.kind.in_(("open", "click"))
        )
        db.session.execute(
            sa.delete(Reader).where(Reader.delivery_id.in_(known)),
            execution_options={"synchronize_session": False},
        )
        changed = db.session.execute(
            sa.update(Event)
            .where(
                Event.id.between(old[0].id, old[-1].id),
                Event.kind.in_(("open", "click")),
                sa.or_(Event.contact_id.is_not(None), Event.delivery_id.is_not(None)),
            )
            .values(contact_id=None, delivery_id=None)
            .execution_options(synchronize_session=False)
        )
        place.place = old[-1].id
        done = int(changed.rowcount)  # type: ignore[attr-defined]
    # A whole stride of old rows: there may be more behind it, even where none had a person.
    return max(done, limit) if first_young is None and len(rows) >= STRIDE else done


def _place(key: str) -> KeepingChoice:
    found = db.session.get(KeepingChoice, key, populate_existing=True)
    if found is None:
        found = KeepingChoice(key=key, place=0)
        db.session.add(found)
        db.session.flush()
    return found
