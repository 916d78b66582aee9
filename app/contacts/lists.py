"""Making and changing lists."""

from __future__ import annotations

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts.models import ContactList
from app.contacts.text import clean_line, clean_note
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid

OPT_INS = ("single", "double")


def create(
    account: Account, name: str, *, opt_in: str = "single", description: str = ""
) -> ContactList:
    """A new, empty list. Raises Invalid for an empty or taken name."""
    list_ = ContactList(account_id=account.id, active=0, pending=0)
    _set(list_, name, opt_in, description)
    db.session.add(list_)
    db.session.flush()
    return list_


def change(list_: ContactList, *, name: str, opt_in: str, description: str = "") -> None:
    """Rename, describe, choose another rule for those who come from now on."""
    _set(list_, name, opt_in, description)
    db.session.flush()


def archive(list_: ContactList) -> None:
    """Hide a list without losing who is on it."""
    list_.archived_at = list_.archived_at or now()


def unarchive(list_: ContactList) -> None:
    """Show it again."""
    list_.archived_at = None


def _set(list_: ContactList, name: str, opt_in: str, description: str) -> None:
    name = clean_line(name)
    if not name:
        raise Invalid("Give the list a name.", {"name": ["Give the list a name."]})
    if opt_in not in OPT_INS:
        raise Invalid("opt_in is single or double.", {"opt_in": ["Choose single or double."]})
    same = sa.select(ContactList.id).where(
        ContactList.account_id == list_.account_id,
        ContactList.name == name,
        ContactList.id != (list_.id or 0),
    )
    with db.session.no_autoflush:
        taken = db.session.scalar(same)
    if taken:
        text = f"There is a list named {name} already."
        raise Invalid(text, {"name": [text]})
    list_.name, list_.opt_in, list_.description = name, opt_in, clean_note(description)
