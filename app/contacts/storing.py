"""A chunk of an import into the database: read what is known, decide row by row, write in bulk.

The decisions are the same on both databases; only bulk insertion differs. Rows are worked in the
order of the file, so a second row of the same address meets what the first one left, and where a
chunk begins or ends changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from app.contacts import counting, kinds, lists, proofs, suppressions, tags, travelling
from app.contacts.bulk import Collision, among, insert_contacts, insert_missing
from app.contacts.fields import create as create_field
from app.contacts.fields import key_for
from app.contacts.heard import Heard
from app.contacts.journal import Journal, remember
from app.contacts.mapping import Columns
from app.contacts.models import (
    Consent,
    Contact,
    ContactField,
    ContactList,
    Import,
    Subscription,
    Suppression,
    Tag,
    contact_tag,
)
from app.contacts.rows import Person
from app.contacts.text import search_key
from app.core.clock import now
from app.core.db import Base, db
from app.core.errors import Invalid
from app.privacy import publishing

_CHANGED = (
    "kind", "kind_by", "first_name", "last_name", "company", "external_id", "first_key", "last_key",
    "company_key", "fields", "notes",
)  # fmt: skip
_SUBSCRIPTION = Base.metadata.tables["subscription"]
#: Attributes of Person that a target of a column fills.
_ATTRIBUTES = {
    "first_name": ("first",),
    "last_name": ("last",),
    "full_name": ("first", "last"),
    "company": ("company",),
    "external_id": ("external",),
    "kind": ("kind",),
    "notes": ("notes",),
}
COUNTS = ("created", "updated", "unchanged", "suppressed", "rejected")


class Store:
    """Writes the chunks of one import. Everything happens in the caller's transaction."""

    def __init__(self, import_: Import, labels: dict[str, str]) -> None:
        self._import = import_
        self._account_id = import_.account_id
        self._overwrites = import_.mode == "update"
        self._labels = dict(labels)
        """Fields that are made when their first value arrives."""
        self._kept = kept_names(import_.mapping["columns"])

    def put(self, people: Sequence[Person]) -> Counter[str]:
        """Store these rows; returns how many ended as what."""
        self._at = now()
        self._list_id = self._import.list_id
        self._people: dict[str, Person] = {}
        self._fresh: list[Person] = []
        self._told: dict[str, Person] = {}
        """Whom the file itself says not to mail."""
        self._told_again: set[str] = set()
        """Whom it says so of and who was not to be mailed already."""
        self._on: set[tuple[int, str]] = set()
        """Contacts with the names of lists that they are or were on, of those the file names."""
        self._list_names = {name for person in people for name in person.lists}
        addresses = sorted({person.address for person in people})
        self._journal = Journal(self._import)
        self._heard = Heard(self._import)
        self._barred = barred(self._account_id, addresses)
        self._load(addresses)
        counts = Counter(self._decide(person) for person in people)
        self._make_fields()
        self._write()
        self._people, self._fresh = {}, []
        return counts

    def _decide(self, row: Person) -> str:
        address = row.address
        if row.blocked:
            if address in self._barred:
                self._told_again.add(address)
            else:
                self._told.setdefault(address, row)
        person = self._people.get(address)
        if row.blocked or address in self._barred or address in self._told:
            if person is not None:
                # Who gets no mail may still get letters and calls, until they say no to those.
                self._heard.hear(person, row, fills=False)
            return "suppressed"
        if person is None:
            self._people[address] = row
            self._fresh.append(row)
            row.state, row.gained = "active", row.tags
            return "created"
        changed = self._overwrites and _overlay(person, row, self._kept)
        person.dirty = person.dirty or changed
        changed = self._heard.hear(person, row, fills=self._overwrites) or changed
        if self._list_id is not None and person.state is None:
            person.state, person.joins, changed = "active", True, True
            person.proof = row.proof
        if row.lists and self._put_on(person, row):
            person.proof, changed = row.proof or person.proof, True
        return "updated" if changed else "unchanged"

    def _put_on(self, person: Person, row: Person) -> bool:
        """Note lists that are new to somebody; who left one, or waits to confirm, stays so."""
        fresh = tuple(
            name
            for name in row.lists
            if name not in person.lists and (person.id, name) not in self._on
        )
        person.lists = (*person.lists, *fresh)
        return bool(fresh)

    def _load(self, addresses: list[str]) -> None:
        """What the account knows of these people, kept still until the transaction ends."""
        found = (
            sa.select(
                Contact.id, Contact.email, Contact.address, Contact.kind, Contact.first_name,
                Contact.last_name, Contact.company, Contact.notes, Contact.fields,
                Contact.kind_by, Contact.external_id, Contact.updated_at,
            )
            .where(Contact.account_id == self._account_id, among(Contact.address, addresses))
            # Two imports of the same people wait, and never for each other. By the bare id, SQLite
            # would walk through all people of the account in that order to find these.
            .order_by(Contact.id + 0)
            .with_for_update()
        )  # fmt: skip
        for row in db.session.execute(found):
            person = Person(0, row.email, row.address, "")
            person.id, person.kind, person.notes = row.id, row.kind, row.notes
            person.kind_by, person.external = row.kind_by, row.external_id
            person.first, person.last = row.first_name, row.last_name
            person.company, person.fields = row.company, dict(row.fields)
            person.updated_at = row.updated_at
            self._people[row.address] = person
        if self._people:
            self._load_more({person.id: person for person in self._people.values()})

    def _load_more(self, by_id: dict[int, Person]) -> None:
        """Their place on the list, their tags, and how else they may be reached."""
        ids = list(by_id)
        self._heard.load(by_id)
        states = sa.select(Subscription.contact_id, Subscription.state).where(
            Subscription.list_id == self._list_id, among(Subscription.contact_id, ids)
        )
        for contact_id, state in db.session.execute(states):
            by_id[contact_id].state = state
        words = (
            sa.select(contact_tag.c.contact_id, Tag.name)
            .join(Tag, Tag.id == contact_tag.c.tag_id)
            .where(among(contact_tag.c.contact_id, ids))
        )
        for contact_id, name in db.session.execute(words):
            by_id[contact_id].tags = (*by_id[contact_id].tags, name)
        if self._list_names:
            there = lists.by_name(self._account_id, self._list_names)
            name_of = {list_id: name for name, list_id in there.items()}
            places = sa.select(Subscription.contact_id, Subscription.list_id).where(
                among(Subscription.list_id, list(name_of)), among(Subscription.contact_id, ids)
            )
            for contact_id, list_id in db.session.execute(places):
                self._on.add((contact_id, name_of[list_id]))

    def _make_fields(self) -> None:
        if not self._labels:
            return
        used = {key for person in self._people.values() for key in person.fields}
        for key in sorted(used & self._labels.keys()):
            label = self._labels.pop(key)
            there = sa.select(ContactField.id).where(
                ContactField.account_id == self._account_id, ContactField.key == key
            )
            if db.session.scalar(there) is None:
                self._make_field(key, label, there)
                self._journal.made("fields", [key])

    def _make_field(self, key: str, label: str, there: sa.Select[int]) -> None:
        """Raises Collision where another import was faster."""
        try:
            create_field(self._account_id, label, key=key)
        except Invalid:
            if db.session.scalar(there) is None:
                raise
            raise Collision("The same field is being added elsewhere right now.") from None

    def _write(self) -> None:
        if self._fresh:
            self._insert()
        known = [person for person in self._people.values() if person.number == 0]
        self._update([person for person in known if person.dirty])
        joined = self._join([person for person in known if person.joins])
        heard = self._heard.write(self._people.values(), self._at)
        self._journal.changed(known, self._tag(), joined, self._put_on_lists(), heard, self._at)
        self._suppress()
        came = (person for person in known if person.joins or person.lists)
        self._prove([*self._fresh, *came])

    def _prove(self, people: list[Person]) -> None:
        """What the file says of when and where people agreed, beside the owner's statement."""
        if rows := proofs.consents(self._import, people, self._at):
            db.session.connection().execute(sa.insert(Consent), rows)

    def _insert(self) -> None:
        """New contacts, in the order of their addresses, for the index's sake."""
        self._fresh.sort(key=lambda person: person.address)
        insert_contacts(self._import, self._fresh, self._at)
        self._journal.created(self._fresh, self._at)
        counting.people(self._account_id, len(self._fresh))
        if told := [person.id for person in self._fresh if person.kind]:
            by_file = sa.update(Contact).where(among(Contact.id, told)).values(kind_by="file")
            db.session.execute(by_file, execution_options={"synchronize_session": False})
        new = sa.and_(
            Contact.id.between(self._fresh[0].id, self._fresh[-1].id),
            Contact.account_id == self._account_id,
            Contact.import_id == self._import.id,
        )
        if self._list_id is not None:
            place = {
                "contact_id": Contact.id,
                "list_id": sa.literal(self._list_id),
                "account_id": Contact.account_id,
                "state": sa.literal("active"),
                "since": Contact.created_at,
            }
            _insert_from(Subscription, sa.select(*place.values()).where(new), list(place))
            counting.on_list(self._list_id, active=len(self._fresh))
            self._journal.made("gave_lists", [self._list_id])
        columns = Consent.__table__.c
        said: dict[str, Any] = {
            "contact_id": Contact.id,
            "account_id": Contact.account_id,
            "address": Contact.address,
        }
        for name, value in self._statement(self._list_id).items():
            said[name] = sa.literal(value, columns[name].type)
        _insert_from(Consent, sa.select(*said.values()).where(new).order_by(Contact.id), list(said))

    def _statement(self, list_id: int | None) -> dict[str, Any]:
        """The owner's statement, as evidence."""
        return {
            "list_id": list_id,
            "kind": "stated",
            "source": "import",
            "wording": self._import.basis,
            "evidence": self._evidence(list_id),
            "policy_version_id": publishing.in_force(),
            "at": self._at,
        }

    def _evidence(self, list_id: int | None) -> dict[str, Any]:
        said = {"import": self._import.id, "member": self._import.member_id}
        list_ = db.session.get(ContactList, list_id) if list_id else None
        return {**said, "list": list_.name} if list_ else said

    def _update(self, people: list[Person]) -> None:
        if not people:
            return
        table = Contact.__table__
        change = sa.update(Contact).where(table.c.id == sa.bindparam("the_id"))
        values = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in _CHANGED}
        rows = [
            {
                "the_id": person.id,
                "new_kind": person.kind,
                "new_kind_by": person.kind_by,
                "new_first_name": person.first,
                "new_last_name": person.last,
                "new_company": person.company,
                "new_external_id": person.external,
                "new_first_key": search_key(person.first),
                "new_last_key": search_key(person.last),
                "new_company_key": search_key(person.company),
                "new_fields": person.fields,
                "new_notes": person.notes,
            }
            for person in people
        ]
        db.session.connection().execute(change.values(**values, updated_at=self._at), rows)

    def _join(self, people: list[Person]) -> set[int]:
        """Known people come to the list; who left it before is not among them."""
        if not people or self._list_id is None:
            return set()
        joined = self._subscribe(self._list_id, [person.id for person in people])
        self._note(people, **self._statement(self._list_id))
        return joined

    def _subscribe(self, list_id: int, contact_ids: list[int]) -> set[int]:
        """Those of them who are on the list now and were never before."""
        same = {"list_id": list_id, "account_id": self._account_id, "state": "active"}
        rows = [{**same, "contact_id": one, "since": self._at} for one in contact_ids]
        joined = set(insert_missing(_SUBSCRIPTION, rows))
        self._journal.made("gave_lists", [list_id])
        counting.on_list(list_id, active=len(joined))
        return joined

    def _put_on_lists(self) -> dict[int, list[int]]:
        """Lists that the rows name, made where missing: contact id → ids of lists joined."""
        if not self._list_names:
            return {}
        people: dict[str, list[Person]] = {}
        for person in self._people.values():
            for name in person.lists:
                people.setdefault(name, []).append(person)
        ids, made = lists.named(self._account_id, people)
        self._journal.made("lists", made)
        came: dict[int, list[int]] = {}
        for name in sorted(people):
            joined = self._subscribe(ids[name], [person.id for person in people[name]])
            who = [person for person in people[name] if person.id in joined]
            self._note(who, **self._statement(ids[name]))
            for person in who:
                came.setdefault(person.id, []).append(ids[name])
        return came

    def _tag(self) -> dict[int, list[int]]:
        """Tags that people got: contact id → ids of tags."""
        rows: dict[str, list[int]] = {}
        for person in self._people.values():
            for name in person.gained:
                rows.setdefault(name, []).append(person.id)
        there = set(db.session.scalars(sa.select(Tag.name).where(*self._named(rows))))
        gave: dict[int, list[int]] = {}
        for name in sorted(rows):
            tag = tags.named(self._account_id, name)
            if tag.name not in there:
                self._journal.made("tags", [tag.id])
            pairs = [{"contact_id": contact_id, "tag_id": tag.id} for contact_id in rows[name]]
            tagged = insert_missing(contact_tag, pairs)
            counting.tagged(tag.id, len(tagged))
            self._journal.made("gave_tags", [tag.id])
            for contact_id in tagged:
                gave.setdefault(contact_id, []).append(tag.id)
        return gave

    def _named(self, names: Iterable[str]) -> tuple[Any, ...]:
        return Tag.account_id == self._account_id, among(Tag.name, list(names))

    def _suppress(self) -> None:
        if self._told_again:
            suppressions.say_again(self._account_id, list(self._told_again), self._import.id)
        if not self._told:
            return
        file = f"said by the file {self._import.filename}"
        reasons = {address: person.blocked for address, person in self._told.items()}
        suppressions.add_many(self._account_id, reasons, detail=file, import_id=self._import.id)
        known = [person for address in self._told if (person := self._people.get(address))]
        statement = self._statement(self._list_id)
        self._note(known, **{**statement, "kind": "withdrawn", "wording": file})

    def _note(self, people: list[Person], **values: Any) -> None:
        rows = [
            {
                **values,
                "account_id": self._account_id,
                "contact_id": person.id,
                "address": person.address,
            }
            for person in people
        ]
        if rows:
            db.session.connection().execute(sa.insert(Consent), rows)


