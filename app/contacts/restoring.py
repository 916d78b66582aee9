"""Undoing an import, second step: people who were there before get back what it changed.

Each value goes back that still is what the import made it; what was changed later stays. Where a
later import changed it, that one's journal learns the older value, so that undoing both, in
whichever order, brings back what there was before both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.contacts import counting, heard
from app.contacts.bulk import among
from app.contacts.journal import COLUMNS, stamp
from app.contacts.models import (
    Consent,
    Contact,
    Import,
    ImportChange,
    Subscription,
    contact_tag,
)
from app.contacts.text import search_key
from app.contacts.unmaking import Found, forget
from app.core.db import connection, db

_KEYS = {"first_name": "first_key", "last_name": "last_key", "company": "company_key"}
UNDONE = "The import of {} was undone."


class _Known:
    """A contact while its values are put back."""

    def __init__(
        self, row: Any, changes: Sequence[ImportChange], ways: Mapping[str, heard.Answer]
    ) -> None:
        self.id: int = row.id
        self.changes = changes
        """What imports did to them, oldest first."""
        self.was = {column: getattr(row, column) for column in COLUMNS.values()}
        self.was |= {f"field:{key}": value for key, value in row.fields.items()}
        self.was |= {f"channel:{way}": answer for way, answer in ways.items()}
        self.was["updated_at"] = stamp(row.updated_at)
        self.values = dict(self.was)
        self.restored = self.left = False
        """Whether something was put back, and whether something stays that was changed later."""


def restore_people(import_: Import, after: int, limit: int, *, really: bool) -> Found:
    """Put back what the import changed about the next people who were there before it."""
    ids = db.session.scalars(
        sa.select(ImportChange.contact_id)
        .where(ImportChange.import_id == import_.id, ImportChange.contact_id > after)
        .distinct()
        .order_by(ImportChange.contact_id)
        .limit(limit)
    ).all()
    if not ids:
        return Found()
    people = _people(import_, ids, really=really)
    places = _Places(import_, people)
    relinked = [change for known in people for change in _put_back(known, import_.id)]
    if really:
        _write(people)
        _say(import_.account_id, people)
        _relink(relinked)
        places.write()
        forget(import_.id, ids)
    numbers = Counter("restored" if known.restored else "left" for known in people)
    numbers["partly"] = sum(known.restored and known.left for known in people)
    return Found(numbers, max(ids))


def _people(import_: Import, ids: Sequence[int], *, really: bool) -> list[_Known]:
    """Whom the import itself made is not among them: they go or stay as a whole."""
    changes: dict[int, list[ImportChange]] = {}
    journal = sa.select(ImportChange).where(among(ImportChange.contact_id, ids))
    for change in db.session.scalars(journal.order_by(ImportChange.id)):
        db.session.expunge(change)  # who only counts changes it as well
        changes.setdefault(change.contact_id, []).append(change)
    table = Contact.__table__
    query = (
        sa.select(table)
        .where(among(table.c.id, ids), table.c.import_id.is_distinct_from(import_.id))
        .order_by(table.c.id)
    )
    if really:
        query = query.with_for_update()
    ways = heard.answers(ids)
    return [_Known(row, changes[row.id], ways.get(row.id, {})) for row in db.session.execute(query)]


def _put_back(known: _Known, import_id: int) -> list[ImportChange]:
    """The import's changes of one person, newest first; returns rows of later imports' journals
    that tell of another "before" now."""
    relinked: list[ImportChange] = []
    later: dict[str, ImportChange] = {}
    for change in reversed(known.changes):
        values: dict[str, list[Any]] = change.delta.get("values", {})
        if change.import_id != import_id:
            later |= dict.fromkeys(values, change)
            continue
        for name, (before, after) in values.items():
            heir = later.get(name)
            if heir is None:
                _put(known, name, before, after)
            elif heir.delta["values"][name][0] == after:
                heir.delta["values"][name][0] = before
                relinked.append(heir)
            known.left = known.left or (heir is not None and name != "updated_at")
    return relinked


def _put(known: _Known, name: str, before: Any, after: Any) -> None:
    if known.values.get(name) == after:
        known.values[name] = before
        known.restored = known.restored or name != "updated_at"
    elif name != "updated_at":
        known.left = True


def _write(people: Iterable[_Known]) -> None:
    """The values that are different now."""
    table = Contact.__table__
    names = (*COLUMNS.values(), *_KEYS.values(), "fields", "updated_at")
    change = sa.update(Contact).where(table.c.id == sa.bindparam("the_id"))
    change = change.values({name: sa.bindparam(f"new_{name}", type_=table.c[name].type)
                            for name in names})  # fmt: skip
    rows = [
        {"the_id": known.id} | {f"new_{name}": value for name, value in _row(known.values).items()}
        for known in people
        if known.values != known.was
    ]
    if rows:
        connection().execute(change, rows)


def _say(account_id: int, people: Iterable[_Known]) -> None:
    """What they said of other channels, as it was."""
    changed = {
        (known.id, name.partition(":")[2]): value
        for known in people
        for name, value in known.values.items()
        if name.startswith("channel:") and value != known.was.get(name)
    }
    heard.put(account_id, changed)


def _row(values: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {column: values[column] for column in COLUMNS.values()}
    row |= {key: search_key(values[column]) for column, key in _KEYS.items()}
    row["updated_at"] = datetime.fromisoformat(values["updated_at"])
    row["fields"] = {
        name.partition(":")[2]: value
        for name, value in values.items()
        if name.startswith("field:") and value is not None
    }
    return row


def _relink(changes: Iterable[ImportChange]) -> None:
    rows = {change.id: change.delta for change in changes}
    if rows:
        table = ImportChange.__table__
        change = sa.update(ImportChange).where(table.c.id == sa.bindparam("the_id"))
        connection().execute(
            change.values(delta=sa.bindparam("new_delta", type_=table.c.delta.type)),
            [{"the_id": key, "new_delta": delta} for key, delta in rows.items()],
        )


class _Places:
    """Places on the list and tags that the import gave to known people, and that are still there
    as it gave them."""

    def __init__(self, import_: Import, people: Sequence[_Known]) -> None:
        self._import = import_
        self._leave: dict[int, list[int]] = {}
        """Contacts by the list that they leave."""
        self._untag: dict[int, list[int]] = {}
        ids = [known.id for known in people]
        self._since = self._active(ids, people)
        self._tagged = self._pairs(ids)
        for known in people:
            for change in known.changes:
                if change.import_id == import_.id:
                    self._look(known, change)

    def _active(
        self, ids: Sequence[int], people: Iterable[_Known]
    ) -> dict[tuple[int, int], datetime]:
        """Since when they are on the lists that the import put them on."""
        named = {list_id for known in people for one in known.changes for list_id in self._of(one)}
        query = sa.select(Subscription.contact_id, Subscription.list_id, Subscription.since).where(
            among(Subscription.list_id, sorted(named)),
            Subscription.state == "active",
            among(Subscription.contact_id, ids),
        )
        return {(row.contact_id, row.list_id): row.since for row in db.session.execute(query)}

    def _of(self, change: ImportChange) -> list[int]:
        """The lists that somebody came to by a change of this import."""
        if change.import_id != self._import.id:
            return []
        chosen = self._import.list_id if change.delta.get("joined") else None
        return [*([] if chosen is None else [chosen]), *change.delta.get("lists", [])]

    @staticmethod
    def _pairs(ids: Sequence[int]) -> set[tuple[int, int]]:
        query = sa.select(contact_tag).where(among(contact_tag.c.contact_id, ids))
        return {(row.contact_id, row.tag_id) for row in db.session.execute(query)}

    def _look(self, known: _Known, change: ImportChange) -> None:
        # The list that was chosen may be gone: then nobody can be taken off it.
        gone = bool(change.delta.get("joined")) and self._import.list_id is None
        known.left = known.left or gone
        for list_id in self._of(change):
            if self._since.get((known.id, list_id)) == change.at:
                self._leave.setdefault(list_id, []).append(known.id)
                known.restored = True
            else:
                known.left = True
        for tag_id in change.delta.get("tags", []):
            if (known.id, tag_id) in self._tagged:
                self._untag.setdefault(tag_id, []).append(known.id)
                known.restored = True

    def write(self) -> None:
        """Take them away, and count."""
        for list_id, contact_ids in self._leave.items():
            subscriptions = sa.delete(Subscription).where(
                Subscription.list_id == list_id, among(Subscription.contact_id, contact_ids)
            )
            counting.on_list(list_id, active=-_rows(subscriptions))
            note(self._import, contact_ids, kind="withdrawn", list_id=list_id)
        for tag_id, contact_ids in self._untag.items():
            pairs = sa.delete(contact_tag).where(
                contact_tag.c.tag_id == tag_id, among(contact_tag.c.contact_id, contact_ids)
            )
            counting.tagged(tag_id, -_rows(pairs))


def note(import_: Import, contact_ids: Sequence[int], *, kind: str, list_id: int | None) -> None:
    """Evidence is never removed: that the account took its statement back stands behind it."""
    who = sa.select(Contact.id, Contact.address).where(among(Contact.id, list(contact_ids)))
    rows = [
        {
            "account_id": import_.account_id,
            "contact_id": contact_id,
            "address": address,
            "list_id": list_id,
            "kind": kind,
            "source": "import",
            "wording": UNDONE.format(import_.filename),
            "evidence": {"import": import_.id, "undone": True},
        }
        for contact_id, address in (connection().execute(who) if contact_ids else ())
    ]
    if rows:
        connection().execute(sa.insert(Consent), rows)


def _rows(statement: Any) -> int:
    done = connection().execute(statement)
    return done.rowcount if isinstance(done, CursorResult) else 0
