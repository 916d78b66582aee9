"""Who opened, clicked, left: only where the campaign counts individually."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.core.db import db
from app.core.errors import NotFound
from app.core.pagination import PAGE_SIZE, Page, cut, decode
from app.delivery.models import Delivery, Event
from app.tracking.models import Reader

TITLES = {
    "opened": "People who opened",
    "clicked": "People who followed a link",
    "left": "People who left",
    "bounced": "Mails that came back",
    "complained": "People who complained",
}
_EVENTS = {"left": "unsubscribe", "bounced": "bounce", "complained": "complaint"}


@dataclass(frozen=True)
class Act:
    """Somebody and when; `contact` is None once the person was erased."""

    id: int
    contact: Contact | None
    at: datetime
    detail: str = ""


def who(campaign: Campaign, what: str, *, cursor: str | None = None) -> Page[Act]:
    """One page of TITLES. Raises NotFound for anything else, and where persons are not counted."""
    is_counted = campaign.tracking == "individual" or what in _EVENTS
    if what not in TITLES or not is_counted:
        raise NotFound("This list")
    key = decode(cursor)
    after = key.number(0) if key else 0
    acts = _by_event(campaign, _EVENTS[what], after) if what in _EVENTS else (
        _by_reader(campaign, what, after)
    )  # fmt: skip
    return cut(acts, PAGE_SIZE, lambda act: [act.id])


def _by_reader(campaign: Campaign, what: str, after: int) -> list[Act]:
    moment = Reader.opened_at if what == "opened" else Reader.clicked_at
    rows = db.session.execute(
        sa.select(Reader.delivery_id, moment, Contact)
        .join(Delivery, Delivery.id == Reader.delivery_id)
        .outerjoin(Contact, Contact.id == Delivery.contact_id)
        .where(Reader.campaign_id == campaign.id, moment.is_not(None), Reader.delivery_id > after)
        .order_by(Reader.delivery_id)
        .limit(PAGE_SIZE + 1)
    )
    return [Act(number, contact, at) for number, at, contact in rows if at]


def _by_event(campaign: Campaign, kind: str, after: int) -> list[Act]:
    later = aliased(Event)
    taken_back = (
        sa.select(later.id)
        .where(
            later.delivery_id == Event.delivery_id, later.id > Event.id,
            later.kind.in_(("undo", kind)),
        )
        .exists()
    )  # fmt: skip
    rows = db.session.execute(
        sa.select(Event, Contact)
        .outerjoin(Contact, Contact.id == Event.contact_id)
        .where(Event.campaign_id == campaign.id, Event.kind == kind, Event.id > after, ~taken_back)
        .order_by(Event.id)
        .limit(PAGE_SIZE + 1)
    )
    return [Act(event.id, contact, event.at, _words(event)) for event, contact in rows]


def _words(event: Event) -> str:
    ways = {"link": "on the page", "one_click": "with the button of their mail program",
            "mail": "by mail", "provider": "with the mail provider's link"}  # fmt: skip
    if event.kind == "unsubscribe":
        return ways.get(event.reason, event.reason)
    known = {"hard": "for good", "soft": "for now", "sender": "because of us"}.get(
        event.verdict or "", ""
    )
    return ": ".join(part for part in (known, event.reason) if part)