def kept_names(columns: Columns) -> frozenset[str]:
    """What only fills gaps: names of Person's attributes and keys of fields ("field:KEY")."""
    found: set[str] = set()
    for column in columns:
        if not column.get("keep"):
            continue
        kind, _, rest = column["to"].partition(":")
        key = {"field": f"field:{rest}", "new": f"field:{key_for(rest)}"}.get(kind)
        found.update([key] if key else _ATTRIBUTES.get(kind, ()))
    return frozenset(found)


def _overlay(person: Person, row: Person, kept: frozenset[str]) -> bool:
    """Put what a row says over what is known; empty cells say nothing, and what is `kept` stays
    unless it is empty. Whether that changed it."""
    changed: dict[str, Any] = {}
    for name in ("first", "last", "company", "external", "notes"):
        value, known = getattr(row, name), getattr(person, name)
        if value and value != known and not (known and name in kept):
            changed[name] = value
    changed.update(_kind_after(person, row, changed, kept))
    fields = {key: value for key, value in row.fields.items() if person.fields.get(key) != value}
    if kept:
        fields = {
            key: value
            for key, value in fields.items()
            if key not in person.fields or f"field:{key}" not in kept
        }
    gained = tuple(name for name in row.tags if name not in person.tags)
    if not (changed or fields or gained):
        return False
    if person.was is None and person.number == 0:
        remember(person)
    person.ready = None
    for name, value in changed.items():
        setattr(person, name, value)
    person.fields.update(fields)
    person.tags, person.gained = (*person.tags, *gained), (*person.gained, *gained)
    return True


