"""Taking a merge back: two contacts are again what they were before.

Each value goes back that still is what the merge made it; what was changed later stays with the
contact that stayed. A no that came in since counts for both, for nobody knows whose it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.accounts.models import Account
from app.contacts import changes, channels, counting, suppressions
from app.contacts.bulk import among
from app.contacts.changes import Actor
from app.contacts.consent import BY_PERSON
from app.contacts.models import (
    Consent,
    Contact,
    ContactChange,
    ImportJournal,
    Merge,
    Suppression,
)
from app.contacts.text import search_key
from app.core.clock import now
from app.core.db import Base, UtcDateTime, connection, db, insert
from app.core.errors import NotFound, WrongState

KEPT = timedelta(days=30)
#: Of which both can have rows: each row goes back by itself. Table → what tells two rows apart.
SHARED = {
    "contact_tag": "tag_id",
    "subscription": "list_id",
    "channel_consent": "channel",
    "contact_pause": "account_id",
    "contact_frequency": "account_id",
}
#: Histories, whose rows are pointed to the other contact and back.
HISTORIES = ("consent", "contact_change", "leaving_reason")
#: Found anew by the next look, or good for a few days only.
PASSING = ("finding", "likeness", "address_change")

Row = dict[str, Any]
Was = dict[str, Any]
"""{other, kept, after: {table: rows}, histories: {table: ids}, bulk: ids of bulk actions,
suppression: [before, after], merges: rows, mails: ids, inherited: ids of mails that were theirs
by an earlier merge (delivery.heirs), note: id of the line in the history}.
`kept` and `after` are of who stays."""


def look(keep: Contact, other: Contact) -> Was:
    """What both are, before anything is joined."""
    db.session.flush()
    shared = ("contact", *SHARED)
    mine = {row["action_id"] for row in _rows("bulk_change", keep.id)}
    theirs = [row["action_id"] for row in _rows("bulk_change", other.id)]
    return {
        "other": {name: _rows(name, other.id) for name in ("contact", *_own_tables())},
        "kept": {name: _rows(name, keep.id) for name in shared},
        "histories": {name: [row["id"] for row in _rows(name, other.id)] for name in HISTORIES},
        "bulk": [action_id for action_id in theirs if action_id not in mine],
        "suppression": [_suppression(keep)],
        "merges": _rows("contact_merge", other.id),
    }


def remember(was: Was, keep: Contact, other_id: int, *, by: Actor, mails: Sequence[int]) -> None:
    """Keep how to take it back, once all is joined; `mails` are Deliveries of the other one."""
    db.session.flush()
    was["after"] = {name: _rows(name, keep.id) for name in ("contact", *SHARED)}
    was["suppression"].append(_suppression(keep))
    was["mails"] = list(mails)
    merged = sa.select(sa.func.max(ContactChange.id)).where(
        ContactChange.contact_id == keep.id, ContactChange.what == "merged"
    )
    was["note"] = db.session.scalar(merged)
    moment = now()
    merge = Merge(
        account_id=keep.account_id, kept_id=keep.id, other_id=other_id, member_id=by.member_id,
        at=moment, kept_until=moment + KEPT, was=was,
    )  # fmt: skip
    db.session.add(merge)
    db.session.flush()


def of(contact: Contact) -> Sequence[Merge]:
    """What was merged into somebody and can be taken back, newest first; the first one only
    until that is done."""
    query = sa.select(Merge).where(Merge.kept_id == contact.id, Merge.kept_until > now())
    return db.session.scalars(query.order_by(Merge.id.desc()).limit(20)).all()


def find(account: Account, contact_id: int, merge_id: int) -> Merge:
    """Raises NotFound."""
    merge = db.session.get(Merge, merge_id, with_for_update=True, populate_existing=True)
    if merge is None or merge.account_id != account.id or merge.kept_id != contact_id:
        raise NotFound("What was merged")
    return merge


def person(merge: Merge) -> Row:
    """Who the other one was: columns of Contact."""
    rows: list[Row] = merge.was["other"]["contact"]
    return rows[0]


def part(merge: Merge, *, by: Actor) -> Contact:
    """Make them two again, all but their mails; returns who is here again. Raises WrongState."""
    was, keep = merge.was, db.session.get_one(Contact, merge.kept_id, with_for_update=True)
    _check(merge)
    refused = _refused(merge, keep)
    current = {name: _rows(name, keep.id) for name in SHARED}
    _insert("contact", was["other"]["contact"])
    counting.people(merge.account_id, 1)
    other = db.session.get_one(Contact, merge.other_id)
    for name in SHARED:
        spared = refused.keys() if name == "subscription" else ()
        _give_back(name, keep.id, was["kept"][name], was["after"][name], current[name], spared)
    for name in _own_tables():
        if name != "bulk_change":
            _count(name, _insert(name, was["other"].get(name, [])), 1)
    _move_back(was, keep.id, other.id)
    if None not in refused:
        _lift(keep, *was["suppression"])
    _say_no(merge, keep, other, refused, by)
    _insert("contact_merge", was["merges"])
    _values_back(keep, was["kept"]["contact"][0], was["after"]["contact"][0])
    # The line names somebody who may be erased for themselves from now on.
    note = sa.update(ContactChange).where(ContactChange.id == was["note"])
    db.session.execute(note.values(details={}))
    for one in (keep, other):
        changes.note(one, "parted", by=by, details={})
    db.session.delete(merge)
    db.session.flush()
    return other


def drop_old() -> int:
    """Forget merges whose time is over; returns how many."""
    some = sa.select(Merge.id).where(Merge.kept_until < now()).limit(1_000)
    gone = db.session.execute(
        sa.delete(Merge).where(Merge.id.in_(some.scalar_subquery())),
        execution_options={"synchronize_session": False},
    )
    return gone.rowcount if isinstance(gone, CursorResult) else 0


def _check(merge: Merge) -> None:
    if merge.kept_until <= now():
        raise WrongState("This cannot be taken back any more.")
    address, account_id = person(merge)["address"], merge.account_id
    same = sa.select(Contact.id).where(Contact.account_id == account_id, Contact.address == address)
    if db.session.scalar(same) is not None:
        raise WrongState(f"{address} is among your contacts again, so they cannot be two.")
    found = suppressions.find(account_id, address)
    if found is not None and found.address is None:
        raise WrongState("That person was erased since.")
    later = sa.select(Merge.id).where(Merge.kept_id == merge.kept_id, Merge.id > merge.id)
    if db.session.scalar(later) is not None:
        raise WrongState("Somebody was merged into this contact later. Take that back first.")


def _own_tables() -> list[str]:
    """Tables whose rows go with a contact, but for its histories."""
    left = {*HISTORIES, *PASSING, "contact_merge"}
    return [
        table.name
        for table in Base.metadata.sorted_tables
        if table.name not in left and "contact_id" in table.c and any(
            key.column.table.name == "contact" and key.ondelete == "CASCADE"
            for key in table.c.contact_id.foreign_keys
        )
    ]  # fmt: skip


def _rows(name: str, contact_id: int) -> list[Row]:
    """Rows of one contact as they stand in JSON, in a fixed order."""
    table = Base.metadata.tables[name]
    key = {"contact": "id", "contact_merge": "kept_id"}.get(name, "contact_id")
    query = sa.select(table).where(table.c[key] == contact_id).order_by(*table.primary_key)
    return [
        {
            column: value.isoformat() if isinstance(value, datetime) else value
            for column, value in row._mapping.items()
        }
        for row in connection().execute(query)
    ]


def _suppression(contact: Contact) -> Row | None:
    found = suppressions.find(contact.account_id, contact.address)
    table = Suppression.__table__
    if found is None:
        return None
    db.session.refresh(found)
    values = {column.name: getattr(found, column.name) for column in table.c}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def _insert(name: str, rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows that what they refer to still allows; returns those that are there now."""
    table = Base.metadata.tables[name]
    done: list[Row] = []
    for row in rows:
        values = {
            column: datetime.fromisoformat(value)
            if isinstance(value, str) and isinstance(table.c[column].type, UtcDateTime)
            else value
            for column, value in row.items()
            if column in table.c and not table.c[column].computed
        }
        if not _hangs_together(table, values):
            continue
        statement = insert(table).values(**values).on_conflict_do_nothing()
        added = connection().execute(statement)
        if isinstance(added, CursorResult) and added.rowcount:
            done.append(dict(row))
    return done


