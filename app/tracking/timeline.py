"""What happened with one contact: mails, opens, clicks, leaving, bounces; newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.core.db import db
from app.delivery.models import Delivery, Event, Link

MOST = 100


@dataclass(frozen=True)
class Entry:
    """One line. `kind` is sent, failed, uncertain, open, click, unsubscribe, undo, bounce,
    complaint."""

    at: datetime
    kind: str
    campaign: Campaign
    text: str = ""
    """The link that was followed, or the reason of a failure."""
    verdict: str = ""
    """human or machine, with `reason`; hard or soft for bounces."""
    reason: str = ""


def of_contact(contact: Contact, *, limit: int = MOST) -> list[Entry]:
    """At most `limit` entries."""
    entries = [*_mails(contact, limit), *_events(contact, limit)]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:limit]


def _mails(contact: Contact, limit: int) -> list[Entry]:
    rows = db.session.execute(
        sa.select(Delivery, Campaign)
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .where(
            Delivery.contact_id == contact.id,
            Campaign.account_id == contact.account_id,
            Delivery.state.in_(("sent", "failed", "uncertain")),
        )
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    return [
        Entry(at, delivery.state, campaign, text=delivery.answer or "")
        for delivery, campaign in rows
        if (at := delivery.sent_at or delivery.claimed_at)
    ]


def _events(contact: Contact, limit: int) -> list[Entry]:
    rows = db.session.execute(
        sa.select(Event, Campaign, Link.label, Link.url)
        .join(Campaign, Campaign.id == Event.campaign_id)
        .outerjoin(Link, Link.id == Event.link_id)
        .where(Event.contact_id == contact.id, Campaign.account_id == contact.account_id)
        .order_by(Event.id.desc())
        .limit(limit)
    )
    return [
        Entry(
            event.at, event.kind, campaign, text=label or url or "",
            verdict=event.verdict or "", reason=event.reason,
        )
        for event, campaign, label, url in rows
    ]  # fmt: skip