def _kind_after(
    person: Person, row: Person, changed: dict[str, Any], kept: frozenset[str]
) -> dict[str, str]:
    """A file's word wins over what was worked out; the owner's and the person's own over both."""
    if row.number and person.number:
        # Both of this file: what it does not say is worked out when they are inserted.
        return {"kind": row.kind} if row.kind and row.kind != person.kind else {}
    if person.kind_by in ("hand", "person") or (person.kind_by and "kind" in kept):
        return {}
    if row.kind:
        kind, by = row.kind, "file"
    elif changed and not person.kind_by:
        first, last, company = (
            changed.get(name, getattr(person, name)) for name in ("first", "last", "company")
        )
        kind, by = kinds.guess(person.address.rpartition("@")[0], first, last, company), ""
    else:
        return {}
    return {"kind": kind, "kind_by": by} if kind != person.kind else {}


def barred(account_id: int, addresses: list[str]) -> set[str]:
    """Which of these addresses the account must not mail."""
    of_account = sa.select(Suppression.id).where(Suppression.account_id == account_id)
    if db.session.scalar(of_account.limit(1)) is None:
        return set()
    barred = set(
        db.session.scalars(
            sa.select(Suppression.address).where(
                Suppression.account_id == account_id, among(Suppression.address, addresses)
            )
        )
    )
    nameless = of_account.where(Suppression.address.is_(None))
    if db.session.scalar(nameless.limit(1)) is not None:
        hashes = {suppressions.address_hash(account_id, address): address for address in addresses}
        hashes |= travelling.foreign_hashes(account_id, addresses)
        found = sa.select(Suppression.address_hash).where(
            Suppression.account_id == account_id, among(Suppression.address_hash, list(hashes))
        )
        barred.update(hashes[hit] for hit in db.session.scalars(found))
    return {address for address in barred if address}


def _insert_from(model: Any, chosen: Any, names: list[str]) -> None:
    db.session.connection().execute(
        sa.insert(model).from_select(names, chosen, include_defaults=False)
    )
