"""The kept counters: changed in the transaction that moves the rows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.core.db import connection, db, dialect_name
from app.delivery.models import OPEN_STATES, Beat, DiaryEntry, Tally

Shift = dict[tuple[str, str], int]
"""(state, reason) → how many more; negative for fewer. Only what nothing leaves has reasons."""
SLOT_S = 5
#: Why skipped, whose fault a failure is, how a mail was on its way.
WITH_REASONS = ("skipped", "failed", "sent")
#: Of sent mails, where it is known.
ENCRYPTED, IN_CLEAR = "encrypted", "in clear"


def shift(
    campaign_id: int,
    changes: Mapping[tuple[str, str], int],
    *,
    on: sa.Connection | None = None,
) -> None:
    """Add to the counters of a campaign. In one order always, so that nobody waits in a ring.

    `on`: a connection of one's own, with its transaction, instead of the session's.
    """
    rows = [
        {"campaign_id": campaign_id, "state": state, "reason": reason, "n": n}
        for (state, reason), n in sorted(changes.items())
        if n
    ]
    link = on or connection()
    for row in rows:
        link.execute(_adding_to(Tally, link.dialect.name), row)


def moved(before: str, after: str, n: int, *, reason: str = "") -> Shift:
    """The change that `n` rows make."""
    key = (after, reason if after in WITH_REASONS else "")
    return {(before, ""): -n, key: n} if n and (before, "") != key else {}


def add(changes: Shift, more: Shift) -> None:
    """Sum up two changes."""
    for key, n in more.items():
        changes[key] = changes.get(key, 0) + n


class Book:
    """Changes of one transaction, written once at its end and in one order, so that two workers
    never wait for each other in a ring."""

    def __init__(self, campaign_id: int) -> None:
        self.campaign_id = campaign_id
        self.changes: Shift = {}
        self.settled = 0

    def note(self, before: str, after: str, n: int, *, reason: str = "") -> None:
        """So many rows moved."""
        add(self.changes, moved(before, after, n, reason=reason))

    def write(self) -> None:
        """Add it all to the counters."""
        shift(self.campaign_id, self.changes)
        if self.settled:
            beat(self.campaign_id, self.settled)
        self.changes, self.settled = {}, 0


def still_open(campaign_id: int) -> int:
    """How many deliveries may still change by themselves."""
    total = db.session.scalar(
        sa.select(sa.func.sum(Tally.n)).where(
            Tally.campaign_id == campaign_id, Tally.state.in_(OPEN_STATES)
        )
    )
    return int(total or 0)


def count(campaign_id: int, state: str) -> int:
    """How many deliveries are in a state."""
    total = db.session.scalar(
        sa.select(sa.func.sum(Tally.n)).where(
            Tally.campaign_id == campaign_id, Tally.state == state
        )
    )
    return int(total or 0)


def beat(campaign_id: int, n: int) -> None:
    """Note that so many were settled just now."""
    row = {"campaign_id": campaign_id, "slot": int(time.time()) // SLOT_S, "n": n}
    connection().execute(_adding_to(Beat, dialect_name()), row)


def note(campaign_id: int, text: str) -> None:
    """An entry in the diary, in plain words."""
    db.session.add(DiaryEntry(campaign_id=campaign_id, text=text))
    db.session.flush()


@cache
def _adding_to(model: type[Tally] | type[Beat], dialect: str) -> sa.Insert:
    """Made once: this runs several times for every chunk of mails."""
    insert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(model)
    return insert.on_conflict_do_update(
        index_elements=[column.name for column in model.__table__.primary_key],
        set_={"n": model.n + insert.excluded.n},
    )
