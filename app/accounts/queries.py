"""Reading of accounts."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from app.accounts.models import Account, AuditEntry, DomainCheck, Member, Membership
from app.core import pagination
from app.core.db import db
from app.core.pagination import PAGE_SIZE, Page


@dataclass(frozen=True)
class AuditLine:
    """Who changed what."""

    entry: AuditEntry
    person: str
    """Name or address of the member; empty where it was nobody of the account."""


def audit(account: Account, cursor: str | None = None) -> Page[AuditLine]:
    """Lines of an account, newest first."""
    key = pagination.decode(cursor)
    query = (
        sa.select(AuditEntry, Member)
        .outerjoin(Member, Member.id == AuditEntry.member_id)
        .where(AuditEntry.account_id == account.id)
    )
    if key:
        query = query.where(AuditEntry.id < int(key[0]))
    rows = db.session.execute(query.order_by(AuditEntry.id.desc()).limit(PAGE_SIZE + 1)).all()
    lines = [
        AuditLine(entry, (member.name or member.email) if member else "") for entry, member in rows
    ]
    return pagination.cut(lines, PAGE_SIZE, lambda line: [line.entry.id])


def memberships_of(member: Member) -> list[Membership]:
    """A person's places, in the order they came to them."""
    return list(
        db.session.scalars(
            sa.select(Membership).where(Membership.member_id == member.id).order_by(Membership.id)
        )
    )


def last_check(account_id: int, domain: str) -> DomainCheck | None:
    """What DNS said last; None where it was never asked."""
    return db.session.scalar(
        sa.select(DomainCheck).where(
            DomainCheck.account_id == account_id, DomainCheck.domain == domain
        )
    )
