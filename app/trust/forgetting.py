"""Keeping the rules of what is kept how long: by itself, in slices, with a record of each day."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Member
from app.core import keeping
from app.core.clock import now
from app.core.db import db, insert, transaction
from app.core.errors import Invalid, NotFound
from app.core.keeping import Kept, Rule
from app.trust.models import KeepingChoice, KeepingDay

SLICE = 1000
EVERY = timedelta(hours=1)
LEASE = timedelta(minutes=10)
#: Seconds that one turn of the tick may take; the rest waits for the next one.
BUDGET_S = 5.0
#: For how long the record itself is kept.
RECORD = timedelta(days=400)


@dataclass(frozen=True)
class Line:
    """A rule, and what was done for it."""

    kept: Kept
    ran_at: datetime | None
    due_at: datetime | None
    last_day: date | None
    """When something was last forgotten."""
    last_n: int
    in_30_days: int

    @property
    def rule(self) -> Rule:
        return self.kept.rule


def keep_due(*, budget_s: float = BUDGET_S) -> int:
    """Called by the tick: forget what is over under rules whose turn it is; returns how many."""
    until, done = time.monotonic() + budget_s, 0
    for kept in keeping.everything():
        if time.monotonic() >= until:
            break
        if kept.rule.forget is not None and _take(kept.rule.key):
            done += _keep(kept, until)
    return done


def keep(key: str) -> int:
    """Keep one rule now, to the end; returns how many were forgotten."""
    kept = next(one for one in keeping.everything() if one.rule.key == key)
    return _keep(kept, float("inf"))


def _take(key: str) -> bool:
    """Whether it is the turn of this rule, and nobody else's to keep it."""
    moment = now()
    known = db.session.get(KeepingChoice, key, populate_existing=True)
    if known is not None and known.due_at > moment:
        return False
    with transaction():
        row = insert(KeepingChoice).values(key=key, due_at=moment, place=0)
        db.session.execute(row.on_conflict_do_nothing())
        taken = db.session.execute(
            sa.update(KeepingChoice)
            .where(KeepingChoice.key == key, KeepingChoice.due_at <= moment)
            .values(due_at=moment + LEASE)
            .returning(KeepingChoice.key)
            .execution_options(synchronize_session=False)
        ).scalar()
    return taken is not None


def _keep(kept: Kept, until: float) -> int:
    if kept.rule.forget is None:
        return 0
    before, done, is_over = now() - timedelta(days=kept.days or 0), 0, False
    while not is_over:
        n = kept.rule.forget(before, SLICE)
        done += n
        is_over = n < SLICE
        if time.monotonic() >= until:
            break
    with transaction():
        _record(kept.rule.key, done, is_over=is_over)
    return done


def _record(key: str, n: int, *, is_over: bool) -> None:
    """Due again in an hour, or at once where there is more."""
    moment = now()
    db.session.execute(
        sa.update(KeepingChoice)
        .where(KeepingChoice.key == key)
        .values(ran_at=moment, due_at=moment + EVERY if is_over else moment)
        .execution_options(synchronize_session=False)
    )
    if not n:
        return
    row = insert(KeepingDay).values(key=key, day=moment.astimezone(UTC).date(), n=n)
    db.session.execute(
        row.on_conflict_do_update(index_elements=["key", "day"], set_={"n": KeepingDay.n + n})
    )
    db.session.execute(sa.delete(KeepingDay).where(KeepingDay.day < (moment - RECORD).date()))


def choose(by: Member, key: str, days: int) -> None:
    """The operator wants it kept so long. Raises NotFound, Invalid."""
    try:
        rule = keeping.rule(key)
    except KeyError:
        raise NotFound("That rule") from None
    if rule.days is None or rule.is_fixed:
        raise Invalid("That time is fixed: a promise to people rests on it.")
    if not rule.least <= days <= rule.most:
        words = f"Enter a number of days from {rule.least:,} to {rule.most:,}."
        raise Invalid(words, {"days": [words]})
    row = db.session.get(KeepingChoice, key) or KeepingChoice(key=key)
    row.days, row.due_at = days, now()
    db.session.add(row)
    auditing.note(None, by, "keeping.choose", f"{key} {days} days")


def chosen() -> dict[str, int]:
    """What the operator chose, in days by key."""
    rows = db.session.execute(
        sa.select(KeepingChoice.key, KeepingChoice.days).where(KeepingChoice.days.is_not(None))
    )
    return {row.key: int(row.days) for row in rows}


def lines() -> list[Line]:
    """Every rule with what was done for it and what is next: three small statements."""
    rows = {row.key: row for row in db.session.scalars(sa.select(KeepingChoice))}
    days: dict[str, list[tuple[date, int]]] = {}
    for day in _days():
        days.setdefault(day.key, []).append((day.day, day.n))
    return [_line(kept, rows.get(kept.rule.key), days) for kept in keeping.everything()]


def _days() -> Sequence[KeepingDay]:
    return db.session.scalars(sa.select(KeepingDay).order_by(KeepingDay.day.desc())).all()


def _line(kept: Kept, row: KeepingChoice | None, days: dict[str, list[tuple[date, int]]]) -> Line:
    mine = days.get(kept.rule.key, [])
    since = (now() - timedelta(days=30)).date()
    last_day, last_n = mine[0] if mine else (None, 0)
    recent = sum(n for day, n in mine if day >= since)
    works = kept.rule.forget is not None
    return Line(
        kept, row.ran_at if row else None, row.due_at if row and works else None, last_day,
        last_n, recent,
    )  # fmt: skip
