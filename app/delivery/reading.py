"""What the pages of a delivery show: recipients, counters, the diary, and all of it as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts import rows as lines
from app.contacts.models import Contact
from app.core.db import db
from app.core.pagination import PAGE_SIZE, Page, cut, decode
from app.delivery.models import OPEN_STATES, STATES, Delivery, DiaryEntry, in_state

DIARY_LENGTH = 50
CHUNK = 2000
COLUMNS = (
    "address", "first_name", "last_name", "state", "reason", "tries", "answered_at", "code",
    "status", "answer",
)  # fmt: skip
#: What one can ask for: a state, or all that may still change by itself.
CHOICES = ("sent", "failed", "uncertain", "open", "skipped")

Row = tuple[Delivery, Contact | None]
Query = Any
"""A select of deliveries with their people."""


def recipients(
    campaign: Campaign, *, state: str = "", reason: str = "", cursor: str | None = None
) -> Page[Row]:
    """Deliveries with their people, in the order of planning."""
    query = _with_people(campaign)
    if state == "open":
        query = query.where(Delivery.state.in_(OPEN_STATES))
    elif state in STATES:
        query = query.where(in_state(state))
    if reason:
        query = query.where(Delivery.reason == reason)
    if key := decode(cursor):
        query = query.where(Delivery.id > key.number(0))
    return cut(_rows(query.limit(PAGE_SIZE + 1)), PAGE_SIZE, lambda row: [row[0].id])


def _with_people(campaign: Campaign) -> Query:
    return (
        sa.select(Delivery, Contact)
        .outerjoin(Contact, Contact.id == Delivery.contact_id)
        .where(Delivery.campaign_id == campaign.id)
        .order_by(Delivery.id)
    )


def _rows(query: Query) -> list[Row]:
    return [(delivery, contact) for delivery, contact in db.session.execute(query)]


def diary(campaign: Campaign) -> Sequence[DiaryEntry]:
    """What the engine did and why, newest first."""
    return db.session.scalars(
        sa.select(DiaryEntry)
        .where(DiaryEntry.campaign_id == campaign.id)
        .order_by(DiaryEntry.id.desc())
        .limit(DIARY_LENGTH)
    ).all()


def as_csv(campaign: Campaign) -> Iterator[str]:
    """Every recipient, a line each; read in slices, so that a million needs no memory."""
    yield lines.as_csv([COLUMNS])
    last = 0
    while True:
        rows = _rows(_with_people(campaign).where(Delivery.id > last).limit(CHUNK))
        yield lines.as_csv(_cells(delivery, contact) for delivery, contact in rows)
        if len(rows) < CHUNK:
            return
        last = rows[-1][0].id
        db.session.expunge_all()


def _cells(delivery: Delivery, contact: Contact | None) -> tuple[object, ...]:
    return (
        contact.email if contact else "",
        contact.first_name if contact else "",
        contact.last_name if contact else "",
        delivery.state,
        delivery.reason or "",
        delivery.tries,
        delivery.sent_at.isoformat() if delivery.sent_at else "",
        delivery.code or "",
        delivery.status or "",
        delivery.answer or "",
    )
