"""Kept counters, changed by exact differences in the transaction of what they count."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import sqlalchemy as sa

from app.contacts.models import ContactList, Headcount, ListDay, PeopleDay, Tag
from app.core.clock import now
from app.core.db import connection, db, insert


def on_list(list_id: int, *, active: int = 0, pending: int = 0) -> None:
    """People came to a list or left it; all of them in one direction."""
    if active:
        _bump(ListDay, {"list_id": list_id}, active)
    if active or pending:
        change = {
            "active": ContactList.active + active,
            "pending": ContactList.pending + pending,
        }
        db.session.execute(
            sa.update(ContactList).where(ContactList.id == list_id).values(change),
            execution_options={"synchronize_session": "fetch"},
        )


def tagged(tag_id: int, difference: int) -> None:
    """People got a tag or lost it."""
    if difference:
        db.session.execute(
            sa.update(Tag).where(Tag.id == tag_id).values(people=Tag.people + difference),
            execution_options={"synchronize_session": "fetch"},
        )


def people(account_id: int, difference: int) -> None:
    """Contacts came or went."""
    row = insert(Headcount).values(account_id=account_id, people=difference)
    change = {"people": Headcount.people + difference}
    db.session.execute(row.on_conflict_do_update(index_elements=["account_id"], set_=change))
    if difference:
        _bump(PeopleDay, {"account_id": account_id}, difference)


def _bump(model: type[ListDay | PeopleDay], whose: dict[str, int], difference: int) -> None:
    """Add to today's number of those who joined, or of those who are gone."""
    table: Any = model.__table__
    change = {"joined": max(difference, 0), "gone": max(-difference, 0)}
    row = insert(table).values(**whose, day=now().astimezone(UTC).date(), **change)
    added = {name: table.c[name] + row.excluded[name] for name in change}
    keys = [*whose, "day"]
    connection().execute(row.on_conflict_do_update(index_elements=keys, set_=added))
