"""Everybody of a list who has not confirmed is asked once more: once in all, and slowly."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.contacts import consent, suppressions
from app.contacts.asking import AskedEnough
from app.contacts.models import AskingRound, Contact, ContactList, Subscription
from app.core import stopping
from app.core.db import db, transaction
from app.core.errors import WrongState

#: People looked at in one transaction, and transactions at a time.
CHUNK, CHUNKS = 50, 20


def start(list_: ContactList) -> AskingRound:
    """Begin to ask, in the background. Raises WrongState while it is under way."""
    if under_way(list_):
        raise WrongState("They are being asked already.")
    begun = AskingRound(account_id=list_.account_id, list_id=list_.id, asked=0, left_out=0)
    db.session.add(begun)
    db.session.flush()
    return begun


def latest(list_: ContactList) -> AskingRound | None:
    """The last round of a list."""
    return db.session.scalar(
        sa.select(AskingRound)
        .where(AskingRound.list_id == list_.id)
        .order_by(AskingRound.id.desc())
        .limit(1)
    )


def under_way(list_: ContactList) -> bool:
    """Whether people of the list are being asked now."""
    found = latest(list_)
    return found is not None and found.state == "running"


def work() -> int:
    """Go on with rounds that are not over; returns how many people were looked at."""
    looked_at = 0
    for round_id in _running():
        for _ in range(CHUNKS):
            if stopping.asked():
                return looked_at
            with transaction():
                n = _some(round_id)
            looked_at += n
            if not n:
                break
    return looked_at


def _running() -> Sequence[int]:
    found = db.session.scalars(
        sa.select(AskingRound.id)
        .where(AskingRound.state == "running")
        .order_by(AskingRound.id)
        .limit(100)
    ).all()
    db.session.rollback()
    return found


def _some(round_id: int) -> int:
    row = db.session.get(AskingRound, round_id, with_for_update=True, populate_existing=True)
    if row is None or row.state != "running":
        return 0
    people = db.session.scalars(
        sa.select(Contact)
        .join(Subscription, Subscription.contact_id == Contact.id)
        .where(
            Subscription.list_id == row.list_id,
            Subscription.state == "pending",
            Subscription.contact_id > row.cursor,
        )
        .order_by(Subscription.contact_id)
        .limit(CHUNK)
    ).all()
    done = 0
    for contact in people:
        try:
            was_asked = _ask(contact)
        except AskedEnough:
            return done  # the rest tomorrow
        row.asked += was_asked
        row.left_out += not was_asked
        row.cursor, done = contact.id, done + 1
    row.state = "running" if done == CHUNK else "finished"
    return done


def _ask(contact: Contact) -> bool:
    try:
        return consent.remind(contact, source="reminder")
    except suppressions.Suppressed:
        return False
