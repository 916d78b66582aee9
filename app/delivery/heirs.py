"""Whose a mail is: also of somebody who was merged with another who had got the same campaign.

A Delivery can belong to a person once, so the second one belongs to nobody; what its links and its
complaints say counts for the person who is left.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.contacts.bulk import among
from app.contacts.models import Contact
from app.core.db import connection, db
from app.delivery.models import Delivery, MergedMail


def person_of(delivery: Delivery) -> Contact | None:
    """None once the person was erased."""
    if delivery.contact_id:
        return db.session.get(Contact, delivery.contact_id)
    heir = sa.select(MergedMail.contact_id).where(MergedMail.delivery_id == delivery.id)
    return db.session.scalar(sa.select(Contact).where(Contact.id == heir.scalar_subquery()))


def inherit(keep_id: int, other_id: int) -> Sequence[int]:
    """Leave to one contact what the other had inherited, and the mails of campaigns that both got.
    Returns the former. Call before the other one's mails are moved."""
    had = db.session.scalars(
        sa.select(MergedMail.delivery_id).where(MergedMail.contact_id == other_id)
    ).all()
    connection().execute(
        sa.update(MergedMail).where(MergedMail.contact_id == other_id).values(contact_id=keep_id)
    )
    mine = sa.select(Delivery.campaign_id).where(Delivery.contact_id == keep_id)
    both = sa.select(Delivery.id, sa.literal(keep_id)).where(
        Delivery.contact_id == other_id, Delivery.campaign_id.in_(mine)
    )
    connection().execute(sa.insert(MergedMail).from_select(["delivery_id", "contact_id"], both))
    return had


def give_back(keep_id: int, other_id: int, mails: Sequence[int], had: Sequence[int]) -> None:
    """Undo `inherit`: `mails` are all that the other one had got, `had` what they had inherited."""
    connection().execute(
        sa.delete(MergedMail).where(
            MergedMail.contact_id == keep_id, among(MergedMail.delivery_id, mails)
        )
    )
    connection().execute(
        sa.update(MergedMail)
        .where(MergedMail.contact_id == keep_id, among(MergedMail.delivery_id, had))
        .values(contact_id=other_id)
    )
