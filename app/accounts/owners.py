"""Telling the people who own an account."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.accounts import notices
from app.accounts.models import Account, Member, Membership
from app.core.db import db


def tell(account_id: int, kind: str, **context: Any) -> int:
    """Queue a system mail to every owner; returns how many."""
    account = db.session.get_one(Account, account_id)
    owners = db.session.scalars(_of(account_id)).all()
    for owner in owners:
        notices.queue(kind, owner.email, account=account, person=owner.name, **context)
    return len(owners)


def first_address(account_id: int) -> str:
    """Of the one who has been owner longest; empty where there is none."""
    first = db.session.scalars(_of(account_id).limit(1)).first()
    return first.email if first else ""


def _of(account_id: int) -> sa.Select[Member]:
    return (
        sa.select(Member)
        .join(Membership, Membership.member_id == Member.id)
        .where(Membership.account_id == account_id, Membership.role == "owner")
        .order_by(Member.id)
    )
