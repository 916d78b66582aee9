"""Taking in people: who is here stays as they are and gains what is missing; who must not be
mailed, here or there, is not; nobody who was erased here comes back."""

from __future__ import annotations

import contextlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.contacts import barring, counting, fields, suppressions, tags
from app.contacts.bulk import among, insert_missing
from app.contacts.models import (
    ChannelConsent,
    Contact,
    ContactChange,
    ContactField,
    Subscription,
)
from app.contacts.text import (
    NAME_LENGTH,
    clean_line,
    clean_note,
    mask_card_numbers,
    search_key,
)
from app.core.db import Base, db
from app.core.errors import Invalid
from app.mailer.address import Address, BadAddress, quick
from app.moving.steps import ADDED, KNOWN, LEFT_OUT, Into, Row, is_yes, moment, whole, words

STATES = ("pending", "active", "ended")
_SUBSCRIPTION = Base.metadata.tables["subscription"]
_CONTACT = Base.metadata.tables["contact"]


def own_fields(into: Into) -> None:
    """Fields by their key; one that is here with another type keeps that."""
    known = fields.of(into.account.id)
    for row in into.package.document("fields.json"):
        key, label = words(row.get("key")), words(row.get("label"))
        if key in known:
            into.count("fields", KNOWN)
            continue
        try:
            fields.create(into.account.id, label, type_=words(row.get("type")), key=key)
            into.count("fields", ADDED)
        except Invalid as error:
            into.leave_out("fields", f"Field {clean_line(label, 60)}: {error}")


def contacts(into: Into, rows: Sequence[Row]) -> None:
    """A chunk of contacts.csv."""
    Chunk(into).take(rows)


