"""Reading of accounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa

from app.accounts.models import Account, AuditEntry, DomainCheck, Member, Membership
from app.core import pagination
from app.core.db import db
from app.core.pagination import PAGE_SIZE, Page

#: Lines read together for a file.
CHUNK = 1000


@dataclass(frozen=True)
class AuditLine:
    """Who changed what."""

    entry: AuditEntry
    person: str
    """Name or address of the member; empty where it was nobody of the account."""


@dataclass(frozen=True)
class AuditWanted:
    """Which lines to show; days are those of the account's clock."""

    member: int | None = None
    kind: str = ""
    """The beginning of a verb: campaign."""
    since: date | None = None
    until: date | None = None

    @property
    def is_any(self) -> bool:
        """Whether nothing is left out."""
        return self == AuditWanted()


def audit(
    account: Account, wanted: AuditWanted | None = None, cursor: str | None = None
) -> Page[AuditLine]:
    """Lines of an account, newest first; `wanted`: None for all."""
    key = pagination.decode(cursor)
    query = (
        sa.select(AuditEntry, Member)
        .outerjoin(Member, Member.id == AuditEntry.member_id)
        .where(*_fitting(account, wanted or AuditWanted()))
    )
    if key:
        query = query.where(AuditEntry.id < key.number(0))
    rows = db.session.execute(query.order_by(AuditEntry.id.desc()).limit(PAGE_SIZE + 1)).all()
    lines = [
        AuditLine(entry, (member.name or member.email) if member else "") for entry, member in rows
    ]
    return pagination.cut(lines, PAGE_SIZE, lambda line: [line.entry.id])


def audit_rows(account: Account, wanted: AuditWanted) -> Iterator[list[str]]:
    """Lines for a CSV file, header first, read in chunks."""
    yield ["place", "at", "member", "person", "verb", "about", "hash"]
    after = 0
    while True:
        rows = db.session.execute(
            sa.select(AuditEntry, Member)
            .outerjoin(Member, Member.id == AuditEntry.member_id)
            .where(*_fitting(account, wanted), AuditEntry.id > after)
            .order_by(AuditEntry.id)
            .limit(CHUNK)
        ).all()
        for entry, member in rows:
            yield [
                str(entry.link or ""), entry.at.isoformat(), str(entry.member_id or ""),
                (member.name or member.email) if member else "", entry.verb, entry.about,
                entry.hash or "",
            ]  # fmt: skip
        if len(rows) < CHUNK:
            return
        after = rows[-1][0].id
        db.session.expunge_all()


def acted(account: Account) -> list[Member]:
    """Whose names lines of an account can bear: members now. Those who left keep their lines."""
    return list(
        db.session.scalars(
            sa.select(Member)
            .join(Membership, Membership.member_id == Member.id)
            .where(Membership.account_id == account.id)
            .order_by(Membership.id)
        )
    )


def _fitting(account: Account, wanted: AuditWanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [AuditEntry.account_id == account.id]
    if wanted.member is not None:
        found.append(AuditEntry.member_id == wanted.member)
    if wanted.kind:
        found.append(AuditEntry.verb.startswith(f"{wanted.kind}.", autoescape=True))
    if wanted.since:
        found.append(AuditEntry.at >= _midnight(account, wanted.since))
    if wanted.until:
        found.append(AuditEntry.at < _midnight(account, wanted.until + timedelta(days=1)))
    return found


def _midnight(account: Account, day: date) -> datetime:
    return datetime.combine(day, time(), account.zone)


def memberships_of(member: Member) -> list[Membership]:
    """A person's places, in the order they came to them."""
    return list(
        db.session.scalars(
            sa.select(Membership).where(Membership.member_id == member.id).order_by(Membership.id)
        )
    )


def membership(account: Account, member: Member) -> Membership | None:
    """A person's place in an account."""
    return db.session.scalar(
        sa.select(Membership).where(
            Membership.account_id == account.id, Membership.member_id == member.id
        )
    )


def last_check(account_id: int, domain: str) -> DomainCheck | None:
    """What DNS said last; None where it was never asked."""
    return db.session.scalar(
        sa.select(DomainCheck).where(
            DomainCheck.account_id == account_id, DomainCheck.domain == domain
        )
    )
