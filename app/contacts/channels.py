"""Whether people may be reached by post or by phone, and how they said so."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.contacts import changes
from app.contacts.changes import Actor
from app.contacts.models import ChannelConsent, Contact
from app.contacts.text import clean_line, refuse_card_number
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid

CHANNELS = {"post": "Post", "phone": "Phone"}
ANSWERS = {"": None, "yes": True, "no": False}


def of(contact: Contact) -> dict[str, ChannelConsent]:
    """What is known, by channel."""
    rows = db.session.scalars(
        sa.select(ChannelConsent).where(ChannelConsent.contact_id == contact.id)
    )
    return {row.channel: row for row in rows}


def of_many(contact_ids: Sequence[int]) -> dict[int, dict[str, bool]]:
    """Which channels are allowed, by contact: for exports."""
    rows = db.session.scalars(
        sa.select(ChannelConsent).where(ChannelConsent.contact_id.in_(contact_ids))
    )
    found: dict[int, dict[str, bool]] = {}
    for row in rows:
        found.setdefault(row.contact_id, {})[row.channel] = row.is_allowed
    return found


def say(contact: Contact, channel: str, answer: str, *, wording: str = "", by: Actor) -> bool:
    """Keep their yes or no, or forget it for ""; whether that changed anything. Raises Invalid."""
    if channel not in CHANNELS or answer not in ANSWERS:
        raise Invalid("A channel is post or phone, and the answer yes, no or nothing.")
    wording = clean_line(wording, 2_000)
    refuse_card_number(wording, "What they said")
    row = db.session.get(ChannelConsent, (contact.id, channel))
    before = "" if row is None else _word(row.is_allowed)
    if before == answer and (row is None or row.wording == wording):
        return False
    _keep(contact, channel, row, answer, wording, by)
    changes.note(contact, "channel", by=by, details={channel: [before, answer]})
    db.session.flush()
    return True


def _keep(
    contact: Contact, channel: str, row: ChannelConsent | None, answer: str, wording: str, by: Actor
) -> None:
    allowed = ANSWERS[answer]
    if allowed is None:
        if row is not None:
            db.session.delete(row)
        return
    if row is None:
        row = ChannelConsent(
            contact_id=contact.id, channel=channel, account_id=contact.account_id
        )  # fmt: skip
        db.session.add(row)
    row.is_allowed, row.wording = allowed, wording
    row.member_id, row.at = by.member_id, now()


def _word(is_allowed: bool) -> str:
    return "yes" if is_allowed else "no"
