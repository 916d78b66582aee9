"""From a rule to a condition on Contact, the same on SQLite and PostgreSQL.

Every condition is true or false, never NULL, so that "not" means what it says. Values are bound,
never written into the text of a statement. Each one looks a contact up in an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from app.contacts.models import Consent, Contact, ContactList, Subscription, Tag, contact_tag
from app.contacts.segments import days, elsewhere, mailboxes
from app.contacts.segments.rule import (
    Agreed,
    Day,
    Did,
    Filled,
    Group,
    Kind,
    Last,
    Mailbox,
    Number,
    OnList,
    Rule,
    Source,
    Tagged,
    Text,
    Tracked,
    When,
    YesNo,
)
from app.contacts.segments.surroundings import Surroundings
from app.core.db import db, dialect_name
from app.core.folding import fold, folded

Condition = sa.ColumnElement[bool]
_COLUMNS = {
    "email": Contact.email,
    "first_name": Contact.first_name,
    "last_name": Contact.last_name,
    "company": Contact.company,
    "external_id": Contact.external_id,
    "added": Contact.created_at,
    "changed": Contact.updated_at,
}
_ISO_DATE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"


def condition(rule: Rule, around: Surroundings) -> Condition:
    """On Contact; the caller names the account and may add what it likes."""
    if isinstance(rule, Group):
        parts = [condition(part, around) for part in rule.parts]
        joined = sa.and_(*parts) if rule.mode == "all" else sa.or_(*parts)
        return sa.not_(joined) if rule.mode == "none" else joined
    found = _fact(rule, around)
    return sa.not_(found) if getattr(rule, "negated", False) else found


def _fact(rule: Rule, around: Surroundings) -> Condition:
    """A condition as if it were not negated."""
    match rule:
        case Text(field, op, value):
            return _text(_text_of(field), op, value)
        case Number(field, op, values):
            return _number(field, op, values)
        case YesNo(field, value):
            return _json_type(field) == ("true" if value else "false")
        case Day(field, when):
            return _day(field, when, around)
        case Filled(field, known):
            return _filled(field) if known else sa.not_(_filled(field))
        case Kind(value):
            return Contact.kind == value
        case Mailbox(value):
            return mailboxes.condition(value)
        case Tracked(value):
            return Contact.tracking_off == sa.literal(not value)
    return _history(rule, around)


def _history(rule: Rule, around: Surroundings) -> Condition:
    """Conditions on what other tables say."""
    match rule:
        case Tagged(name):
            return _tagged(name, around)
        case OnList():
            return _on_list(rule, around)
        case Did():
            return _did(rule, around)
        case Source(value, import_id):
            return _source(value, import_id)
        case Agreed(kind, when):
            at = _during(Consent.at, when, around)
            return _exists(Consent.contact_id, Consent.kind == kind, *at)
    raise TypeError(rule)


# Custom fields. A value may be of another type than its field has now; then it is like nothing.


def _json(field: str) -> Any:
    """A custom field's value as the database's own text or number."""
    key = field.removeprefix("fields.")
    if dialect_name() == "postgresql":
        return sa.func.jsonb_extract_path_text(Contact.fields, key, type_=sa.Text())
    return sa.func.json_extract(Contact.fields, f"$.{key}")


def _json_type(field: str) -> sa.ColumnElement[str]:
    """The type of a custom field's value, "none" where there is none; of a boolean, which."""
    key, type_ = field.removeprefix("fields."), sa.Text()
    if dialect_name() == "postgresql":
        value = sa.func.jsonb_extract_path(Contact.fields, key)
        word = sa.func.jsonb_extract_path_text(Contact.fields, key, type_=type_)
        known = sa.func.jsonb_typeof(value, type_=type_)
        return sa.func.coalesce(sa.case((known == "boolean", word), else_=known), "none")
    return sa.func.coalesce(sa.func.json_type(Contact.fields, f"$.{key}", type_=type_), "none")


def _text_of(field: str) -> sa.ColumnElement[str]:
    """A text, empty where there is none."""
    if field in _COLUMNS:
        return sa.type_coerce(_COLUMNS[field], sa.Text())
    is_text = _json_type(field).in_(("string", "text"))
    return sa.case((is_text, sa.type_coerce(_json(field), sa.Text())), else_="")


def _text(column: sa.ColumnElement[str], op: str, value: str) -> Condition:
    text, small = folded(column, dialect_name()), fold(value) or ""
    length = len(small)
    match op.removesuffix("_not"):
        case "contains":
            inside = sa.func.strpos if dialect_name() == "postgresql" else sa.func.instr
            found = inside(text, small) > 0
        case "begins":
            found = sa.func.substr(text, 1, length) == small
        case "ends":
            first = sa.func.length(text) - (length - 1)
            found = sa.and_(first > 0, sa.func.substr(text, first) == small)
        case _:
            found = text == small
    return sa.not_(found) if op.endswith("_not") else found


