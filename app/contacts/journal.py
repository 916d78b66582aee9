"""The journal of an import: what it changed, so that it can be undone for a while.

Of people who were there before, each value is kept as it was and as it became; of new people only
between which ids they lie. All is written in the transaction of the chunk that it tells of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.contacts.models import Import, ImportChange, ImportJournal
from app.contacts.rows import Person
from app.core.clock import now
from app.core.db import db, transaction

KEPT = timedelta(days=30)
#: Rows of a journal that go in one transaction.
AT_ONCE = 5_000
#: What a Person calls the columns of Contact that an import can change.
COLUMNS = {
    "kind": "kind",
    "kind_by": "kind_by",
    "first": "first_name",
    "last": "last_name",
    "company": "company",
    "external": "external_id",
    "notes": "notes",
}


class Journal:
    """Writes what the chunks of one import do. Everything happens in the caller's transaction."""

    def __init__(self, import_: Import) -> None:
        self._import_id = import_.id
        found = db.session.get(ImportJournal, import_.id)
        # A journal that began in the middle would undo half of what was done.
        if found is None and import_.rows == 0:
            found = ImportJournal(import_id=import_.id, account_id=import_.account_id, made={})
            found.kept_until = now() + KEPT
            db.session.add(found)
            db.session.flush()
        self._row = found

    def created(self, people: Sequence[Person], at: datetime) -> None:
        """These are new; their ids rise."""
        if self._row is None:
            return
        first, last = people[0].id, people[-1].id
        known_first, known_last = self._row.first_contact_id, self._row.last_contact_id
        self._row.first_contact_id = first if known_first is None else min(first, known_first)
        self._row.last_contact_id = last if known_last is None else max(last, known_last)
        self._row.kept_until = at + KEPT

    def made(self, what: str, keys: Iterable[Any]) -> None:
        """Note tags, fields, lists, gave_tags or gave_lists (see ImportJournal.made)."""
        if self._row is None:
            return
        known = self._row.made.get(what, [])
        fresh = [key for key in keys if key not in known]
        if fresh:
            self._row.made = {**self._row.made, what: [*known, *fresh]}

    def changed(
        self,
        people: Iterable[Person],
        tagged: dict[int, list[int]],
        joined: set[int],
        listed: dict[int, list[int]],
        heard: dict[int, dict[str, list[Any]]],
        at: datetime,
    ) -> None:
        """Note what became of people who were there before: their values, the tags that came by
        contact id, who came to the list that was chosen, to which of those the file names, and
        what it says of other channels."""
        if self._row is None:
            return
        rows = []
        for person in people:
            delta: dict[str, Any] = {}
            if person.was is not None:
                delta["values"] = changed_values(person, at)
            if ways := heard.get(person.id):
                said = {f"channel:{way}": values for way, values in ways.items()}
                delta["values"] = {**delta.get("values", {}), **said}
            if person.id in tagged:
                delta["tags"] = tagged[person.id]
            if person.id in joined:
                delta["joined"] = True
            if person.id in listed:
                delta["lists"] = listed[person.id]
            if delta:
                row = {"contact_id": person.id, "at": at, "delta": delta}
                rows.append({"import_id": self._import_id, **row})
        if rows:
            db.session.connection().execute(sa.insert(ImportChange), rows)
            self._row.kept_until = at + KEPT


def remember(person: Person) -> None:
    """Keep what is known of somebody before a row changes it for the first time."""
    person.was = {name: getattr(person, name) for name in COLUMNS}
    person.was["fields"] = dict(person.fields)


def changed_values(person: Person, at: datetime) -> dict[str, list[Any]]:
    """{column or field:KEY: [before, after]} of a remembered person; None where there is none."""
    was = person.was or {}
    found: dict[str, list[Any]] = {
        column: [was[name], getattr(person, name)]
        for name, column in COLUMNS.items()
        if was[name] != getattr(person, name)
    }
    before = was["fields"]
    for key, value in person.fields.items():
        if before.get(key) != value or key not in before:
            found[f"field:{key}"] = [before.get(key), value]
    found["updated_at"] = [stamp(person.updated_at), stamp(at)]
    return found


def stamp(moment: datetime | None) -> str | None:
    """A moment as it stands in a journal."""
    return moment.isoformat() if moment else None


def drop_old() -> int:
    """Forget journals whose time is over; returns how many. Those of undone imports stay, empty."""
    over = sa.select(ImportJournal.import_id).where(
        ImportJournal.kept_until < now(), ImportJournal.state.in_(("kept", "counted"))
    )
    ids = db.session.scalars(over.limit(1_000)).all()
    for import_id in ids:
        while _drop_some(import_id):
            pass
    return len(ids)


def _drop_some(import_id: int) -> bool:
    """Some rows of a journal, or itself when it has none left; whether there is more to do."""
    some = (
        sa.select(ImportChange.id).where(ImportChange.import_id == import_id).limit(AT_ONCE)
    ).scalar_subquery()
    with transaction(bulk=True):
        gone = db.session.execute(
            sa.delete(ImportChange).where(ImportChange.id.in_(some)),
            execution_options={"synchronize_session": False},
        )
        if isinstance(gone, CursorResult) and gone.rowcount:
            return True
        db.session.execute(
            sa.delete(ImportJournal).where(
                ImportJournal.import_id == import_id,
                ImportJournal.state.in_(("kept", "counted")),
            )
        )
    return False