class Chunk:
    """Some people, decided one by one and written together."""

    def __init__(self, into: Into) -> None:
        self._into = into
        self._account_id = into.account.id
        self._fields = fields.of(self._account_id)
        self._types = _types(into)
        self._moved: dict[int, int | None] = {}
        self._tags: defaultdict[str, list[int]] = defaultdict(list)
        self._kept_out: dict[int, int | None] = {}

    def take(self, rows: Sequence[Row]) -> None:
        """Write them, count them, remember their numbers."""
        read = list(self._read(rows))
        addresses = [address.address for address, _ in read]
        self._barred = barring.barred(self._account_id, addresses)
        self._erased = barring.erased(self._account_id, addresses)
        self._imports = self._into.new_ids("import", (row.get("import_id") for _, row in read))
        known = self._known(addresses)
        fresh: dict[str, tuple[Address, Row]] = {}
        for address, row in read:
            if (found := known.get(address.address)) is not None:
                self._fill_in(found, row)
            elif self._must_stay_out(address, row):
                self._leave_out(row)
            else:
                fresh.setdefault(address.address, (address, row))
        self._insert(fresh)
        self._tag()
        self._into.remember("contact", self._moved)
        self._into.remember("barred", self._kept_out)

    def _read(self, rows: Sequence[Row]) -> Iterator[tuple[Address, Row]]:
        for row in rows:
            try:
                yield quick(words(row.get("email")).strip()), row
            except BadAddress as error:
                email = clean_line(words(row.get("email")), 80)
                self._into.leave_out("contacts", f"{email}: {error}")

    def _known(self, addresses: list[str]) -> dict[str, Contact]:
        query = (
            sa.select(Contact)
            .where(Contact.account_id == self._account_id, among(Contact.address, addresses))
            .with_for_update()
        )
        return {row.address: row for row in db.session.scalars(query)}

    def _must_stay_out(self, address: Address, row: Row) -> bool:
        """Barred here while the file knows nothing of it: as with every import. Whom the file
        itself calls barred comes in with that, unless they were erased here."""
        return address.address in self._erased or self._is_at_odds(address.address, row)

    def _is_at_odds(self, address: str, row: Row) -> bool:
        """Whether the row says something else of who may be mailed than what holds here.

        The suppressions of the file hold here by now. A `status` that none of them bears out
        would bring in people whom nobody looked at (app.moving.looking), to be mailed.
        """
        said, holds = row.get("status"), self._barred.get(address)
        if said in suppressions.BY_PERSON:
            return holds not in suppressions.BY_PERSON
        return bool(said) != bool(holds)

    def _leave_out(self, row: Row) -> None:
        self._into.count("contacts", LEFT_OUT)
        if old := whole(row.get("id")):
            self._moved[old] = None

    def _fill_in(self, person: Contact, row: Row) -> None:
        """What is empty here; tags come on top; who asked not to be counted is not."""
        self._into.count("contacts", KNOWN)
        self._note(row, person.id)
        if self._is_at_odds(person.address, row) and (old := whole(row.get("id"))):
            self._kept_out[old] = person.id
        for name, value in self._names(row).items():
            if not getattr(person, name):
                setattr(person, name, value)
        person.notes = person.notes or self._notes(row)
        person.fields = {**self._values(row), **person.fields}
        person.tracking_off = person.tracking_off or is_yes(row.get("tracking_off"))
        person.first_key = search_key(person.first_name)
        person.last_key = search_key(person.last_name)
        person.company_key = search_key(person.company)

    def _note(self, row: Row, contact_id: int) -> None:
        if old := whole(row.get("id")):
            self._moved[old] = contact_id
        for name in words(row.get("tags")).split(","):
            if name.strip():
                self._tags[name.strip()].append(contact_id)

    def _insert(self, fresh: Mapping[str, tuple[Address, Row]]) -> None:
        if not fresh:
            return
        rows = [self._new(address, row) for address, row in fresh.values()]
        added = len(insert_missing(_CONTACT, rows))
        counting.people(self._account_id, added)
        self._into.count("contacts", ADDED, added)
        self._into.count("contacts", KNOWN, len(rows) - added)
        query = sa.select(Contact.id, Contact.address).where(
            Contact.account_id == self._account_id, among(Contact.address, list(fresh))
        )
        for contact_id, address in db.session.execute(query):
            self._note(fresh[address][1], contact_id)

    def _new(self, address: Address, row: Row) -> dict[str, Any]:
        latest, names = self._into.at, self._names(row)
        created = moment(row.get("created_at"), latest=latest) or latest
        kind = row.get("kind")
        return {
            "account_id": self._account_id, "email": address.email, "address": address.address,
            "kind": kind if kind in ("person", "organisation") else "person",
            "kind_by": row["kind_by"] if row.get("kind_by") in ("hand", "api", "file") else "",
            **names,
            "first_key": search_key(names["first_name"]),
            "last_key": search_key(names["last_name"]),
            "company_key": search_key(names["company"]), "fields": self._values(row),
            "notes": self._notes(row), "tracking_off": is_yes(row.get("tracking_off")),
            "import_id": self._imports.get(whole(row.get("import_id")) or 0),
            "is_sample": is_yes(row.get("is_sample")), "created_at": created,
            "updated_at": moment(row.get("updated_at"), latest=latest) or created,
        }  # fmt: skip

    def _names(self, row: Row) -> dict[str, str]:
        return {
            name: mask_card_numbers(clean_line(words(row.get(name)), NAME_LENGTH))
            for name in ("first_name", "last_name", "company", "external_id")
        }

    def _notes(self, row: Row) -> str:
        return mask_card_numbers(clean_note(words(row.get("notes"))))

    def _values(self, row: Row) -> dict[str, Any]:
        found = dict(_others(row))
        for key, type_ in self._types.items():
            text = words(row.get(f"field_{key}"))
            field = self._fields.get(key)
            if not text or field is None:
                continue
            try:
                value = _value(field, type_, text)
            except Invalid as error:
                self._into.problems.append(str(error)[:300])
                continue
            if value is not None:
                found[key] = value
        return found

    def _tag(self) -> None:
        for name in sorted(self._tags):
            try:
                tags.add(tags.named(self._account_id, name), self._tags[name])
            except Invalid as error:
                self._into.leave_out("tags", f"Tag {clean_line(name, 60)}: {error}")


def _types(into: Into) -> dict[str, str]:
    rows = into.package.document("fields.json")
    return {words(row.get("key")): words(row.get("type")) for row in rows}


def _value(field: ContactField, type_: str, text: str) -> fields.Value | None:
    """As the file means it; read anew where the field has another type here. Raises Invalid."""
    if field.type != type_:
        return fields.read(field.type, field.label, text)
    if type_ == "number":
        try:
            number = int(text) if text.lstrip("-").isdigit() else float(text)
        except ValueError:
            pass
        else:
            return fields.read("number", field.label, number)
    elif type_ == "yes_no":
        return is_yes(text)
    elif type_ == "json":
        return fields.read("json", field.label, text)
    return mask_card_numbers(clean_note(text))


