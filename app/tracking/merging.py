"""Two contacts become one, with the history of their mails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts import merging, parting, queries, suppressions, writing
from app.contacts.bulk import among
from app.contacts.changes import Actor
from app.contacts.models import Contact, Merge
from app.core.db import connection, db
from app.delivery import heirs
from app.delivery.models import Delivery, Event


def merge(
    account: Account, keep_id: int, other_id: int, take: Mapping[str, str], *, by: Actor
) -> Contact:
    """Give one contact all that the other has, and remove the other. Raises NotFound, Invalid.

    A campaign that both got stays counted twice, for it was two mails; what the second one's links
    do counts for who is left.
    """
    keep, other = queries.contact(account, keep_id), queries.contact(account, other_id)
    was = parting.look(keep, other)
    merging.join(keep, other, take, by=by)
    was["inherited"] = list(heirs.inherit(keep_id, other_id))
    mails = _move_mails(keep_id, other_id)
    parting.remember(was, keep, other_id, by=by, mails=mails)
    writing.delete_rows(account.id, [other_id])
    db.session.expire_all()
    return keep


def part(account: Account, contact_id: int, merge_id: int, *, by: Actor) -> Contact:
    """Make two of one again; returns who is here again. Raises NotFound, WrongState."""
    merge = parting.find(account, contact_id, merge_id)
    mails, inherited = merge.was["mails"], merge.was.get("inherited", [])
    complained = _complained_since(merge)
    other = parting.part(merge, by=by)
    for one in (db.session.get_one(Contact, contact_id), other) if complained else ():
        suppressions.add(account.id, one.address, reason="complaint")
    heirs.give_back(contact_id, other.id, mails, inherited)
    _give_mails_back(contact_id, other.id, mails)
    db.session.expire_all()
    return other


def _complained_since(merge: Merge) -> bool:
    """Whether one of the two complained, and has not come back: who was out already by then has
    nothing else that says so."""
    keep = db.session.get_one(Contact, merge.kept_id)
    found = suppressions.find(merge.account_id, keep.address)
    complaint = sa.select(Event.id).where(
        Event.contact_id == keep.id, Event.kind == "complaint", Event.at > merge.at
    )
    is_out = found is not None and found.by_person
    return is_out and db.session.scalar(complaint.limit(1)) is not None


def both_got(keep: Contact, other: Contact) -> int:
    """How many campaigns were mailed to both."""
    mine = sa.select(Delivery.campaign_id).where(Delivery.contact_id == keep.id)
    query = sa.select(sa.func.count()).where(
        Delivery.contact_id == other.id, Delivery.campaign_id.in_(mine)
    )
    return db.session.scalar(query) or 0


def _move_mails(keep_id: int, other_id: int) -> Sequence[int]:
    """Returns all mails of the other one, also those that belong to nobody now."""
    mails, events = Delivery.__table__, Event.__table__
    theirs = db.session.scalars(sa.select(Delivery.id).where(Delivery.contact_id == other_id)).all()
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
    return theirs


def _give_mails_back(keep_id: int, other_id: int, mails: Sequence[int]) -> None:
    """With all that was done with them, also since."""
    here, events = Delivery.__table__, Event.__table__
    for table, key in ((here, here.c.id), (events, events.c.delivery_id)):
        anybodys = sa.or_(table.c.contact_id == keep_id, table.c.contact_id.is_(None))
        connection().execute(
            sa.update(table)  # type: ignore[arg-type]
            .where(among(key, mails), anybodys)
            .values(contact_id=other_id)
        )
