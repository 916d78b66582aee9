"""Taking from what a plan allows: all or nothing, and never more than there is.

Whoever takes holds the account's row of that month, so that any number at once stay within it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from app.core.clock import now
from app.core.db import db, insert
from app.core.errors import Invalid
from app.plans.catalogue import HasPlan, plan_of
from app.plans.models import LimitNotice, MailMonth, Reservation

#: How long campaigns still go out where there are more contacts than the plan has.
GRACE = timedelta(days=14)
OVER, UNTOLD, TOLD = 101, 0, 100
CAMPAIGN = "campaign"
LIMITS_PAGE = "/settings/limits"


class OverLimit(Invalid):
    """The plan does not allow it; the message says how much is left and what to do."""


def month_of(moment: datetime | None = None) -> date:
    """The first day of the month (UTC) for which something counts."""
    return (moment or now()).astimezone(UTC).date().replace(day=1)


def next_month(month: date) -> date:
    """When counting begins anew."""
    return (month + timedelta(days=32)).replace(day=1)


def used(account: HasPlan, month: date | None = None) -> tuple[int, int]:
    """Mails of a month, and what was granted on top of the plan."""
    row = db.session.get(MailMonth, (account.id, month or month_of()))
    return (row.used, row.extra) if row else (0, 0)


def left(account: HasPlan, month: date | None = None) -> int | None:
    """Mails that may still go out in a month; None without limit."""
    limit = plan_of(account).mails
    if limit is None:
        return None
    taken, extra = used(account, month)
    return max(0, limit + extra - taken)


def reserve(account: HasPlan, campaign_id: int, mails: int) -> None:
    """Take what a campaign needs, as a whole. Call inside a transaction.

    Raises OverLimit, and then nothing is taken. Once it was given, planning again with another
    number changes by the difference and is never refused: a campaign is not cut off half-way.
    """
    known = db.session.get(Reservation, campaign_id, populate_existing=True)
    month = known.month if known else month_of()
    row = _locked(account.id, month)
    # Two who plan the same campaign come here one after the other.
    known = db.session.get(Reservation, campaign_id, populate_existing=True)
    more = mails - (known.mails if known else 0)
    limit = plan_of(account).mails
    if limit is not None and known is None and row.used + more > limit + row.extra:
        raise OverLimit(too_few_words(mails, max(0, limit + row.extra - row.used), month))
    row.used += more
    if known is None:
        known = Reservation(
            campaign_id=campaign_id, account_id=account.id, month=month, mails=mails
        )
        db.session.add(known)
    known.mails, known.settled_at = mails, None
    db.session.flush()


def settle(campaign_id: int, unused: int) -> None:
    """A campaign is over: what it did not use is given back, once. Call inside a transaction."""
    closed = db.session.execute(
        sa.update(Reservation)
        .where(Reservation.campaign_id == campaign_id, Reservation.settled_at.is_(None))
        .values(settled_at=now(), mails=Reservation.mails - unused)
        .returning(Reservation.account_id, Reservation.month)
        .execution_options(synchronize_session=False)
    ).first()
    if closed is not None:
        row = _locked(closed.account_id, closed.month)
        row.used = max(0, row.used - unused)
        db.session.flush()


def grant(account_id: int, mails: int) -> None:
    """More for this month. Call inside a transaction."""
    _locked(account_id, month_of()).extra += mails
    db.session.flush()


def demand_room(account: HasPlan, what: str, there: int) -> None:
    """Raises OverLimit where one more of `what` (people, senders) is too many.

    Hold the account's row (`hold`) before counting what is there.
    """
    plan = plan_of(account)
    limit = plan.limit(what)
    if limit is not None and there >= limit:
        raise OverLimit(
            f"Your plan {plan.name} has {limit:,} {what}, and you have {there:,}. "
            "Remove one first, or choose a larger plan under Settings, Your limits."
        )


def hold(account: HasPlan) -> None:
    """Let one at a time count and add what a plan limits. Call inside a transaction."""
    table = sa.table("account", sa.column("id"))
    db.session.execute(sa.select(table.c.id).where(table.c.id == account.id).with_for_update())


def grace_until(account: HasPlan, contacts: int) -> datetime | None:
    """Until when campaigns go out although there are more contacts than the plan has.

    None where there are not. It begins when the owners were told.
    """
    limit = plan_of(account).contacts
    if limit is None or contacts <= limit:
        return None
    since = db.session.scalar(
        sa.select(LimitNotice.at).where(
            LimitNotice.account_id == account.id,
            LimitNotice.what == "contacts",
            LimitNotice.level == OVER,
        )
    )
    return (since or now()) + GRACE


def note_waiting(account_id: int, campaign_id: int) -> None:
    """A campaign waits for room; the owners are told once. Call inside a transaction."""
    row = insert(LimitNotice).values(
        account_id=account_id, what=CAMPAIGN, level=UNTOLD, period=str(campaign_id)
    )
    db.session.execute(row.on_conflict_do_nothing())


def waiting(account_id: int) -> list[int]:
    """Campaigns that waited for room at some time, newest first."""
    found = db.session.scalars(
        sa.select(LimitNotice.period)
        .where(LimitNotice.account_id == account_id, LimitNotice.what == CAMPAIGN)
        .order_by(LimitNotice.id.desc())
        .limit(50)
    )
    return [int(period) for period in found]


def too_few_words(mails: int, there: int, month: date) -> str:
    """Why a campaign waits."""
    return (
        f"It needs {mails:,} mails, and your plan has {there:,} left until "
        f"{day(next_month(month))}. Nobody got it yet, and nothing is lost. Send it to fewer "
        "people, choose a larger plan under Settings, Your limits, or wait until then."
    )


def day(value: date) -> str:
    """ "1 December"."""
    return f"{value.day} {value:%B}"


def _locked(account_id: int, month: date) -> MailMonth:
    """The row of a month, held to the end of the transaction."""
    values = {"account_id": account_id, "month": month, "used": 0, "extra": 0}
    db.session.execute(insert(MailMonth).values(values).on_conflict_do_nothing())
    return db.session.get_one(
        MailMonth, (account_id, month), with_for_update=True, populate_existing=True
    )
