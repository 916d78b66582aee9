"""Customers as mailings to them know them: who they are, what they agreed to, what they do.

Read many at a time, so that the cost of each stays the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account, Member, Membership
from app.accounts.standing import ACCESS, CLOSING
from app.auth.models import SignedIn
from app.campaigns.models import Campaign
from app.contacts.models import Headcount
from app.core.db import db
from app.privacy import consenting
from app.privacy.models import MemberConsent

#: Numbers of contacts by the largest of each.
BUCKETS = ((0, "none"), (100, "1 to 100"), (1_000, "101 to 1,000"), (10_000, "1,001 to 10,000"))
LARGEST_BUCKET = "more than 10,000"


@dataclass(frozen=True)
class Customer:
    """A registered member, or somebody who was one: then `business` is None."""

    member: Member
    business: Account | None
    consents: dict[str, MemberConsent] = field(default_factory=dict)
    """The newest of each kind."""
    facts: dict[str, Any] = field(default_factory=dict)
    """By the keys of house.FIELDS."""

    def agreed(self, kind: str) -> bool:
        """Whether a channel's consent stands."""
        row = self.consents.get(kind)
        return self.business is not None and row is not None and row.granted

    def wants(self, topic: str) -> bool:
        """Whether they get mail about it: they agreed to mail and left out no topic like it."""
        row = self.consents.get(f"topic_{topic}")
        return self.agreed("marketing_email") and (row is None or row.granted)

    def said_at(self, kind: str) -> datetime | None:
        """When they spoke of it last."""
        row = self.consents.get(kind)
        return row.at if row else None


def customers(member_ids: Sequence[int], *, waiting: bool = True) -> dict[int, Customer]:
    """By member. Their businesses are real ones: never the operator's own account.

    `waiting`: whoever follows the same people at the same time waits for this transaction.
    """
    query = sa.select(Member).where(Member.id.in_(member_ids)).order_by(Member.id)
    if waiting:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    members = db.session.scalars(query).all()
    businesses = _businesses(member_ids)
    consents = consenting.standing_of(member_ids)
    known = _facts(businesses)
    return {
        member.id: Customer(
            member, businesses.get(member.id) if member.password_set_at else None,
            consents.get(member.id, {}), known.get(member.id, {}),
        )
        for member in members
    }  # fmt: skip


def _businesses(member_ids: Sequence[int]) -> dict[int, Account]:
    """The first active one of each."""
    rows = db.session.execute(
        sa.select(Membership.member_id, Account)
        .join(Account, Account.id == Membership.account_id)
        .where(
            Membership.member_id.in_(member_ids),
            Account.is_house.is_(False),
            Account.state == "active",
            Account.barred.not_in((ACCESS, CLOSING)),
        )
        .order_by(Membership.id.desc())
    )
    return dict(rows.all())


def _facts(businesses: dict[int, Account]) -> dict[int, dict[str, Any]]:
    ids = {account.id for account in businesses.values()}
    sent = _dates(
        sa.select(Campaign.account_id, sa.func.max(Campaign.started_at))
        .where(
            Campaign.account_id.in_(ids), Campaign.is_sample.is_(False),
            Campaign.is_archive.is_(False), Campaign.started_at.is_not(None),
        )
        .group_by(Campaign.account_id)
    )  # fmt: skip
    seen = _dates(
        sa.select(SignedIn.member_id, sa.func.max(SignedIn.created_at))
        .where(SignedIn.member_id.in_(businesses))
        .group_by(SignedIn.member_id)
    )
    counted = sa.select(Headcount.account_id, Headcount.people).where(Headcount.account_id.in_(ids))
    people = dict(db.session.execute(counted).all())
    return {
        member_id: {
            "plan": account.plan,
            "registered_on": account.created_at.date().isoformat(),
            "last_campaign_on": sent.get(account.id),
            "contacts": bucket(people.get(account.id, 0)),
            "last_sign_in_on": seen.get(member_id),
        }
        for member_id, account in businesses.items()
    }


def _dates(query: sa.Select[*tuple[Any, ...]]) -> dict[int, str]:
    rows = db.session.execute(query).all()
    return {key: moment.date().isoformat() for key, moment in rows if moment}


def bucket(people: int) -> str:
    """Roughly how many contacts: marketing need not know more."""
    return next((words for most, words in BUCKETS if people <= most), LARGEST_BUCKET)
