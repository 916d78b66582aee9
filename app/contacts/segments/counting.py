"""How many people a rule fits, and who of them gets no mail: counted apart, remembered with a time.

A page never waits. Few people are counted at once within a budget, one list or tag is a kept
counter, and the rest is asked for: a worker counts it and the page looks in again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.contacts.models import (
    Contact,
    ContactList,
    Headcount,
    Pause,
    SegmentCount,
    Subscription,
    Suppression,
    Tag,
)
from app.contacts.segments import compiling, forecasting, reading, surroundings
from app.contacts.segments.rule import OnList, Rule, Tagged, as_json
from app.core import budget
from app.core.clock import now
from app.core.db import db, insert

#: Accounts up to this size are counted while the page is made, if it takes no longer than that.
FEW_PEOPLE = 5_000
AT_ONCE_S = 0.03
LONGEST_S = 240.0
LEASE = timedelta(seconds=LONGEST_S * 2)
#: A count is good for so long, and for as many times as long as it took.
FRESH = timedelta(minutes=10)
FRESH_TIMES = 100
#: Nobody has looked at them for so long: forgotten.
FORGET_AFTER = timedelta(days=30)
#: Ids that are remembered: the first pages of a segment whose people lie far apart.
KEPT_IDS = 200


@dataclass(frozen=True)
class Numbers:
    """People whom a rule fits, and of those who get no mail, by reason."""

    people: int
    left_out: Mapping[str, int]
    sample: tuple[int, ...] = ()

    @property
    def mailable(self) -> int:
        """How many a campaign would reach now."""
        return self.people - sum(self.left_out.values())


def digest(rule: Mapping[str, Any]) -> str:
    """The same for the same rule."""
    text = json.dumps(rule, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def kept(account_id: int, rule: Rule) -> int | None:
    """From a kept counter, where the rule is one list or one tag."""
    query: sa.Select[Any]
    match rule:
        case OnList(list_id, "active" | "pending" as state, None, False):
            counter = ContactList.active if state == "active" else ContactList.pending
            query = sa.select(counter).where(ContactList.id == list_id)
            return db.session.scalar(query.where(ContactList.account_id == account_id)) or 0
        case Tagged(name, False):
            query = sa.select(Tag.people).where(Tag.name == name, Tag.account_id == account_id)
            return db.session.scalar(query) or 0
    return None


def is_small(account_id: int) -> bool:
    """Whether the account's people can be counted while a page is made."""
    people = sa.select(Headcount.people).where(Headcount.account_id == account_id)
    return (db.session.scalar(people) or 0) <= FEW_PEOPLE


def at_once(account_id: int, rule: Rule) -> Numbers | None:
    """Counted now, where the account is small and it is quick; None where it has to be asked."""
    if not is_small(account_id):
        return None
    condition = compiling.condition(rule, surroundings.of(account_id))
    try:
        with budget.limited(AT_ONCE_S) as connection:
            return count(connection, account_id, condition)
    except budget.OverBudget:
        return None


def count(connection: sa.Connection, account_id: int, condition: compiling.Condition) -> Numbers:
    """Look at everybody once."""
    why = _why().label("why")
    same = sa.and_(
        Suppression.account_id == Contact.account_id, Suppression.address == Contact.address
    )
    query = (
        sa.select(why, sa.func.count())
        .select_from(Contact)
        .outerjoin(Suppression, same)
        .where(Contact.account_id == account_id, condition)
        .group_by(why)
    )
    numbers = {row[0]: row[1] for row in connection.execute(query)}
    left_out = {reason: number for reason, number in sorted(numbers.items()) if reason}
    sample = _newest(connection, account_id, condition) if numbers else ()
    return Numbers(sum(numbers.values()), left_out, tuple(sample))


def _newest(
    connection: sa.Connection, account_id: int, condition: compiling.Condition
) -> Sequence[int]:
    query = sa.select(Contact.id).where(Contact.account_id == account_id, condition)
    return connection.scalars(query.order_by(Contact.id.desc()).limit(KEPT_IDS)).all()


def _why() -> sa.ColumnElement[str]:
    """The one reason why somebody gets no mail, or nothing. What is said first counts."""
    return sa.case(
        (Suppression.reason.is_not(None), Suppression.reason),
        (_pauses(), "paused"),
        (_subscribed("active"), ""),
        (_subscribed("pending"), "pending"),
        (_subscribed("ended"), "ended"),
        else_="no_list",
    )


def _pauses() -> sa.ColumnElement[bool]:
    on = sa.exists().where(Pause.contact_id == Contact.id, Pause.until > now())
    return on.correlate(Contact)


def _subscribed(state: str) -> sa.ColumnElement[bool]:
    on = sa.exists().where(Subscription.contact_id == Contact.id, Subscription.state == state)
    return on.correlate(Contact)


def remembered(account_id: int, rules: Iterable[Mapping[str, Any]]) -> dict[str, SegmentCount]:
    """What was counted of these rules before, by digest."""
    digests = sorted({digest(rule) for rule in rules})
    rows = db.session.scalars(
        sa.select(SegmentCount).where(
            SegmentCount.account_id == account_id, SegmentCount.digest.in_(digests)
        )
    )
    return {row.digest: row for row in rows}


