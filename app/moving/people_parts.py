"""Parts of a take-out about contacts: who they are, where they are, who must not be mailed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.contacts import domain_rules, travelling
from app.contacts import fields as own_fields
from app.contacts.bulk import among
from app.contacts.models import (
    BulkAction,
    ChannelConsent,
    Contact,
    ContactChange,
    ContactField,
    ContactList,
    Import,
    ImportProblem,
    ListDay,
    PeopleDay,
    Segment,
    Subscription,
    Suppression,
    Tag,
    contact_tag,
)
from app.core.db import db
from app.moving.parts import (
    CHUNK,
    Chunk,
    Key,
    Scope,
    by_id,
    chunk,
    document,
    moment,
    table,
    yes_no,
)

#: Columns of contacts.csv before those of the account's own fields.
CONTACT = (
    "id", "email", "first_name", "last_name", "company", "kind", "kind_by", "status", "lists",
    "tags", "source", "import_id", "tracking_off", "is_sample", "created_at", "updated_at", "notes",
    "other_fields", "external_id",
)  # fmt: skip


def _of_account(scope: Scope, model: Any) -> Sequence[Any]:
    rows = sa.select(model).where(model.account_id == scope.account.id).order_by(model.id)
    return db.session.scalars(rows).all()


def _fields(scope: Scope) -> dict[str, ContactField]:
    return scope.once(  # type: ignore[no-any-return]
        "fields", lambda: {row.key: row for row in _of_account(scope, ContactField)}
    )


def _tags(scope: Scope) -> dict[int, str]:
    return scope.once(  # type: ignore[no-any-return]
        "tags", lambda: {row.id: row.name for row in _of_account(scope, Tag)}
    )


def _lists(scope: Scope) -> dict[int, str]:
    return scope.once(  # type: ignore[no-any-return]
        "lists", lambda: {row.id: row.name for row in _of_account(scope, ContactList)}
    )


def _imports(scope: Scope) -> dict[int, str]:
    def look_up() -> dict[int, str]:
        query = sa.select(Import.id, Import.filename).where(Import.account_id == scope.account.id)
        return {row.id: row.filename for row in db.session.execute(query)}

    return scope.once("imports", look_up)  # type: ignore[no-any-return]


@document("fields.json", "The fields of your own that contacts have.", covers=("contact_field",))
def fields(scope: Scope) -> list[dict[str, Any]]:
    """[{key, label, type, position}]."""
    return [
        {"key": row.key, "label": row.label, "type": row.type, "position": row.position}
        for row in _fields(scope).values()
    ]


@document("tags.json", "All tags, each with how many people have it.", covers=("tag",))
def tags(scope: Scope) -> list[dict[str, Any]]:
    """[{id, name, people}]."""
    rows = _of_account(scope, Tag)
    return [{"id": row.id, "name": row.name, "people": row.people} for row in rows]


@table(
    "lists.csv",
    "Your lists.",
    columns=(
        "id", "name", "opt_in", "active", "pending", "archived_at", "is_sample", "created_at",
        "description",
    ),
    covers=("list",),
)  # fmt: skip
def lists(scope: Scope, after: Key | None) -> Chunk:
    """All of them at once: there are hundreds, not millions."""
    rows = [
        (
            row.id, row.name, row.opt_in, row.active, row.pending, moment(row.archived_at),
            yes_no(row.is_sample), moment(row.created_at), row.description,
        )
        for row in _of_account(scope, ContactList)
    ]  # fmt: skip
    return Chunk(rows, None)


@table("segments.jsonl", "Your segments: saved rules over contacts.", covers=("segment",))
def segments(scope: Scope, after: Key | None) -> Chunk:
    """{id, name, rule, created_at}; a rule names lists and campaigns by the ids of these files."""
    return by_id(Segment, scope, after)


@table(
    "contacts.csv",
    "Everybody: names, fields (field_…), tags, lists, where they came from, notes.",
    columns=lambda scope: [*CONTACT, *(f"field_{key}" for key in _fields(scope))],
    covers=("contact", "contact_tag"),
)
def contacts(scope: Scope, after: Key | None) -> Chunk:
    """`status` is empty, or the reason why somebody must not be mailed."""
    rows = db.session.execute(
        sa.select(
            Contact.id, Contact.email, Contact.address, Contact.first_name, Contact.last_name,
            Contact.company, Contact.kind, Contact.kind_by, Contact.import_id, Contact.tracking_off,
            Contact.is_sample, Contact.created_at, Contact.updated_at, Contact.notes,
            Contact.fields, Contact.external_id,
        )
        .where(Contact.account_id == scope.account.id, Contact.id > (after or [0])[0])
        .order_by(Contact.id)
        .limit(CHUNK)
    ).all()  # fmt: skip
    ids = [row.id for row in rows]
    barred = _barred(scope, [row.address for row in rows])
    tagged, on = _tags_of(scope, ids), _lists_of(scope, ids)
    keys, files = list(_fields(scope)), _imports(scope)
    cells = [
        (
            row.id, row.email, row.first_name, row.last_name, row.company, row.kind, row.kind_by,
            barred.get(row.address, ""), on.get(row.id, ""), tagged.get(row.id, ""),
            files.get(row.import_id, ""), row.import_id or "", yes_no(row.tracking_off),
            yes_no(row.is_sample), moment(row.created_at), moment(row.updated_at), row.notes,
            _others(row.fields, keys), row.external_id,
            *(_value(row.fields.get(key)) for key in keys),
        )
        for row in rows
    ]  # fmt: skip
    return chunk(cells, lambda row: [row[0]])


def _others(values: dict[str, Any], keys: list[str]) -> str:
    """What is left of fields that were removed, as JSON."""
    others = {key: value for key, value in values.items() if key not in keys}
    return json.dumps(others, ensure_ascii=False) if others else ""


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return yes_no(value)
    return own_fields.as_text(value)


def _barred(scope: Scope, addresses: list[str]) -> dict[str, str]:
    rows = db.session.execute(
        sa.select(Suppression.address, Suppression.reason).where(
            Suppression.account_id == scope.account.id, among(Suppression.address, addresses)
        )
    )
    return {address: reason for address, reason in rows if address}


def _tags_of(scope: Scope, ids: list[int]) -> dict[int, str]:
    names = _tags(scope)
    rows = db.session.execute(
        sa.select(contact_tag.c.contact_id, contact_tag.c.tag_id)
        .where(among(contact_tag.c.contact_id, ids))
        .order_by(contact_tag.c.contact_id, contact_tag.c.tag_id)
    )
    return _gathered((contact_id, names[tag_id]) for contact_id, tag_id in rows if tag_id in names)


def _lists_of(scope: Scope, ids: list[int]) -> dict[int, str]:
    names = _lists(scope)
    rows = db.session.execute(
        sa.select(Subscription.contact_id, Subscription.list_id)
        .where(among(Subscription.contact_id, ids), Subscription.state == "active")
        .order_by(Subscription.contact_id, Subscription.list_id)
    )
    return _gathered((contact_id, names[list_id]) for contact_id, list_id in rows)


def _gathered(pairs: Any) -> dict[int, str]:
    found: dict[int, str] = {}
    for contact_id, name in pairs:
        found[contact_id] = f"{found[contact_id]}, {name}" if contact_id in found else name
    return found


@table(
    "subscriptions.csv",
    "Who is on which list, since when, and who left.",
    columns=("contact_id", "email", "list_id", "list", "state", "since", "ended_at"),
    covers=("subscription",),
)
def subscriptions(scope: Scope, after: Key | None) -> Chunk:
    """A chunk holds all places of its people, who are read in the order of contacts.csv."""
    some = db.session.execute(
        sa.select(Contact.id, Contact.email)
        .where(Contact.account_id == scope.account.id, Contact.id > (after or [0])[0])
        .order_by(Contact.id)
        .limit(CHUNK)
    )
    people = {row.id: row.email for row in some}
    names = _lists(scope)
    rows = db.session.execute(
        sa.select(
            Subscription.contact_id, Subscription.list_id, Subscription.state,
            Subscription.since, Subscription.ended_at,
        )
        .where(among(Subscription.contact_id, list(people)))
        .order_by(Subscription.contact_id, Subscription.list_id)
    )  # fmt: skip
    cells = [
        (
            row.contact_id, people[row.contact_id], row.list_id, names[row.list_id], row.state,
            moment(row.since), moment(row.ended_at),
        )
        for row in rows
        if row.list_id in names
    ]  # fmt: skip
    return Chunk(cells, [max(people)] if len(people) == CHUNK else None)


@document(
    "domains.json", "Domains that stay out, or the only ones to come in.", covers=("domain_rule",)
)
def domains(scope: Scope) -> list[dict[str, Any]]:
    """[{domain, lets_in, created_at}]."""
    return [
        {"domain": row.domain, "lets_in": row.lets_in, "created_at": moment(row.created_at)}
        for row in domain_rules.all_rules(scope.account.id)
    ]


@table(
    "suppressions.csv",
    "Who must not be mailed, and why. Erased people have a hash instead of an address.",
    columns=("id", "address", "hash", "key", "reason", "detail", "created_at"),
    covers=("suppression",),
)
def suppressions(scope: Scope, after: Key | None) -> Chunk:
    """`hash` is made with the key of suppression_keys.json that `key` names."""
    own = travelling.own_key(scope.account.id)
    rows = db.session.execute(
        sa.select(
            Suppression.id, Suppression.address, Suppression.travel_hash, Suppression.travel_key,
            Suppression.reason, Suppression.detail, Suppression.created_at,
        )
        .where(Suppression.account_id == scope.account.id, Suppression.id > (after or [0])[0])
        .order_by(Suppression.id)
        .limit(CHUNK)
    ).all()  # fmt: skip
    cells = []
    for row in rows:
        nameless = row.address is None
        key = row.travel_key or own.name if nameless and row.travel_hash else ""
        cells.append(
            (
                row.id, row.address or "", row.travel_hash or "" if nameless else "", key,
                row.reason, row.detail, moment(row.created_at),
            )
        )  # fmt: skip
    return chunk(cells, lambda row: [row[0]])


@document(
    "suppression_keys.json",
    "What the hashes of erased people are compared with. It tells no address, but whoever has "
    "this file can try whether a certain address is among them.",
    covers=("suppression_key",),
)
def suppression_keys(scope: Scope) -> list[dict[str, str]]:
    """[{name, key}], keys as hex."""
    found = travelling.keys(scope.account.id)
    return [{"name": key.name, "key": key.secret.hex()} for key in found]


@table("imports.jsonl", "Files that were imported, with their counts.", covers=("import",))
def imports(scope: Scope, after: Key | None) -> Chunk:
    """The files themselves are not kept for ever, so they are not here."""
    found = by_id(Import, scope, after)
    inner = ("stored_as", "cursor", "done_bytes", "lease", "lease_until")
    for row in found.rows:
        for name in inner:
            row.pop(name, None)
    return found


@table(
    "import_problems.csv",
    "Rows of imported files that were not taken, each with its reason.",
    columns=("import_id", "row_number", "reason", "row", "id"),
    covers=("import_problem",),
)
def import_problems(scope: Scope, after: Key | None) -> Chunk:
    """By import."""
    rows = db.session.execute(
        sa.select(
            ImportProblem.import_id, ImportProblem.row_number, ImportProblem.reason,
            ImportProblem.row, ImportProblem.id,
        )
        .join(Import, Import.id == ImportProblem.import_id)
        .where(
            Import.account_id == scope.account.id,
            sa.tuple_(ImportProblem.import_id, ImportProblem.id) > sa.tuple_(*(after or [0, 0])),
        )
        .order_by(ImportProblem.import_id, ImportProblem.id)
        .limit(CHUNK)
    ).all()  # fmt: skip
    return chunk([tuple(row) for row in rows], lambda row: [row[0], row[4]])


@table(
    "channels.csv",
    "Who may be reached by post or by phone, and how they said so.",
    columns=("contact_id", "email", "channel", "is_allowed", "wording", "at"),
    covers=("channel_consent",),
)
def channels(scope: Scope, after: Key | None) -> Chunk:
    """E-mail has lists and suppressions."""
    place = sa.tuple_(ChannelConsent.contact_id, ChannelConsent.channel)
    rows = db.session.execute(
        sa.select(
            ChannelConsent.contact_id, Contact.email, ChannelConsent.channel,
            ChannelConsent.is_allowed, ChannelConsent.wording, ChannelConsent.at,
        )
        .join(Contact, Contact.id == ChannelConsent.contact_id)
        .where(
            ChannelConsent.account_id == scope.account.id,
            place > sa.tuple_(*(after or [0, ""])),
        )
        .order_by(ChannelConsent.contact_id, ChannelConsent.channel)
        .limit(CHUNK)
    ).all()  # fmt: skip
    cells = [
        (r.contact_id, r.email, r.channel, yes_no(r.is_allowed), r.wording, moment(r.at))
        for r in rows
    ]
    return chunk(cells, lambda row: [row[0], row[2]])


@table(
    "changes.jsonl",
    "What was changed about people, by hand, by a program or by themselves.",
    covers=("contact_change",),
)
def changes(scope: Scope, after: Key | None) -> Chunk:
    """{id, contact_id, at, what, source, member_id, details}."""
    return by_id(ContactChange, scope, after)


@table("bulk_actions.jsonl", "What was done to many people at once.", covers=("bulk_action",))
def bulk_actions(scope: Scope, after: Key | None) -> Chunk:
    """Each with whom it meant and how many it changed."""
    found = by_id(BulkAction, scope, after)
    for row in found.rows:
        row.pop("lease"), row.pop("lease_until")
    return found


@document(
    "growth.json",
    "How many people came and went, day by day, in all and by list.",
    covers=("people_day", "list_day"),
)
def growth(scope: Scope) -> dict[str, Any]:
    """{people: [{day, joined, gone}], lists: [{list_id, day, joined, gone}]}."""
    people = sa.select(PeopleDay.day, PeopleDay.joined, PeopleDay.gone).where(
        PeopleDay.account_id == scope.account.id
    )
    places = sa.select(ListDay.list_id, ListDay.day, ListDay.joined, ListDay.gone).where(
        ListDay.list_id.in_(list(_lists(scope)))
    )
    return {
        "people": _days(people.order_by(PeopleDay.day)),
        "lists": _days(places.order_by(ListDay.list_id, ListDay.day)),
    }


def _days(query: Any) -> list[dict[str, Any]]:
    rows = db.session.execute(query).mappings()
    return [{**row, "day": row["day"].isoformat()} for row in rows]
