"""Making and changing lists."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts.bulk import insert_missing
from app.contacts.models import ContactList
from app.contacts.naming import Names
from app.contacts.text import clean_line, clean_note
from app.core.clock import now
from app.core.db import Base, db
from app.core.errors import Invalid

OPT_INS = ("single", "double")
#: Files make no further lists in an account that has so many; by hand there is no end.
MOST_BY_FILE = 500


def create(
    account: Account, name: str, *, opt_in: str = "single", description: str = ""
) -> ContactList:
    """A new, empty list. Raises Invalid for an empty or taken name."""
    list_ = ContactList(account_id=account.id, active=0, pending=0)
    _set(list_, name, opt_in, description)
    db.session.add(list_)
    db.session.flush()
    return list_


def named(account_id: int, names: Collection[str]) -> tuple[dict[str, int], list[int]]:
    """Ids of the lists of these clean names, and which were made because there were none."""
    there = by_name(account_id, names)
    rows = [_values(account_id, name) for name in sorted(set(names) - there.keys())]
    if not rows:
        return there, []
    # Another import may make the same at the same moment.
    made = insert_missing(Base.metadata.tables["list"], rows)
    return by_name(account_id, names), made


def by_name(account_id: int, names: Collection[str]) -> dict[str, int]:
    """Ids of those of these lists that there are, as `Names` finds them."""
    query = sa.select(ContactList.name, ContactList.id).where(ContactList.account_id == account_id)
    ids = {row.name: row.id for row in db.session.execute(query.order_by(ContactList.id))}
    called = Names(ids)
    return {name: ids[there] for name in names if (there := called.of(name))}


def names_of(account_id: int) -> set[str]:
    """What the lists of an account are called."""
    query = sa.select(ContactList.name).where(ContactList.account_id == account_id)
    return set(db.session.scalars(query))


def _values(account_id: int, name: str) -> dict[str, object]:
    """A list as a file makes it."""
    return {
        "account_id": account_id, "name": name, "description": "", "opt_in": "single",
        "active": 0, "pending": 0, "is_sample": False, "created_at": now(),
    }  # fmt: skip


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