def _others(row: Row) -> dict[str, Any]:
    """Values of fields that had been removed there already."""
    try:
        found = json.loads(row.get("other_fields") or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    kept: dict[str, Any] = {}
    for key in filter(fields.KEY.fullmatch, found):
        with contextlib.suppress(fields.Misfit):
            value = fields.tidy(key, found[key])
            kept[key] = mask_card_numbers(value) if isinstance(value, str) else value
    return kept


def subscriptions(into: Into, rows: Sequence[Row]) -> None:
    """A chunk of subscriptions.csv: places that people have here already stay as they are."""
    people = into.new_ids("contact", (row.get("contact_id") for row in rows))
    barred = into.new_ids("barred", (row.get("contact_id") for row in rows))
    places = into.new_ids("list", (row.get("list_id") for row in rows))
    wanted: dict[tuple[int, int], dict[str, Any]] = {}
    for row in rows:
        contact_id = people.get(whole(row.get("contact_id")) or 0)
        list_id = places.get(whole(row.get("list_id")) or 0)
        is_kept_out = whole(row.get("contact_id")) in barred
        if contact_id is None or list_id is None or row.get("state") not in STATES or is_kept_out:
            into.count("subscriptions", LEFT_OUT)
            continue
        wanted.setdefault((contact_id, list_id), _place(into, row, contact_id, list_id))
    _join(into, wanted, len(rows))


def _place(into: Into, row: Row, contact_id: int, list_id: int) -> dict[str, Any]:
    ended: datetime | None = moment(row.get("ended_at"), latest=into.at)
    return {
        "contact_id": contact_id, "list_id": list_id, "account_id": into.account.id,
        "state": row["state"], "since": moment(row.get("since"), latest=into.at) or into.at,
        "ended_at": ended,
    }  # fmt: skip


def _join(into: Into, wanted: Mapping[tuple[int, int], dict[str, Any]], given: int) -> None:
    pairs = sa.select(Subscription.contact_id, Subscription.list_id).where(
        among(Subscription.contact_id, sorted({contact_id for contact_id, _ in wanted}))
    )
    here = {(row.contact_id, row.list_id) for row in db.session.execute(pairs)}
    fresh = [row for pair, row in wanted.items() if pair not in here]
    insert_missing(_SUBSCRIPTION, fresh)
    states = Counter((row["list_id"], row["state"]) for row in fresh)
    for list_id in sorted({row["list_id"] for row in fresh}):
        counting.on_list(
            list_id, active=states[list_id, "active"], pending=states[list_id, "pending"]
        )
    into.count("subscriptions", ADDED, len(fresh))
    into.count("subscriptions", KNOWN, len(wanted) - len(fresh))


def channels(into: Into, rows: Sequence[Row]) -> None:
    """A chunk of channels.csv: what somebody here said already stays."""
    people = into.new_ids("contact", (row.get("contact_id") for row in rows))
    wanted = [
        {
            "contact_id": people[old], "channel": row["channel"], "account_id": into.account.id,
            "is_allowed": is_yes(row.get("is_allowed")),
            "wording": clean_note(words(row.get("wording"))),
            "at": moment(row.get("at"), latest=into.at) or into.at,
        }
        for row in rows
        if (old := whole(row.get("contact_id")) or 0) in people
        and row.get("channel") in ("post", "phone")
    ]  # fmt: skip
    added = len(insert_missing(Base.metadata.tables[ChannelConsent.__tablename__], wanted))
    into.count("channels", ADDED, added)
    into.count("channels", KNOWN, len(wanted) - added)
    into.count("channels", LEFT_OUT, len(rows) - len(wanted))


def changes(into: Into, rows: Sequence[Row]) -> None:
    """A chunk of changes.jsonl, each line once."""
    people = into.new_ids("contact", (row.get("contact_id") for row in rows))
    wanted = [said for row in rows if (said := _change(into, row, people))]
    here = sa.select(ContactChange.contact_id, ContactChange.at, ContactChange.what).where(
        among(ContactChange.contact_id, sorted(set(people.values())))
    )
    known = {tuple(row) for row in db.session.execute(here)}
    fresh = [one for one in wanted if (one["contact_id"], one["at"], one["what"]) not in known]
    if fresh:
        db.session.connection().execute(sa.insert(ContactChange), fresh)
    into.count("changes", ADDED, len(fresh))
    into.count("changes", KNOWN, len(wanted) - len(fresh))
    into.count("changes", LEFT_OUT, len(rows) - len(wanted))


def _change(into: Into, row: Row, people: Mapping[int, int]) -> dict[str, Any] | None:
    contact_id = people.get(whole(row.get("contact_id")) or 0)
    at, details = moment(row.get("at"), latest=into.at), row.get("details")
    if contact_id is None or at is None or not isinstance(details, dict):
        return None
    return {
        "account_id": into.account.id, "contact_id": contact_id, "at": at, "details": details,
        "what": words(row.get("what"))[:16], "source": words(row.get("source"))[:16],
    }  # fmt: skip