def _number(field: str, op: str, values: Sequence[int | float]) -> Condition:
    is_number = _json_type(field).in_(("number", "integer", "real"))
    column = _json(field)
    numbers: list[Any] = list(values)
    if dialect_name() == "postgresql":
        # Within CASE, or PostgreSQL might read a text as a number before it asks for the type.
        column = sa.cast(column, sa.Numeric())
        numbers = [sa.literal(Decimal(repr(value)), sa.Numeric()) for value in values]
    found = _compared(column, op.removesuffix("_not"), numbers)
    same = sa.case((is_number, found), else_=sa.false())
    return sa.not_(same) if op.endswith("_not") else same


def _compared(column: Any, op: str, values: Sequence[Any]) -> Condition:
    first, last = values[0], values[-1]
    compared: dict[str, Condition] = {
        "is": column == first,
        "at_least": column >= first,
        "at_most": column <= first,
        "more": column > first,
        "less": column < first,
        "between": column.between(first, last),
    }
    return compared[op]


def _filled(field: str) -> Condition:
    if field in _COLUMNS:
        return _COLUMNS[field] != ""
    return ~_json_type(field).in_(("none", "null"))


def _day(field: str, when: When, around: Surroundings) -> Condition:
    if field in _COLUMNS:
        return sa.and_(*_during(_COLUMNS[field], when, around))
    text = _text_of(field)
    if dialect_name() == "postgresql":
        is_date = text.regexp_match(f"^{_ISO_DATE}$")
        text = text.collate("C")
    else:
        is_date = text.op("GLOB", is_comparison=True)(_ISO_DATE)
    if days.is_yearly(when):
        return sa.and_(is_date, sa.func.substr(text, 6).in_(days.yearly(when, around.today)))
    span = days.span(when, around.today)
    conditions = [is_date]
    if span.first:
        conditions.append(text >= span.first.isoformat())
    if span.last:
        conditions.append(text <= span.last.isoformat())
    return sa.and_(*conditions)


def _during(column: Any, when: When | None, around: Surroundings) -> list[Condition]:
    """A moment lies in the span."""
    if when is None:
        return []
    begin, over = days.span(when, around.today).moments(around.zone)
    found: list[Condition] = []
    if begin:
        found.append(column >= begin)
    if over:
        found.append(column < over)
    return found


# What is written down elsewhere.


def _exists(contact_id: Any, *conditions: Condition) -> Condition:
    return sa.exists().where(contact_id == Contact.id, *conditions).correlate(Contact)


def _tagged(name: str, around: Surroundings) -> Condition:
    tag = sa.select(Tag.id).where(Tag.account_id == around.account_id, Tag.name == name)
    return _exists(contact_tag.c.contact_id, contact_tag.c.tag_id.in_(tag))


def _on_list(rule: OnList, around: Surroundings) -> Condition:
    own = sa.select(ContactList.id).where(
        ContactList.account_id == around.account_id, ContactList.id == rule.list_id
    )
    at = Subscription.ended_at if rule.state == "ended" else Subscription.since
    state = [] if rule.state == "any" else [Subscription.state == rule.state]
    during = _during(at, rule.when, around)
    return _exists(Subscription.contact_id, Subscription.list_id.in_(own), *state, *during)


def _did(rule: Did, around: Surroundings) -> Condition:
    table = elsewhere.delivery if rule.deed == "received" else elsewhere.event
    if rule.deed == "received":
        conditions = [table.c.state == "sent", *_during(table.c.sent_at, rule.when, around)]
    else:
        conditions = [*_by(rule), *_during(table.c.at, rule.when, around)]
    conditions += _campaigns(table.c.campaign_id, rule.campaign, around)
    if rule.times == 1:
        return _exists(table.c.contact_id, *conditions)
    mails = sa.select(sa.func.count(sa.distinct(table.c.campaign_id))).where(
        table.c.contact_id == Contact.id, *conditions
    )
    return mails.correlate(Contact).scalar_subquery() >= rule.times


def _by(rule: Did) -> list[Condition]:
    event = elsewhere.event.c
    kinds = ("click",) if rule.deed == "clicked" else ("open", "click")
    if rule.by == "human":
        return [event.kind.in_(kinds), event.verdict == "human"]
    if rule.by == "machine":
        return [event.kind == kinds[0], event.verdict == "machine"]
    return [event.kind.in_(kinds)]


def _campaigns(column: Any, wanted: int | str | Last, around: Surroundings) -> list[Condition]:
    if isinstance(wanted, Last):
        newest = elsewhere.last_campaigns(around.account_id, wanted.n)
        # Asked once, so that the database need not sort them for each contact.
        return [column.in_(db.session.scalars(newest).all())]
    if wanted == "tracked":
        return [column.in_(elsewhere.tracked_campaigns(around.account_id))]
    return [] if wanted == "any" else [column == wanted]


def _source(value: str, import_id: int | None) -> Condition:
    if value == "import":
        came = Contact.import_id.is_not(None)
        return sa.and_(came, Contact.import_id == import_id) if import_id else came
    first = (
        sa.select(Consent.source)
        .where(Consent.contact_id == Contact.id)
        .order_by(Consent.id)
        .limit(1)
        .correlate(Contact)
        .scalar_subquery()
    )
    word = sa.func.coalesce(first, "")
    known = word == value if value != "unknown" else ~word.in_(("form", "api", "hand"))
    return sa.and_(Contact.import_id.is_(None), known)
