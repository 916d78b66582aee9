"""What the pages read, always through the account, always limited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts.models import (
    Consent,
    Contact,
    ContactField,
    ContactList,
    Headcount,
    Import,
    ImportProblem,
    Subscription,
    Suppression,
    Tag,
    contact_tag,
)
from app.core.db import db
from app.core.owning import owned
from app.core.pagination import PAGE_SIZE, Page, cut, decode

MOST_LISTS = 500
MOST_TAGS = 1_000


def contact(account: Account, contact_id: int) -> Contact:
    """Raises NotFound."""
    return owned(Contact, account.id, contact_id, "The contact")


def list_(account: Account, list_id: int) -> ContactList:
    """Raises NotFound."""
    return owned(ContactList, account.id, list_id, "The list")


def field(account: Account, field_id: int) -> ContactField:
    """Raises NotFound."""
    return owned(ContactField, account.id, field_id, "The field")


def tag(account: Account, tag_id: int) -> Tag:
    """Raises NotFound."""
    return owned(Tag, account.id, tag_id, "The tag")


def import_(account: Account, import_id: int) -> Import:
    """Raises NotFound."""
    return owned(Import, account.id, import_id, "The import")


def suppression(account: Account, suppression_id: int) -> Suppression:
    """Raises NotFound."""
    return owned(Suppression, account.id, suppression_id, "The entry")


def headcount(account: Account) -> int:
    """How many contacts there are; kept, not counted."""
    found = sa.select(Headcount.people).where(Headcount.account_id == account.id)
    return db.session.scalar(found) or 0


def lists(account: Account, *, archived: bool = False) -> Sequence[ContactList]:
    """By name."""
    hidden = ContactList.archived_at.is_not(None) if archived else ContactList.archived_at.is_(None)
    return db.session.scalars(
        sa.select(ContactList)
        .where(ContactList.account_id == account.id, hidden)
        .order_by(ContactList.name)
        .limit(MOST_LISTS)
    ).all()


def tags(account: Account) -> Sequence[Tag]:
    """By name; those that nobody has any more are left out."""
    return db.session.scalars(
        sa.select(Tag)
        .where(Tag.account_id == account.id, Tag.people > 0)
        .order_by(Tag.name)
        .limit(MOST_TAGS)
    ).all()


def subscriptions(contact: Contact) -> Sequence[tuple[ContactList, Subscription]]:
    """The lists that a person is or was on."""
    rows = db.session.execute(
        sa.select(ContactList, Subscription)
        .join(Subscription, Subscription.list_id == ContactList.id)
        .where(Subscription.contact_id == contact.id)
        .order_by(ContactList.name)
        .limit(MOST_LISTS)
    )
    return [(row[0], row[1]) for row in rows]


def business(subscription: Subscription) -> str:
    """Whose list it is."""
    name = db.session.scalar(sa.select(Account.name).where(Account.id == subscription.account_id))
    return name or ""


def tags_of(contact_ids: Sequence[int]) -> dict[int, list[str]]:
    """Tags by contact."""
    rows = db.session.execute(
        sa.select(contact_tag.c.contact_id, Tag.name)
        .join(Tag, Tag.id == contact_tag.c.tag_id)
        .where(contact_tag.c.contact_id.in_(contact_ids))
        .order_by(Tag.name)
    )
    found: dict[int, list[str]] = {}
    for contact_id, name in rows:
        found.setdefault(contact_id, []).append(name)
    return found


def not_mailed(account: Account, contacts: Sequence[Contact]) -> dict[str, str]:
    """Which of these people must not be mailed: address → reason."""
    rows = db.session.execute(
        sa.select(Suppression.address, Suppression.reason).where(
            Suppression.account_id == account.id,
            Suppression.address.in_([contact.address for contact in contacts]),
        )
    )
    return {address: reason for address, reason in rows if address}


def consents(contact: Contact, *, limit: int = 100) -> Sequence[tuple[Consent, str | None]]:
    """What they agreed to and refused, newest first, with the list's name."""
    rows = db.session.execute(
        sa.select(Consent, ContactList.name)
        .outerjoin(ContactList, ContactList.id == Consent.list_id)
        .where(Consent.contact_id == contact.id)
        .order_by(Consent.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1]) for row in rows]


def suppressions(
    account: Account, *, cursor: str | None = None, address: str = "", limit: int = PAGE_SIZE
) -> Page[Suppression]:
    """Whom the account must not mail, newest first; or those whose address begins so."""
    query = sa.select(Suppression).where(Suppression.account_id == account.id)
    after = decode(cursor)
    if address:
        query = query.where(
            Suppression.address >= address, Suppression.address < address + "\U0010ffff"
        ).order_by(Suppression.address)
        if after:
            query = query.where(Suppression.address > after.text(0))
        return cut(_some(query, limit), limit, lambda row: [row.address])
    if after:
        query = query.where(Suppression.id < after.number(0))
    return cut(_some(query.order_by(Suppression.id.desc()), limit), limit, lambda row: [row.id])


def imports(account: Account, *, cursor: str | None = None, limit: int = 20) -> Page[Import]:
    """Newest first, without those that were given up before they began."""
    query = sa.select(Import).where(Import.account_id == account.id)
    if after := decode(cursor):
        query = query.where(Import.id < after.number(0))
    return cut(_some(query.order_by(Import.id.desc()), limit), limit, lambda row: [row.id])


def problems(import_: Import, *, after: int = 0, limit: int = PAGE_SIZE) -> Sequence[ImportProblem]:
    """Rows that were not taken, in the file's order."""
    return db.session.scalars(
        sa.select(ImportProblem)
        .where(ImportProblem.import_id == import_.id, ImportProblem.id > after)
        .order_by(ImportProblem.id)
        .limit(limit)
    ).all()


def _some(query: sa.Select[Any], limit: int) -> Sequence[Any]:
    return db.session.scalars(query.limit(limit + 1)).all()
