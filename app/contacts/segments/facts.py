"""All that a rule can ask of one contact, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.contacts.models import Consent, Contact, Subscription, Tag, contact_tag
from app.contacts.segments.elsewhere import BEGUN, campaign, delivery, event
from app.core.db import db


@dataclass(frozen=True)
class Place:
    """On a list."""

    list_id: int
    state: str
    since: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Deed:
    """A mail that was received, or a hit of one: what, which, when, by whom."""

    kind: str
    campaign_id: int
    at: datetime | None
    verdict: str | None = None


@dataclass(frozen=True)
class Evidence:
    """Of consent."""

    kind: str
    source: str
    at: datetime


@dataclass(frozen=True)
class Facts:
    """One contact."""

    contact: Contact
    fields: dict[str, Any]
    tags: frozenset[str]
    places: tuple[Place, ...]
    deeds: tuple[Deed, ...]
    evidence: tuple[Evidence, ...]
    """In the order in which it was written down."""


@dataclass(frozen=True)
class Sent:
    """A campaign of the account; `last` counts from its newest that began, 1 for that one."""

    tracking: str
    last: int | None


def campaigns(account_id: int) -> dict[int, Sent]:
    """The account's campaigns by id."""
    rows = db.session.execute(sa.select(campaign).where(campaign.c.account_id == account_id)).all()
    begun = [row for row in rows if row.state in BEGUN and row.started_at]
    begun.sort(key=lambda row: (row.started_at, row.id), reverse=True)
    places = {row.id: place for place, row in enumerate(begun, 1)}
    return {row.id: Sent(row.tracking, places.get(row.id)) for row in rows}


def of(contact: Contact) -> Facts:
    """Everything about one contact; a handful of look-ups."""
    tags = sa.select(Tag.name).join(contact_tag).where(contact_tag.c.contact_id == contact.id)
    places = sa.select(
        Subscription.list_id, Subscription.state, Subscription.since, Subscription.ended_at
    ).where(Subscription.contact_id == contact.id)
    evidence = (
        sa.select(Consent.kind, Consent.source, Consent.at)
        .where(Consent.contact_id == contact.id)
        .order_by(Consent.id)
    )
    return Facts(
        contact,
        dict(contact.fields),
        frozenset(db.session.scalars(tags)),
        tuple(Place(*row) for row in db.session.execute(places)),
        tuple(_deeds(contact)),
        tuple(Evidence(*row) for row in db.session.execute(evidence)),
    )


def _deeds(contact: Contact) -> list[Deed]:
    mails = sa.select(delivery.c.campaign_id, delivery.c.sent_at).where(
        delivery.c.contact_id == contact.id, delivery.c.state == "sent"
    )
    hits = sa.select(event.c.kind, event.c.campaign_id, event.c.at, event.c.verdict).where(
        event.c.contact_id == contact.id, event.c.kind.in_(("open", "click"))
    )
    found = [Deed("mail", *row) for row in db.session.execute(mails)]
    return found + [Deed(*row) for row in db.session.execute(hits)]