def newest(account_id: int, rule: Mapping[str, Any]) -> list[int]:
    """Ids of the newest whom the rule fitted when it was counted, newest first."""
    row = remembered(account_id, [rule]).get(digest(rule))
    return list(row.sample) if row else []


def wants_forecast(rule: Rule) -> bool:
    """Whether counting it tells more than numbers: that takes a worker."""
    return forecasting.concerns(rule)


def is_fresh(row: SegmentCount | None) -> bool:
    """Whether there is no need to count again."""
    if row is None or row.counted_at is None:
        return False
    good_for = max(FRESH, FRESH_TIMES * timedelta(milliseconds=row.took_ms))
    return now() - row.counted_at < good_for


def ask(account_id: int, rule: Rule, *, draft: str = "", anew: bool = False) -> SegmentCount:
    """Have a rule counted unless that was done lately; the row says how far it is.

    `draft` names the page that asks: what it asked before and nobody began is dropped.
    """
    stored = as_json(rule)
    row = remembered(account_id, [stored]).get(digest(stored))
    if row is None:
        row = _new(account_id, stored)
    elif row.state in ("done", "failed") and (anew or not is_fresh(row)):
        row.state = "waiting"
    row.draft, row.asked_at = draft, now()
    db.session.flush()
    if draft:
        db.session.execute(
            sa.delete(SegmentCount).where(
                SegmentCount.draft == draft, SegmentCount.account_id == account_id,
                SegmentCount.id != row.id, SegmentCount.state == "waiting",
                SegmentCount.people.is_(None),
            )
        )  # fmt: skip
    return row


def _new(account_id: int, stored: dict[str, Any]) -> SegmentCount:
    """Two pages may ask for the same at the same time."""
    values = {"account_id": account_id, "digest": digest(stored), "rule": stored}
    db.session.execute(
        insert(SegmentCount).values(**values, draft="", state="waiting", left_out={}, sample=[],
                                    took_ms=0, asked_at=now())
        .on_conflict_do_nothing()
    )  # fmt: skip
    return remembered(account_id, [stored])[digest(stored)]


def remember(account_id: int, rule: Rule, numbers: Numbers) -> None:
    """Note what was counted at once, for the pages that only show it."""
    row = ask(account_id, rule, anew=True)
    _note(row, numbers, took_ms=0)


def waiting() -> list[int]:
    """Counts that nobody works on: never begun, or begun and given up."""
    lost = sa.and_(SegmentCount.state == "counting", SegmentCount.lease_until < now())
    rows = db.session.scalars(
        sa.select(SegmentCount.id)
        .where(sa.or_(SegmentCount.state == "waiting", lost))
        .order_by(SegmentCount.asked_at)
        .limit(100)
    )
    return list(rows)


def claim(count_id: int) -> SegmentCount | None:
    """Take a count; None when another worker has it or it is not wanted any more."""
    lost = sa.and_(SegmentCount.state == "counting", SegmentCount.lease_until < now())
    taken = db.session.execute(
        sa.update(SegmentCount)
        .where(SegmentCount.id == count_id, sa.or_(SegmentCount.state == "waiting", lost))
        .values(state="counting", lease_until=now() + LEASE)
        .returning(SegmentCount.id)
        .execution_options(synchronize_session=False)
    ).first()
    db.session.expire_all()
    return db.session.get(SegmentCount, count_id) if taken else None


@dataclass(frozen=True)
class Result:
    """What became of a claimed count; no numbers where it took too long or cannot be worked out."""

    numbers: Numbers | None
    forecast: dict[str, Any] | None
    took_ms: int


def work(row: SegmentCount, *, seconds: float = LONGEST_S) -> Result:
    """Count, outside of any writing transaction."""
    began = time.monotonic()
    numbers, forecast = None, None
    try:
        around = surroundings.of(row.account_id)
        rule = reading.read(row.rule, around.types)
        condition = compiling.condition(rule, around)
        with budget.limited(seconds) as connection:
            numbers = count(connection, row.account_id, condition)
            if numbers.people and forecasting.concerns(rule):
                forecast = forecasting.without(connection, row.account_id, condition)
    except (budget.OverBudget, reading.BadRule):
        pass
    return Result(numbers, forecast, int((time.monotonic() - began) * 1000))


def settle(count_id: int, result: Result) -> None:
    """Write down what `work` found."""
    row = db.session.get(SegmentCount, count_id, populate_existing=True)
    if row is None:
        return
    if result.numbers is None:
        row.state, row.lease_until, row.took_ms = "failed", None, result.took_ms
        row.counted_at = row.counted_at or now()
        return
    row.forecast = result.forecast
    _note(row, result.numbers, took_ms=result.took_ms)


def _note(row: SegmentCount, numbers: Numbers, *, took_ms: int) -> None:
    row.state, row.lease_until = "done", None
    row.people, row.left_out = numbers.people, dict(numbers.left_out)
    row.sample, row.took_ms, row.counted_at = list(numbers.sample), took_ms, now()
    db.session.flush()


def forget_old() -> int:
    """Drop what nobody asked for lately; returns how many."""
    gone = db.session.execute(
        sa.delete(SegmentCount)
        .where(SegmentCount.asked_at < now() - FORGET_AFTER, SegmentCount.state != "counting")
        .returning(SegmentCount.id)
    )
    return len(gone.all())
