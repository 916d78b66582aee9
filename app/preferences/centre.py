"""What an account lets people choose, and what a person has chosen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Account, Member
from app.contacts import fields, resting
from app.contacts.models import (
    Contact,
    ContactField,
    ContactList,
    OpenField,
    PreferenceCentre,
    PublicList,
    Subscription,
)
from app.contacts.text import clean_line, clean_note
from app.core.db import db
from app.core.errors import Invalid

WORDS_LENGTH = 2_000
PASSAGES_LENGTH = 10_000
#: More lists than this are on no page.
MOST_LISTS = 200
SWITCHES = ("with_names", "with_address", "with_frequency", "with_reasons")


@dataclass(frozen=True)
class Offer:
    """A list as a person sees it."""

    list: ContactList
    name: str
    description: str
    state: str
    """pending, active, ended, or empty for who never was on it."""
    is_public: bool
    """Whether it can be joined here; others can only be left."""


def of(account: Account) -> PreferenceCentre:
    """What was chosen, or the defaults, which are in no session."""
    return db.session.get(PreferenceCentre, account.id) or PreferenceCentre(
        account_id=account.id, words="", pauses=list(resting.PAUSES), with_names=True,
        with_address=True, with_frequency=True, with_reasons=True, privacy_contact="",
        privacy_words="", goodbye="",
    )  # fmt: skip


def public_lists(account: Account) -> dict[int, PublicList]:
    """By the list's id."""
    rows = db.session.scalars(
        sa.select(PublicList).where(PublicList.account_id == account.id).limit(MOST_LISTS)
    )
    return {row.list_id: row for row in rows}


def offers(account: Account, contact: Contact | None) -> list[Offer]:
    """The lists that people may join, and those that this person is on."""
    query = (
        sa.select(ContactList, PublicList, Subscription.state)
        .outerjoin(PublicList, PublicList.list_id == ContactList.id)
        .outerjoin(
            Subscription,
            sa.and_(
                Subscription.list_id == ContactList.id,
                Subscription.contact_id == (contact.id if contact else 0),
            ),
        )
        .where(
            ContactList.account_id == account.id,
            ContactList.archived_at.is_(None) | (Subscription.state == "active"),
            PublicList.list_id.is_not(None) | (Subscription.state == "active"),
        )
        .order_by(ContactList.name, ContactList.id)
        .limit(MOST_LISTS)
    )
    return [
        Offer(
            list_, (public and public.name) or list_.name,
            public.description if public else "", state or "",
            public is not None and list_.archived_at is None,
        )
        for list_, public, state in db.session.execute(query)
    ]  # fmt: skip


def open_fields(account: Account) -> list[ContactField]:
    """Custom fields that people may fill in, in their order."""
    chosen = set(
        db.session.scalars(sa.select(OpenField.field_id).where(OpenField.account_id == account.id))
    )
    return [field for field in fields.askable(account.id).values() if field.id in chosen]


def change(
    account: Account, by: Member, *, words: str, pauses: Collection[int],
    switches: Collection[str], privacy_contact: str = "", privacy_words: str = "",
    goodbye: str = "",
) -> None:  # fmt: skip
    """Choose what people see. Raises Invalid."""
    if not set(pauses) <= set(resting.PAUSES):
        raise Invalid("A pause takes 30, 60 or 90 days.")
    row = db.session.get(PreferenceCentre, account.id) or PreferenceCentre(account_id=account.id)
    row.words = clean_note(words)[:WORDS_LENGTH]
    row.pauses = sorted(pauses)
    row.goodbye = clean_note(goodbye)[:WORDS_LENGTH]
    row.privacy_contact = clean_note(privacy_contact)[:WORDS_LENGTH]
    row.privacy_words = clean_note(privacy_words)[:PASSAGES_LENGTH]
    for name in SWITCHES:
        setattr(row, name, name in switches)
    db.session.add(row)
    auditing.note(account, by, "preferences.change")
    db.session.flush()


def show_lists(account: Account, chosen: Mapping[int, tuple[str, str]]) -> None:
    """Let people choose these lists, by id with the name and the words that they see, and no
    others. Ids of other accounts are passed over."""
    db.session.execute(sa.delete(PublicList).where(PublicList.account_id == account.id))
    own = db.session.scalars(
        sa.select(ContactList.id).where(
            ContactList.account_id == account.id, ContactList.id.in_(chosen)
        )
    ).all()
    for list_id in own:
        name, description = chosen[list_id]
        db.session.add(
            PublicList(
                list_id=list_id, account_id=account.id, name=clean_line(name),
                description=clean_note(description)[:WORDS_LENGTH],
            )
        )  # fmt: skip
    db.session.flush()


def open_these(account: Account, field_ids: Collection[int]) -> None:
    """Let people fill in these custom fields, and no others."""
    db.session.execute(sa.delete(OpenField).where(OpenField.account_id == account.id))
    own = [field.id for field in fields.askable(account.id).values() if field.id in field_ids]
    db.session.add_all(OpenField(field_id=one, account_id=account.id) for one in own)
    db.session.flush()


def fitting(centre: PreferenceCentre) -> Sequence[int]:
    """The pauses that are offered, shortest first."""
    return [days for days in resting.PAUSES if days in centre.pauses]