def _hangs_together(table: sa.Table, values: dict[str, Any]) -> bool:
    """Whether what a row cannot be without is still there; what it can be without is left out."""
    if table.name == "import_change" and not _can_be_undone(values["import_id"]):
        return False
    for key in table.foreign_keys:
        value = values.get(key.parent.name)
        if value is None or key.column.table.name == "contact":
            continue
        there = sa.select(sa.literal(1)).where(key.column == value)
        if connection().scalar(there) is None:
            if not key.parent.nullable:
                return False
            values[key.parent.name] = None
    return True


def _can_be_undone(import_id: int) -> bool:
    journal = db.session.get(ImportJournal, import_id)
    return journal is not None and journal.state in ("kept", "counted")


def _give_back(
    name: str,
    keep_id: int,
    before: list[Row],
    after: list[Row],
    current: list[Row],
    spared: Collection[Any],
) -> None:
    """Rows of who stayed, where they still are what the merge made them; `spared` tells which
    stay as they are."""
    table, key = Base.metadata.tables[name], SHARED[name]
    was, became, here = ({row[key]: row for row in rows} for rows in (before, after, current))
    for one in (was.keys() | became.keys()) - set(spared):
        old, new = was.get(one), became.get(one)
        if old == new or here.get(one) != new:
            continue
        if new is not None:
            mine = (table.c.contact_id == keep_id, table.c[key] == one)
            connection().execute(sa.delete(table).where(*mine))
            _count(name, [new], -1)
        if old is not None:
            _count(name, _insert(name, [old]), 1)


