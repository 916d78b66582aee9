"""Two contacts become one, with the history of their mails."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts import merging, queries, writing
from app.contacts.changes import Actor
from app.contacts.models import Contact
from app.core.db import connection, db
from app.delivery.models import Delivery, Event


def merge(
    account: Account, keep_id: int, other_id: int, take: Mapping[str, str], *, by: Actor
) -> Contact:
    """Give one contact all that the other has, and remove the other. Raises NotFound, Invalid.

    A campaign that both got stays counted twice, for it was two mails; the second one then
    belongs to nobody.
    """
    keep, other = queries.contact(account, keep_id), queries.contact(account, other_id)
    merging.join(keep, other, take, by=by)
    _move_mails(keep_id, other_id)
    writing.delete_rows(account.id, [other_id])
    db.session.expire_all()
    return keep


def both_got(keep: Contact, other: Contact) -> int:
    """How many campaigns were mailed to both."""
    mine = sa.select(Delivery.campaign_id).where(Delivery.contact_id == keep.id)
    query = sa.select(sa.func.count()).where(
        Delivery.contact_id == other.id, Delivery.campaign_id.in_(mine)
    )
    return db.session.scalar(query) or 0


def _move_mails(keep_id: int, other_id: int) -> None:
    mails, events = Delivery.__table__, Event.__table__
    mine = sa.select(Delivery.campaign_id).where(Delivery.contact_id == keep_id)
    connection().execute(
        sa.update(mails)  # type: ignore[arg-type]
        .where(mails.c.contact_id == other_id, mails.c.campaign_id.not_in(mine))
        .values(contact_id=keep_id)
    )
    connection().execute(
        sa.update(events)  # type: ignore[arg-type]
        .where(events.c.contact_id == other_id)
        .values(contact_id=keep_id)
    )
