"""What the API reads, always through the account, always a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Account
from app.campaigns.models import Campaign
from app.contacts.models import (
    Contact,
    ContactList,
    Import,
    ImportProblem,
    Segment,
    Subscription,
    Suppression,
    Tag,
    contact_tag,
)
from app.contacts.suppressions import address_hash
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.owning import owned
from app.core.pagination import Page, cut, decode
from app.delivery.models import Delivery, in_state

PAGE = 100
CHUNK = 2000


def lists(account: Account, cursor: str | None, limit: int) -> Page[ContactList]:
    """The account's lists, newest first."""
    return _newest_first(
        sa.select(ContactList).where(ContactList.account_id == account.id),
        ContactList.id, cursor, limit,
    )  # fmt: skip


def list_(account: Account, list_id: int) -> ContactList:
    """One list. Raises NotFound."""
    return owned(ContactList, account.id, list_id, "The list")


def contact(account: Account, contact_id: int) -> Contact:
    """One contact. Raises NotFound."""
    return owned(Contact, account.id, contact_id, "The contact")


def suppression(account: Account, suppression_id: int) -> Suppression:
    """One suppression. Raises NotFound."""
    return owned(Suppression, account.id, suppression_id, "The suppression")


def import_(account: Account, import_id: int) -> Import:
    """One import that was begun. Raises NotFound."""
    row = owned(Import, account.id, import_id, "The import")
    if row.state == "draft":
        raise NotFound("The import")
    return row


def problems(import_: Import) -> Iterator[ImportProblem]:
    """The rows that were not taken, in the order of the file, a chunk at a time."""
    last = 0
    while True:
        rows = db.session.scalars(
            sa.select(ImportProblem)
            .where(ImportProblem.import_id == import_.id, ImportProblem.id > last)
            .order_by(ImportProblem.id)
            .limit(CHUNK)
        ).all()
        yield from rows
        if len(rows) < CHUNK:
            return
        last = rows[-1].id
        db.session.expunge_all()


def campaigns(account: Account, cursor: str | None, limit: int) -> Page[Campaign]:
    """The account's campaigns, newest first."""
    of_account = sa.select(Campaign).where(
        Campaign.account_id == account.id, Campaign.kind == "campaign"
    )
    return _newest_first(of_account, Campaign.id, cursor, limit)


def segments(
    account: Account, cursor: str | None, limit: int, *, name: str | None = None
) -> Page[Segment]:
    """The account's segments, newest first; or the one of a name."""
    wanted = sa.select(Segment).where(Segment.account_id == account.id)
    if name is not None:
        wanted = wanted.where(Segment.name == name)
    return _newest_first(wanted, Segment.id, cursor, limit)


def suppressions(
    account: Account, cursor: str | None, limit: int, *, address: str | None = None
) -> Page[Suppression]:
    """The account's suppressions, newest first; or the one of an address."""
    wanted = sa.select(Suppression).where(Suppression.account_id == account.id)
    if address:
        keyed = address_hash(account.id, address)
        wanted = wanted.where(Suppression.address_hash == keyed)
    return _newest_first(wanted, Suppression.id, cursor, limit)


def deliveries(
    campaign: Campaign, cursor: str | None, limit: int, *, state: str | None = None
) -> Page[tuple[Delivery, str | None]]:
    """A campaign's deliveries with their addresses, in the order of planning."""
    wanted = (
        sa.select(Delivery, Contact.email)
        .outerjoin(Contact, Contact.id == Delivery.contact_id)
        .where(Delivery.campaign_id == campaign.id)
    )
    if state:
        wanted = wanted.where(in_state(state))
    if after := _after(cursor):
        wanted = wanted.where(Delivery.id > after)
    found = db.session.execute(wanted.order_by(Delivery.id).limit(limit + 1)).all()
    rows = [(delivery, email) for delivery, email in found]
    return cut(rows, limit, lambda row: [row[0].id])


def lists_named(account: Account, ids: Iterable[int], field: str) -> list[ContactList]:
    """These lists of the account, in the order asked for. Raises Invalid naming the field."""
    return _named(ContactList, account, ids, field, "list")


def segments_named(account: Account, ids: Iterable[int], field: str) -> list[Segment]:
    """These segments of the account. Raises Invalid naming the field."""
    return _named(Segment, account, ids, field, "segment")


def subscriptions_of(contact_ids: Sequence[int]) -> dict[int, list[Subscription]]:
    """The subscriptions of these contacts, by contact."""
    found: dict[int, list[Subscription]] = {number: [] for number in contact_ids}
    rows = db.session.scalars(
        sa.select(Subscription)
        .where(Subscription.contact_id.in_(contact_ids))
        .order_by(Subscription.list_id)
    )
    for row in rows:
        found[row.contact_id].append(row)
    return found


def tags_of(contact_ids: Sequence[int]) -> dict[int, list[str]]:
    """The tags of these contacts, by contact, in the order of the alphabet."""
    found: dict[int, list[str]] = {number: [] for number in contact_ids}
    rows = db.session.execute(
        sa.select(contact_tag.c.contact_id, Tag.name)
        .join(Tag, Tag.id == contact_tag.c.tag_id)
        .where(contact_tag.c.contact_id.in_(contact_ids))
        .order_by(Tag.name)
    )
    for contact_id, name in rows:
        found[contact_id].append(name)
    return found


def suppressed_among(account: Account, addresses: Sequence[str]) -> set[str]:
    """Which of these normalised addresses must not be mailed."""
    rows = db.session.scalars(
        sa.select(Suppression.address).where(
            Suppression.account_id == account.id, Suppression.address.in_(addresses)
        )
    )
    return {address for address in rows if address}


def _newest_first(wanted: sa.Select[Any], key: Any, cursor: str | None, limit: int) -> Page[Any]:
    if before := _after(cursor):
        wanted = wanted.where(key < before)
    rows = db.session.scalars(wanted.order_by(key.desc()).limit(limit + 1)).all()
    return cut(rows, limit, _key)


def _key(row: Any) -> list[int]:
    return [row.id]


def _after(cursor: str | None) -> int | None:
    key = decode(cursor)
    if key is None:
        return None
    if len(key) != 1 or not isinstance(key[0], int) or not 0 <= key[0] < 2**63:
        raise Invalid("This cursor is not one that a list answered with.")
    return key[0]


def _named(model: Any, account: Account, ids: Iterable[int], field: str, what: str) -> list[Any]:
    wanted = list(dict.fromkeys(ids))
    rows = db.session.scalars(
        sa.select(model).where(model.account_id == account.id, model.id.in_(wanted))
    )
    found = {row.id: row for row in rows}
    if missing := [number for number in wanted if number not in found]:
        message = f"There is no {what} {missing[0]}."
        raise Invalid(f"{field}: {message}", {field: [message]})
    return [found[number] for number in wanted]
