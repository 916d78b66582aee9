"""How much of its plan an account uses, from counters that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.accounts.models import Account, Invitation, Membership, Sender
from app.campaigns.limits import contacts_of
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import db
from app.plans import allowance
from app.plans.catalogue import LIMITS, plan_of

NEAR = 80


@dataclass(frozen=True)
class Use:
    """One bar: how much of a limit is used; no limit is None."""

    what: str
    label: str
    used: int
    limit: int | None

    @property
    def percent(self) -> int:
        """Rounded down; 0 without limit."""
        return self.used * 100 // self.limit if self.limit else 0

    @property
    def left(self) -> int:
        return max(0, (self.limit or 0) - self.used)

    @property
    def is_near(self) -> bool:
        return self.limit is not None and self.percent >= NEAR

    @property
    def is_full(self) -> bool:
        return self.limit is not None and self.used >= self.limit

    @property
    def is_over(self) -> bool:
        return self.limit is not None and self.used > self.limit


def of(account: Account) -> list[Use]:
    """All that a plan limits."""
    plan = plan_of(account)
    mails, extra = allowance.used(account)
    counted = {
        "contacts": contacts_of(account),
        "mails": mails,
        "people": _count(Membership, account) + _invited(account),
        "senders": _count(Sender, account),
    }
    limits = {what: plan.limit(what) for what in LIMITS}
    if limits["mails"] is not None:
        limits["mails"] += extra
    return [Use(what, label, counted[what], limits[what]) for what, label in LIMITS.items()]


def grace_until(account: Account, uses: Sequence[Use]) -> datetime | None:
    """Until when campaigns go out although `uses` has too many contacts; None where it has not."""
    contacts = next(use.used for use in uses if use.what == "contacts")
    return allowance.grace_until(account, contacts)


def waiting(account: Account) -> Sequence[Campaign]:
    """Campaigns that were to go out, and for which there was no room."""
    return db.session.scalars(
        sa.select(Campaign)
        .where(
            Campaign.id.in_(allowance.waiting(account.id)),
            Campaign.account_id == account.id,
            Campaign.state == "paused",
            Campaign.planned_at.is_(None),
        )
        .order_by(Campaign.id.desc())
    ).all()


def _count(model: type[Membership] | type[Sender], account: Account) -> int:
    """Some tens at most."""
    query = sa.select(sa.func.count()).select_from(model)
    return db.session.scalar(query.where(model.account_id == account.id)) or 0


def _invited(account: Account) -> int:
    query = sa.select(sa.func.count()).where(
        Invitation.account_id == account.id,
        Invitation.accepted_at.is_(None),
        Invitation.expires_at > now(),
    )
    return db.session.scalar(query) or 0
