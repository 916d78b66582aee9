"""Telling owners how near a limit is: at 80 and at 100 percent, once a month each."""

from __future__ import annotations

import sqlalchemy as sa

from app.accounts import owners
from app.accounts.models import Account
from app.billing.usage import NEAR
from app.campaigns.limits import contacts_of
from app.campaigns.models import Campaign
from app.contacts.models import Headcount
from app.core import settings
from app.core.db import db, insert, transaction
from app.plans import allowance
from app.plans.allowance import LIMITS_PAGE, OVER, day, month_of, next_month
from app.plans.catalogue import LIMITS, Plan, catalogue, plan_of
from app.plans.models import LimitNotice, MailMonth

FULL = 100
AT_ONCE = 200


def tell_due() -> int:
    """Whoever came near a limit since; returns how many were told. Several at once do no harm."""
    if not settings.get().BILLING:
        return 0
    _end_grace()
    told = 0
    for plan in catalogue().values():
        for what in ("contacts", "mails"):
            for level in (OVER, FULL, NEAR):
                if plan.limit(what) is not None and (level, what) != (OVER, "mails"):
                    told += _tell_all(plan, what, level)
    return told


def tell_waiting() -> int:
    """Campaigns for which there was no room; returns how many."""
    found = db.session.scalars(
        sa.select(LimitNotice.id)
        .where(LimitNotice.what == allowance.CAMPAIGN, LimitNotice.level == allowance.UNTOLD)
        .limit(AT_ONCE)
    ).all()
    db.session.rollback()
    for notice_id in found:
        with transaction():
            _tell_waiting(notice_id)
    return len(found)


def _tell_waiting(notice_id: int) -> None:
    first = db.session.execute(
        sa.update(LimitNotice)
        .where(LimitNotice.id == notice_id, LimitNotice.level == allowance.UNTOLD)
        .values(level=allowance.TOLD)
        .returning(LimitNotice.period)
        .execution_options(synchronize_session=False)
    ).scalar()
    campaign = db.session.get(Campaign, int(first)) if first else None
    if campaign is not None and campaign.state == "paused":
        owners.tell(
            campaign.account_id, "campaign_waits", campaign=campaign.name,
            reason=campaign.pause_reason,
            url=f"{settings.get().BASE_URL}/campaigns/{campaign.id}",
        )  # fmt: skip


def _tell_all(plan: Plan, what: str, level: int) -> int:
    found = db.session.execute(_untold(plan, what, level)).all()
    db.session.rollback()
    told = 0
    for account_id, used, limit in found:
        with transaction():
            told += _tell(account_id, plan, what, level, used, limit)
    return told


def _untold(plan: Plan, what: str, level: int) -> sa.Select[int, int, int]:
    """Accounts of the plan that use so much of it and were told neither that nor more."""
    limit: sa.ColumnElement[int] = sa.literal(plan.limit(what))
    more: list[sa.ColumnElement[bool]] = []
    if what == "contacts":
        used, owner = Headcount.people, Headcount.account_id
    else:
        used, owner = MailMonth.used, MailMonth.account_id
        more, limit = [MailMonth.month == month_of()], limit + MailMonth.extra
    is_there = used > limit if level == OVER else used * 100 >= limit * level
    known = sa.exists().where(
        LimitNotice.account_id == Account.id,
        LimitNotice.what == what,
        LimitNotice.level >= level,
        LimitNotice.period.in_((_period(), "")),
    )
    return (
        sa.select(Account.id, used, limit)
        .join(Account, Account.id == owner)
        .where(_is_on(plan), Account.vouched.is_(False), *more, is_there, ~known)
        .order_by(Account.id)
        .limit(AT_ONCE)
    )


def _is_on(plan: Plan) -> sa.ColumnElement[bool]:
    """Whoever has a plan that is not offered any more has the first one."""
    keys = list(catalogue())
    if plan.key == keys[0]:
        return Account.plan.not_in(keys[1:])
    return Account.plan == plan.key


def _tell(account_id: int, plan: Plan, what: str, level: int, used: int, limit: int) -> int:
    period = "" if level == OVER else _period()
    row = insert(LimitNotice).values(account_id=account_id, what=what, level=level, period=period)
    first = db.session.execute(row.on_conflict_do_nothing().returning(LimitNotice.id)).scalar()
    if first is None:
        return 0
    month = month_of()
    is_over = level == OVER
    until = allowance.grace_until(db.session.get_one(Account, account_id), used)
    owners.tell(
        account_id, "limit_reached" if level >= FULL else "limit_near",
        plan=plan.name, used=used, limit=limit, what=LIMITS[what], is_mails=what == "mails",
        again=day(next_month(month)), until=day(until.date()) if is_over and until else "",
        percent=used * 100 // limit, url=settings.get().BASE_URL + LIMITS_PAGE,
    )  # fmt: skip
    return 1


def _period() -> str:
    return f"{month_of():%Y-%m}"


def _end_grace() -> None:
    """Who has no more contacts than the plan has any longer, begins anew next time."""
    over = db.session.scalars(
        sa.select(LimitNotice).where(LimitNotice.level == OVER).order_by(LimitNotice.id).limit(1000)
    ).all()
    ended = [notice.id for notice in over if not _is_over(notice.account_id)]
    db.session.rollback()
    if ended:
        with transaction():
            db.session.execute(sa.delete(LimitNotice).where(LimitNotice.id.in_(ended)))


def _is_over(account_id: int) -> bool:
    account = db.session.get_one(Account, account_id)
    limit = plan_of(account).contacts
    return limit is not None and contacts_of(account) > limit
