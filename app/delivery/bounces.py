"""What came back for a mail: a bounce or a complaint, written as an Event, acted upon.

Only a mailbox that does not exist ends at once what we send to it, and a complaint. What might
pass by itself adds up over time and campaigns; what is the provider's fault or our own never does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts import suppressions
from app.contacts.models import Contact
from app.core.clock import now
from app.core.db import db
from app.delivery import deciding, heirs
from app.delivery.models import Delivery, Event
from app.mailer import dsn
from app.mailer.faults import Fault

WORDS = 200
#: So many bounces of a mailbox, over so long, without a mail that arrived between, are enough.
ENOUGH = 5
OVER = timedelta(days=14)
#: A mail for which nothing came back for so long has arrived.
QUIET = timedelta(days=3)
#: Faults that add up; a full mailbox, the provider's troubles and our own do not.
ADD_UP = (Fault.MAILBOX.value, dsn.UNCLEAR)
_ORDER = ("complaint", "hard", "sender", "soft", "none")


def take(delivery_id: int, data: bytes) -> str:
    """Take a mail in that came to the bounce address of a Delivery; returns the verdict.

    Call inside a transaction.
    """
    findings = dsn.classify(data)
    delivery = db.session.get(Delivery, delivery_id)
    if delivery is not None:
        record(delivery, findings)
    return _worst(findings).verdict


def record(delivery: Delivery, findings: Sequence[dsn.Finding]) -> Event | None:
    """What a mail said that came back for a Delivery; None where it is nothing new.

    The address itself names the recipient, so one Event is enough whatever the report lists.
    The same verdict twice is written once.
    """
    # Nobody can know the address but from the mail: whatever comes to it, the mail had left.
    if delivery.state == "uncertain":
        deciding.prove_departure(delivery.id)
    found = _worst(findings)
    if found.verdict == "none":
        return None
    kind = "complaint" if found.verdict == "complaint" else "bounce"
    verdict = None if kind == "complaint" else found.verdict
    if _is_known(delivery.id, kind, verdict):
        return None
    words = f"{found.status} {found.reason}".strip()
    event = Event(
        campaign_id=delivery.campaign_id, delivery_id=delivery.id,
        contact_id=delivery.contact_id, kind=kind, verdict=verdict,
        fault=found.fault or None, reason=words[:WORDS],
    )  # fmt: skip
    db.session.add(event)
    db.session.flush()
    _act(delivery, found, words)
    return event


def _worst(findings: Sequence[dsn.Finding]) -> dsn.Finding:
    return min(findings, key=lambda finding: _ORDER.index(finding.verdict))


def _is_known(delivery_id: int, kind: str, verdict: str | None) -> bool:
    query = sa.select(
        sa.exists().where(
            Event.delivery_id == delivery_id, Event.kind == kind,
            sa.true() if verdict is None else Event.verdict == verdict,
        )
    )  # fmt: skip
    return bool(db.session.scalar(query))


def _act(delivery: Delivery, found: dsn.Finding, words: str) -> None:
    contact = heirs.person_of(delivery)
    if contact is None:
        return
    if found.verdict == "complaint":
        _keep_out(delivery, contact, "complaint", words)
    elif delivery.contact_id is None:
        return  # the address of whoever was merged, not theirs
    elif found.verdict == "hard" and found.fault == Fault.MAILBOX:
        _keep_out(delivery, contact, "bounced", words)
    elif found.fault in ADD_UP and is_lasting(contact.id):
        words = f"Bounced {ENOUGH} times or more over {OVER.days} days. Last: {words}"
        _keep_out(delivery, contact, "bounced", words)


def is_lasting(contact_id: int) -> bool:
    """Whether bounces of the mailbox itself have gone on for long, with no mail arriving."""
    since = _last_success(contact_id)
    query = sa.select(
        sa.func.count(sa.distinct(Event.delivery_id)), sa.func.min(Event.at), sa.func.max(Event.at)
    ).where(
        Event.contact_id == contact_id, Event.kind == "bounce", Event.fault.in_(ADD_UP)
    )  # fmt: skip
    if since is not None:
        query = query.where(Event.at > since)
    n, first, last = db.session.execute(query).one()
    return bool(n >= ENOUGH and last - first >= OVER)


def _last_success(contact_id: int) -> datetime | None:
    """When the person last used a mail, or one arrived and nothing came back."""
    used = db.session.scalar(
        sa.select(sa.func.max(Event.at)).where(
            Event.contact_id == contact_id, Event.verdict == "human"
        )
    )
    came_back = sa.exists().where(Event.delivery_id == Delivery.id, Event.kind == "bounce")
    arrived = db.session.scalar(
        sa.select(sa.func.max(Delivery.sent_at)).where(
            Delivery.contact_id == contact_id, Delivery.state == "sent",
            Delivery.sent_at < now() - QUIET, ~came_back,
        )
    )  # fmt: skip
    return max((moment for moment in (used, arrived) if moment), default=None)


def _keep_out(delivery: Delivery, contact: Contact, reason: str, words: str) -> None:
    account_id = db.session.get_one(Campaign, delivery.campaign_id).account_id
    suppressions.add(account_id, contact.address, reason=reason, detail=words[:1000])
