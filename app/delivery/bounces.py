"""What came back for a mail: a bounce or a complaint, written as an Event, acted upon."""

from __future__ import annotations

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts import suppressions
from app.contacts.models import Contact
from app.core.db import db
from app.delivery import deciding
from app.delivery.models import Delivery, Event
from app.mailer.dsn import classify_bytes
from app.mailer.outcomes import MAILBOX_STATUSES

WORDS = 200


def take(delivery_id: int, data: bytes) -> str:
    """Take a mail in that came to the bounce address of a Delivery; returns the verdict.

    The address itself names the recipient, so one Event is enough whatever the report lists.
    The same verdict twice is written once. Call inside a transaction.
    """
    delivery = db.session.get(Delivery, delivery_id)
    if delivery is None:
        return "none"
    findings = classify_bytes(data)
    order = ("complaint", "hard", "sender", "soft", "none")
    found = min(findings, key=lambda finding: order.index(finding["verdict"]))
    verdict = found["verdict"]
    if verdict == "none":
        return verdict
    # Whatever bounces had left us.
    deciding.prove_departure(delivery_id)
    kind = "complaint" if verdict == "complaint" else "bounce"
    words = f"{found['status']} {found['reason']}".strip()
    if _is_known(delivery_id, kind, verdict):
        return verdict
    db.session.add(
        Event(
            campaign_id=delivery.campaign_id, delivery_id=delivery.id,
            contact_id=delivery.contact_id, kind=kind,
            verdict=None if kind == "complaint" else "hard" if verdict == "hard" else "soft",
            reason=words[:WORDS],
        )
    )  # fmt: skip
    if verdict == "complaint":
        _keep_out(delivery, "complaint", words)
    elif verdict == "hard" and (not found["status"] or found["status"] in MAILBOX_STATUSES):
        _keep_out(delivery, "bounced", words)
    return verdict


def _is_known(delivery_id: int, kind: str, verdict: str) -> bool:
    written = "hard" if verdict == "hard" else "soft"
    same = sa.true() if kind == "complaint" else Event.verdict == written
    query = sa.select(sa.exists().where(Event.delivery_id == delivery_id, Event.kind == kind, same))
    return bool(db.session.scalar(query))


def _keep_out(delivery: Delivery, reason: str, words: str) -> None:
    contact = db.session.get(Contact, delivery.contact_id) if delivery.contact_id else None
    if contact is None:
        return
    account_id = db.session.get_one(Campaign, delivery.campaign_id).account_id
    suppressions.add(account_id, contact.address, reason=reason, detail=words[:1000])
