"""What can be done to many people at once, each with its exact way back.

A verb sorts the people of a span into those whom it changes and those whom it leaves out, writes
down whom it changes (`bulk_change`, with what was before), and changes them: all in a few
statements, whatever the number. Taking back touches only what still is as the verb left it, so
what a person or somebody else did since wins.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import CursorResult

from app.contacts import counting
from app.contacts.bulk import among
from app.contacts.models import BulkAction, Contact, Suppression, Tag, bulk_change, contact_tag
from app.contacts.selecting import Span
from app.core.clock import now
from app.core.db import Base, connection, db, dialect_name, insert

Condition = sa.ColumnElement[bool]
CONTACT = Base.metadata.tables["contact"]
#: Why people are left as they are, in words that follow a number.
REASONS = {
    "already": "are so already",
    "not_so": "are not so anyway",
    "suppressed": "must not be mailed",
    "pending": "were asked by mail and have not confirmed yet",
    "left": "left this list by themselves",
    "right": "have an address that looks right",
    "taken": "have the right address among your contacts already: merge the two",
    "barred": "would get an address that must not be mailed",
}


class Verb:
    """One kind of bulk action."""

    name = ""
    #: How long it can be taken back; 0 where it cannot be.
    undo_days = 30
    chunk = 10_000
    #: Asked about beforehand, even for a few ticked people.
    is_grave = False

    def title(self, given: Mapping[str, Any]) -> str:
        """As a heading: Add the tag “spring”."""
        raise NotImplementedError

    def reasons(self, action: BulkAction) -> Sequence[tuple[str, Condition]]:
        """Who is left out; the first that fits counts."""
        raise NotImplementedError

    def before(self, action: BulkAction) -> Mapping[str, Any]:
        """What was, by the columns of `bulk_change`."""
        return {}

    def apply(self, action: BulkAction, span: Span) -> None:
        """Change the people who stand in `bulk_change` for this span."""
        raise NotImplementedError

    def take_back(self, action: BulkAction, span: Span) -> int:
        """Make it as it was, where it still is as this action left it; returns how many."""
        raise NotImplementedError

    def count(self, action: BulkAction, wanted: Sequence[Any], span: Span) -> Counter[str]:
        """How many of these people would end as what: `change`, or a reason."""
        sort = sa.case(*((fits, sa.literal(name)) for name, fits in self.reasons(action)),
                       else_=sa.literal("change"))  # fmt: skip
        people = sa.select(sort.label("what")).where(*wanted, span.of(Contact.id)).subquery()
        rows = sa.select(people.c.what, sa.func.count()).group_by(people.c.what)
        return Counter({what: n for what, n in db.session.execute(rows).all()})  # noqa: C416

    def do(self, action: BulkAction, wanted: Sequence[Any], span: Span) -> Counter[str]:
        """Change the people of a span; returns how many ended as what."""
        counts = self.count(action, wanted, span)
        counts["change"] = self._write_down(action, wanted, span) if counts["change"] else 0
        if counts["change"]:
            self.apply(action, span)
        return counts

    def _write_down(self, action: BulkAction, wanted: Sequence[Any], span: Span) -> int:
        values: dict[str, Any] = {
            "action_id": sa.literal(action.id), "contact_id": Contact.id, **self.before(action),
        }  # fmt: skip
        changing = [~sa.func.coalesce(fits, sa.false()) for _, fits in self.reasons(action)]
        rows = sa.select(*values.values()).where(*wanted, span.of(Contact.id), *changing)
        return insert_from(bulk_change, rows, list(values))


def insert_from(table: sa.Table, rows: sa.Select[Any], names: list[str]) -> int:
    """INSERT … SELECT of the rows that are not there yet; returns how many that were."""
    statement = insert(table).from_select(names, rows, include_defaults=False)
    return run(statement.on_conflict_do_nothing())


def run(statement: Any) -> int:
    """How many rows it changed."""
    # Drivers forget the number for an INSERT … SELECT unless it is asked for.
    done = connection().execute(statement, execution_options={"preserve_rowcount": True})
    return max(done.rowcount, 0) if isinstance(done, CursorResult) else 0


def changed(action: BulkAction, span: Span) -> Sequence[int]:
    """The ids of the people whom this action changes in this span.

    Statements get them as one list: PostgreSQL knows nothing yet of rows that were written a
    moment ago, takes a join with them for one with a single row, and is slower a thousandfold.
    """
    here = bulk_change.c
    ids = sa.select(here.contact_id).where(here.action_id == action.id, span.of(here.contact_id))
    return db.session.scalars(ids).all()


def mine(action: BulkAction, span: Span) -> list[Any]:
    """Rows of `bulk_change` of this action in this span, as conditions."""
    here = bulk_change.c
    return [here.action_id == action.id, among(here.contact_id, changed(action, span))]


class AddTag(Verb):
    """given: tag (id), name."""

    name = "tag"

    def title(self, given: Mapping[str, Any]) -> str:
        return f"Add the tag “{given['name']}”"

    def reasons(self, action: BulkAction) -> Sequence[tuple[str, Condition]]:
        return [("already", has_tag(action.given["tag"]))]

    def apply(self, action: BulkAction, span: Span) -> None:
        _tag(action, span, sa.true())

    def take_back(self, action: BulkAction, span: Span) -> int:
        return _untag(action, span)


class RemoveTag(Verb):
    """given: tag (id), name."""

    name = "untag"

    def title(self, given: Mapping[str, Any]) -> str:
        return f"Remove the tag “{given['name']}”"

    def reasons(self, action: BulkAction) -> Sequence[tuple[str, Condition]]:
        return [("not_so", ~has_tag(action.given["tag"]))]

    def apply(self, action: BulkAction, span: Span) -> None:
        _untag(action, span)

    def take_back(self, action: BulkAction, span: Span) -> int:
        return _tag(action, span, sa.exists().where(Tag.id == action.given["tag"]))


def has_tag(tag_id: int) -> Condition:
    """Whether a contact has the tag."""
    return sa.exists().where(contact_tag.c.contact_id == Contact.id, contact_tag.c.tag_id == tag_id)


def _tag(action: BulkAction, span: Span, condition: Condition) -> int:
    tag_id = action.given["tag"]
    rows = sa.select(bulk_change.c.contact_id, sa.literal(tag_id))
    rows = rows.where(*mine(action, span), condition)
    added = insert_from(contact_tag, rows, ["contact_id", "tag_id"])
    counting.tagged(tag_id, added)
    return added


def _untag(action: BulkAction, span: Span) -> int:
    tag_id = action.given["tag"]
    removed = run(
        sa.delete(contact_tag).where(
            contact_tag.c.tag_id == tag_id, among(contact_tag.c.contact_id, changed(action, span))
        )
    )
    counting.tagged(tag_id, -removed)
    return removed


class SetKind(Verb):
    """given: kind."""

    name = "kind"

    def title(self, given: Mapping[str, Any]) -> str:
        return f"Say that they are {given['kind']}s"

    def reasons(self, action: BulkAction) -> Sequence[tuple[str, Condition]]:
        same = sa.and_(Contact.kind == action.given["kind"], Contact.kind_by == "hand")
        return [("already", same)]

    def before(self, action: BulkAction) -> Mapping[str, Any]:
        return {"was_state": Contact.kind, "was_value": _as_json(Contact.kind_by)}

    def apply(self, action: BulkAction, span: Span) -> None:
        values = {"kind": action.given["kind"], "kind_by": "hand", "updated_at": now()}
        run(
            sa.update(CONTACT)
            .where(among(CONTACT.c.id, changed(action, span)))
            .values(**values)
        )  # fmt: skip

    def take_back(self, action: BulkAction, span: Span) -> int:
        old = bulk_change.c
        same = (CONTACT.c.kind == action.given["kind"], CONTACT.c.kind_by == "hand")
        return run(
            sa.update(CONTACT)
            .where(CONTACT.c.id == old.contact_id, *mine(action, span), *same)
            .values(kind=old.was_state, kind_by=_text_of(old.was_value), updated_at=now())
        )


class SetField(Verb):
    """given: field (key), label, value (of the field's type; None removes it)."""

    name = "field"

    def title(self, given: Mapping[str, Any]) -> str:
        if given["value"] is None:
            return f"Empty the field {given['label']}"
        shown = {True: "yes", False: "no"}.get(given["value"], given["value"])
        return f"Set {given['label']} to “{shown}”"

    def reasons(self, action: BulkAction) -> Sequence[tuple[str, Condition]]:
        return [("already", self._is_set(Contact.__table__.c.fields, action))]

    def before(self, action: BulkAction) -> Mapping[str, Any]:
        return {"was_value": _field(CONTACT.c.fields, action.given["field"])}

    def apply(self, action: BulkAction, span: Span) -> None:
        value = action.given["value"]
        fields = _with_field(CONTACT.c.fields, action.given["field"],
                             None if value is None else _json(value))  # fmt: skip
        people = among(CONTACT.c.id, changed(action, span))
        run(sa.update(CONTACT).where(people).values(fields=fields, updated_at=now()))

    def take_back(self, action: BulkAction, span: Span) -> int:
        key, old = action.given["field"], bulk_change.c
        without = _with_field(CONTACT.c.fields, key, None)
        restored = _with_field(CONTACT.c.fields, key, old.was_value)
        return run(
            sa.update(CONTACT)
            .where(CONTACT.c.id == old.contact_id, *mine(action, span))
            .where(self._is_set(CONTACT.c.fields, action))
            .values(
                fields=sa.case((old.was_value.is_(sa.null()), without), else_=restored),
                updated_at=now(),
            )
        )

    def _is_set(self, fields: Any, action: BulkAction) -> Condition:
        key, value = action.given["field"], action.given["value"]
        if value is None:
            empty: Condition = _field(fields, key).is_(sa.null())
            return empty
        here = _field(fields, key)
        if dialect_name() == "postgresql":
            return sa.func.coalesce(here == _json(value), sa.false())
        # As numbers, 1 and 1.0 are one; as JSON they are not.
        plain = sa.func.json_extract(fields, f"$.{key}", type_=sa.String())
        return sa.func.coalesce(plain == sa.func.json_extract(_json(value), "$"), sa.false())


def _json(value: Any) -> Any:
    """A value as the database's JSON."""
    text = sa.literal(json.dumps(value), sa.Text())
    if dialect_name() == "postgresql":
        return sa.cast(text, postgresql.JSONB)
    return sa.func.json(text, type_=sa.Text())


def _field(fields: Any, key: str) -> Any:
    """A custom field as JSON; null where the contact has none. `key` is one of fields.KEY."""
    if dialect_name() == "postgresql":
        return fields.op("->", return_type=postgresql.JSONB(none_as_null=True))(
            sa.literal(key, sa.Text())
        )
    return sa.type_coerce(fields, sa.Text()).op("->", return_type=sa.Text())(
        sa.literal(f"$.{key}", sa.Text())
    )


def _with_field(fields: Any, key: str, value: Any) -> Any:
    """The custom fields with one set to a JSON value, or without it."""
    if dialect_name() == "postgresql":
        if value is None:
            return fields.op("-")(sa.literal(key, sa.Text()))
        pair = sa.func.jsonb_build_object(sa.literal(key, sa.Text()), value)
        return fields.op("||")(pair)
    path = sa.literal(f"$.{key}", sa.Text())
    plain = sa.type_coerce(fields, sa.Text())
    if value is None:
        return sa.func.json_remove(plain, path, type_=sa.Text())
    inner = sa.func.json(sa.type_coerce(value, sa.Text()), type_=sa.Text())
    return sa.func.json_set(plain, path, inner, type_=sa.Text())


def _as_json(text: Any) -> Any:
    """A text column as JSON."""
    if dialect_name() == "postgresql":
        return sa.func.to_jsonb(text)
    return sa.func.json_quote(text, type_=sa.Text())


def _text_of(value: Any) -> Any:
    """The text that a JSON column holds."""
    if dialect_name() == "postgresql":
        return value.op("#>>", return_type=sa.Text())(
            sa.cast(sa.literal("{}"), sa.ARRAY(sa.Text()))
        )
    return sa.func.json_extract(sa.type_coerce(value, sa.Text()), "$", type_=sa.Text())


def is_suppressed() -> Condition:
    """Whether a contact must not be mailed; erased ones are no contacts any more."""
    return sa.exists().where(
        Suppression.account_id == Contact.account_id, Suppression.address == Contact.address
    )
