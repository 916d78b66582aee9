"""Incidents: written, published, and told by mail to the owners of the accounts they concern."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.accounts import auditing, owners
from app.accounts.models import Account, Member
from app.core import settings
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid, NotFound, WrongState
from app.privacy.models import Incident, IncidentAccount, IncidentNote

PARTS = ("title", "began_on", "found_on", "what", "data", "measures", "advice", "concerns_all")
CHUNK = 100


def write(number: int | None, words: Mapping[str, Any], accounts: Iterable[Account]) -> Incident:
    """A new one, or another wording of one that is not published. Raises WrongState, Invalid."""
    if words["found_on"] < words["began_on"]:
        text = "It cannot be found before it began."
        raise Invalid(text, {"found_on": [text]})
    # Today by the operator's clock: in the east it is a day later than by ours.
    if words["found_on"] > now().date() + timedelta(days=1):
        text = "It cannot be found on a day that has not come yet."
        raise Invalid(text, {"found_on": [text]})
    row = one(number) if number else Incident()
    if row.published_at:
        raise WrongState("A published incident is not rewritten. Add a note to it.")
    for name in PARTS:
        setattr(row, name, words[name])
    db.session.add(row)
    db.session.flush()
    db.session.execute(
        sa.delete(IncidentAccount).where(IncidentAccount.incident_id == row.id)
    )  # fmt: skip
    if not row.concerns_all:
        db.session.add_all(
            IncidentAccount(incident_id=row.id, account_id=account.id) for account in accounts
        )
        db.session.flush()
    return row


def publish(number: int, by: Member) -> int:
    """Put it on its page and its mails in line; returns how many accounts are told."""
    moved = db.session.execute(
        sa.update(Incident)
        .where(Incident.id == number, Incident.published_at.is_(None))
        .values(published_at=now())
    )
    row = one(number)
    if not isinstance(moved, CursorResult) or moved.rowcount != 1:
        raise WrongState("This incident is published already.")
    db.session.refresh(row)
    if row.concerns_all:
        everybody = sa.select(sa.literal(row.id), Account.id).where(Account.state != "pending")
        db.session.execute(
            sa.insert(IncidentAccount).from_select(["incident_id", "account_id"], everybody)
        )
    auditing.note(None, by, "incident.publish", f"incident {number}")
    return concerned(number)


def add_note(number: int, text: str, by: Member) -> None:
    """What became known later. Raises Invalid, WrongState."""
    row = one(number)
    if not row.published_at:
        raise WrongState("Publish it first.")
    if not text.strip():
        raise Invalid("Write what is new.")
    db.session.add(IncidentNote(incident_id=row.id, text=text.strip()))
    auditing.note(None, by, "incident.note", f"incident {number}")


def one(number: int) -> Incident:
    """An incident, published or not. Raises NotFound."""
    row = db.session.get(Incident, number) if number < 1 << 62 else None
    if row is None:
        raise NotFound("That incident")
    return row


def published(number: int) -> Incident:
    """For everybody. Raises NotFound."""
    row = one(number)
    if row.published_at is None:
        raise NotFound("That incident")
    return row


def latest(*, is_public: bool, limit: int = 100) -> Sequence[Incident]:
    """Newest first."""
    query = sa.select(Incident).order_by(Incident.id.desc()).limit(limit)
    if is_public:
        query = query.where(Incident.published_at.is_not(None))
    return db.session.scalars(query).all()


def about(account: Account) -> Sequence[Incident]:
    """Published ones that concern an account, newest first."""
    return db.session.scalars(
        sa.select(Incident)
        .join(IncidentAccount, IncidentAccount.incident_id == Incident.id)
        .where(IncidentAccount.account_id == account.id, Incident.published_at.is_not(None))
        .order_by(Incident.id.desc())
        .limit(50)
    ).all()


def notes(number: int) -> Sequence[IncidentNote]:
    """In their order."""
    return db.session.scalars(
        sa.select(IncidentNote).where(IncidentNote.incident_id == number).order_by(IncidentNote.id)
    ).all()


def concerned(number: int, *, is_told: bool = False) -> int:
    """How many accounts it concerns, or how many of them have been told."""
    query = sa.select(sa.func.count()).where(IncidentAccount.incident_id == number)
    if is_told:
        query = query.where(IncidentAccount.told_at.is_not(None))
    return db.session.scalar(query) or 0


def accounts(number: int, limit: int = 1000) -> Sequence[Account]:
    """The accounts that were named."""
    return db.session.scalars(
        sa.select(Account)
        .join(IncidentAccount, IncidentAccount.account_id == Account.id)
        .where(IncidentAccount.incident_id == number)
        .order_by(Account.id)
        .limit(limit)
    ).all()


def tell() -> int:
    """Go on with the mails to owners; returns how many accounts were told."""
    due = db.session.scalars(
        sa.select(IncidentAccount.id)
        .join(Incident, Incident.id == IncidentAccount.incident_id)
        .where(IncidentAccount.told_at.is_(None), Incident.published_at.is_not(None))
        .order_by(IncidentAccount.id)
        .limit(CHUNK)
    ).all()
    return sum(_tell(row_id) for row_id in due)


def _tell(row_id: int) -> bool:
    with transaction():
        taken = db.session.execute(
            sa.update(IncidentAccount)
            .where(IncidentAccount.id == row_id, IncidentAccount.told_at.is_(None))
            .values(told_at=now())
        )
        if not isinstance(taken, CursorResult) or taken.rowcount != 1:
            return False
        row = db.session.get_one(IncidentAccount, row_id, populate_existing=True)
        incident = db.session.get_one(Incident, row.incident_id)
        owners.tell(
            row.account_id, "incident", incident=incident,
            url=f"{settings.get().BASE_URL}/privacy/incidents/{incident.id}",
        )  # fmt: skip
        return True