def _count(name: str, rows: Iterable[Row], sign: int) -> None:
    """Kept counters follow."""
    for row in rows:
        if name == "contact_tag":
            counting.tagged(row["tag_id"], sign)
        elif name == "subscription" and row["state"] in ("active", "pending"):
            counting.on_list(row["list_id"], **{row["state"]: sign})


def _move_back(was: Was, keep_id: int, other_id: int) -> None:
    """Histories, and what was done to the other one with many people at once."""
    for name in HISTORIES:
        table = Base.metadata.tables[name]
        change = sa.update(table).where(
            among(table.c.id, was["histories"][name]), table.c.contact_id == keep_id
        )
        connection().execute(change.values(contact_id=other_id))
    table = Base.metadata.tables["bulk_change"]
    theirs = {row["action_id"]: row for row in was["other"]["bulk_change"]}
    mine = sa.select(table.c.action_id).where(
        table.c.contact_id == keep_id, among(table.c.action_id, list(theirs))
    )
    still = set(connection().scalars(mine))
    moved = [one for one in was["bulk"] if one in still]
    connection().execute(
        sa.update(table)
        .where(table.c.contact_id == keep_id, among(table.c.action_id, moved))
        .values(contact_id=other_id)
    )
    _insert("bulk_change", [theirs[one] for one in sorted(still - set(moved))])


def _lift(keep: Contact, before: Row | None, after: Row | None) -> None:
    """Why who stayed is not mailed, as far as only the merge said so."""
    if before == after or after is None or _suppression(keep) != after:
        return
    table = Base.metadata.tables["suppression"]
    connection().execute(sa.delete(table).where(table.c.id == after["id"]))
    if before is not None:
        _insert("suppression", [before])


def _refused(merge: Merge, keep: Contact) -> dict[int | None, datetime]:
    """Lists that the person left since, None for all mail, each with when. Who came back to a
    list may be the one of the two who did not leave it, so it stays refused."""
    all_mail = Consent.list_id.is_(None)
    said = sa.select(Consent.list_id, Consent.kind, Consent.at).where(
        Consent.contact_id == keep.id, Consent.at > merge.at,
        sa.or_(Consent.kind == "withdrawn", sa.and_(Consent.kind == "restored", all_mail)),
        sa.or_(Consent.source.in_(BY_PERSON), sa.and_(Consent.source == "hand", all_mail)),
    )  # fmt: skip
    refused: dict[int | None, datetime] = {}
    for list_id, kind, at in connection().execute(said.order_by(Consent.id)).all():
        if kind == "withdrawn":
            refused[list_id] = at
        else:
            refused.pop(None, None)
    return refused


def _say_no(
    merge: Merge, keep: Contact, other: Contact, refused: Mapping[int | None, datetime], by: Actor
) -> None:
    """What a person refused since counts for both."""
    for list_id, at in refused.items():
        _end(other.id, list_id, at)
    now_out = suppressions.find(keep.account_id, keep.address)
    if now_out is not None and now_out.by_person and now_out.created_at > merge.at:
        suppressions.add(
            keep.account_id, other.address, reason=now_out.reason, detail=now_out.detail
        )
    elif None in refused:
        suppressions.add(keep.account_id, other.address, reason="unsubscribed")
    if keep.tracking_off and not merge.was["after"]["contact"][0]["tracking_off"]:
        other.tracking_off = True
    for channel, answer in channels.of(keep).items():
        if not answer.is_allowed and answer.at > merge.at:
            channels.say(other, channel, "no", wording=answer.wording, by=by)


def _end(contact_id: int, list_id: int | None, at: datetime) -> None:
    """Take somebody off a list, or off all of them."""
    table = Base.metadata.tables["subscription"]
    mine = [table.c.contact_id == contact_id, table.c.state != "ended"]
    mine += [table.c.list_id == list_id] if list_id else []
    on = connection().execute(sa.select(table.c.list_id, table.c.state).where(*mine)).mappings()
    _count("subscription", [dict(row) for row in on], -1)
    connection().execute(sa.update(table).where(*mine).values(state="ended", ended_at=at))


def _values_back(keep: Contact, before: Row, after: Row) -> None:
    columns = Contact.__table__.c
    for name in before.keys() - {"id", "account_id", "fields", "first_key", "last_key"}:
        value = getattr(keep, name)
        current = value.isoformat() if isinstance(value, datetime) else value
        if before[name] != after[name] and current == after[name]:
            is_moment = isinstance(columns[name].type, UtcDateTime)
            setattr(keep, name, datetime.fromisoformat(before[name]) if is_moment else before[name])
    values, then = dict(keep.fields), (before["fields"], after["fields"])
    for key in then[0].keys() | then[1].keys():
        old, new = then[0].get(key), then[1].get(key)
        if old != new and values.get(key) == new:
            values[key] = old
    keep.fields = {key: value for key, value in values.items() if value is not None}
    keep.first_key, keep.last_key = search_key(keep.first_name), search_key(keep.last_name)
    keep.company_key = search_key(keep.company)
