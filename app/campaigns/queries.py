"""Reading campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.accounts.models import Account, Sender
from app.campaigns.models import Campaign
from app.contacts.models import Contact, ContactField, ContactList, Segment
from app.core.db import db
from app.core.owning import owned
from app.core.pagination import PAGE_SIZE, Page, cut, decode


def campaign(account: Account, campaign_id: int) -> Campaign:
    """One of the account's campaigns. Raises NotFound."""
    audience = selectinload(Campaign.audience)
    return owned(Campaign, account.id, campaign_id, "This campaign", audience)


def campaigns(
    account: Account,
    *,
    state: str = "",
    text: str = "",
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page[Campaign]:
    """Newest first; `text` is looked for in names and subjects."""
    query = sa.select(Campaign).where(
        Campaign.account_id == account.id, Campaign.kind == "campaign"
    )
    if state:
        query = query.where(Campaign.state == state)
    if text:
        query = query.where(
            sa.or_(
                Campaign.name.icontains(text, autoescape=True),
                Campaign.subject.icontains(text, autoescape=True),
            )
        )
    if key := decode(cursor):
        query = query.where(Campaign.id < key.number(0))
    rows = db.session.scalars(query.order_by(Campaign.id.desc()).limit(limit + 1)).all()
    return cut(rows, limit, lambda row: [row.id])


def latest(account: Account) -> Campaign | None:
    """The campaign that was made last; a new one starts with its From and lists."""
    return db.session.scalar(
        sa.select(Campaign)
        .where(
            Campaign.account_id == account.id,
            Campaign.is_sample.is_(False),
            Campaign.kind == "campaign",
        )
        .order_by(Campaign.id.desc())
        .limit(1)
    )


def others_named(campaign: Campaign) -> int:
    """How many other campaigns of the account have the same name."""
    return (
        db.session.scalar(
            sa.select(sa.func.count(Campaign.id)).where(
                Campaign.account_id == campaign.account_id,
                Campaign.name == campaign.name,
                Campaign.id != campaign.id,
            )
        )
        or 0
    )


def senders(account: Account) -> Sequence[Sender]:
    """From identities, confirmed or not."""
    return db.session.scalars(
        sa.select(Sender).where(Sender.account_id == account.id).order_by(Sender.email).limit(200)
    ).all()


def sender(account_id: int, email: str) -> Sender | None:
    """The From identity of an address."""
    return db.session.scalar(
        sa.select(Sender).where(Sender.account_id == account_id, Sender.email == email.lower())
    )


def lists(account: Account) -> Sequence[ContactList]:
    """Lists that are in use."""
    return db.session.scalars(
        sa.select(ContactList)
        .where(ContactList.account_id == account.id, ContactList.archived_at.is_(None))
        .order_by(ContactList.name, ContactList.id)
        .limit(500)
    ).all()


def owned_lists(account_id: int, ids: Sequence[int]) -> Sequence[ContactList]:
    """Those of `ids` that belong to the account."""
    return db.session.scalars(
        sa.select(ContactList)
        .where(ContactList.account_id == account_id, ContactList.id.in_(ids))
        .order_by(ContactList.name, ContactList.id)
    ).all()


def segments(account_id: int, ids: Sequence[int] | None = None) -> Sequence[Segment]:
    """The account's segments, or those of `ids` that belong to it."""
    query = sa.select(Segment).where(Segment.account_id == account_id)
    if ids is not None:
        query = query.where(Segment.id.in_(ids))
    return db.session.scalars(query.order_by(Segment.name, Segment.id).limit(500)).all()


def fields(account_id: int) -> Sequence[ContactField]:
    """Custom fields, which are merge tags."""
    return db.session.scalars(
        sa.select(ContactField)
        .where(ContactField.account_id == account_id)
        .order_by(ContactField.position, ContactField.id)
        .limit(200)
    ).all()


def sample_contact(account_id: int) -> Contact | None:
    """Somebody to show a preview with."""
    return db.session.scalar(
        sa.select(Contact).where(Contact.account_id == account_id).order_by(Contact.id).limit(1)
    )


def contact(account: Account, contact_id: int) -> Contact:
    """One of the account's contacts. Raises NotFound."""
    return owned(Contact, account.id, contact_id, "This person")


def people(account: Account, text: str) -> Sequence[Contact]:
    """A few contacts whose address or name begins with `text`, to preview as."""
    text = text.strip().casefold()
    query = sa.select(Contact).where(Contact.account_id == account.id)
    if text:
        query = query.where(
            sa.or_(
                _begins(Contact.address, text),
                _begins(Contact.first_key, text[:64]),
                _begins(Contact.last_key, text[:64]),
            )
        )
    return db.session.scalars(query.order_by(Contact.id).limit(8)).all()


def _begins(column: sa.orm.InstrumentedAttribute[Any], text: str) -> sa.ColumnElement[bool]:
    # A range instead of LIKE: it uses the index on both databases.
    return sa.and_(column >= text, column < text + "\uffff")
