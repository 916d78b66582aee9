"""Whether a rule fits one contact, worked out in plain Python.

It answers for a single person, and it is what the conditions of `compiling` are proven against:
so it goes its own way, by days on the calendar and loops over facts.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from app.contacts.segments import mailboxes
from app.contacts.segments.facts import Deed, Facts, Sent
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
from app.core.folding import fold

_NAMES = {"added": "created_at", "changed": "updated_at"}


def fits(rule: Rule, facts: Facts, around: Surroundings, campaigns: Mapping[int, Sent]) -> bool:
    """Whether the contact is among those whom the rule means."""
    if isinstance(rule, Group):
        each = (fits(part, facts, around, campaigns) for part in rule.parts)
        return all(each) if rule.mode == "all" else any(each) == (rule.mode == "any")
    found = _fact(rule, facts, around, campaigns)
    return found != getattr(rule, "negated", False)


def _fact(rule: Rule, facts: Facts, around: Surroundings, campaigns: Mapping[int, Sent]) -> bool:
    match rule:
        case Text(field, op, value):
            return _text(_value(facts, field), op, value)
        case Number(field, op, values):
            return _number(_value(facts, field), op, values)
        case YesNo(field, value):
            return _value(facts, field) is value
        case Filled(field, known):
            return (_value(facts, field) not in (None, "")) == known
        case Day(field, when):
            return _day(_value(facts, field), when, around)
        case Kind(value):
            return facts.contact.kind == value
        case Mailbox(value):
            return mailboxes.fits(facts.contact.address, value)
        case Tracked(value):
            return facts.contact.tracking_off != value
    return _history(rule, facts, around, campaigns)


def _history(rule: Rule, facts: Facts, around: Surroundings, campaigns: Mapping[int, Sent]) -> bool:
    match rule:
        case Tagged(name):
            return name in facts.tags
        case Source(value, import_id):
            return _source(facts, value, import_id)
        case Did():
            return _did(rule, facts, around, campaigns)
        case OnList():
            return _on_list(rule, facts, around)
        case Agreed(kind, when):
            return any(one.kind == kind and _in(one.at, when, around) for one in facts.evidence)
    raise TypeError(rule)


def _value(facts: Facts, field: str) -> Any:
    if field.startswith("fields."):
        return facts.fields.get(field.removeprefix("fields."))
    return getattr(facts.contact, _NAMES.get(field, field))


def _text(value: Any, op: str, wanted: str) -> bool:
    text = (fold(value) if isinstance(value, str) else "") or ""
    small = fold(wanted) or ""
    found = {
        "is": text == small,
        "contains": small in text,
        "begins": text.startswith(small),
        "ends": text.endswith(small),
    }[op.removesuffix("_not")]
    return found != op.endswith("_not")


def _number(value: Any, op: str, wanted: tuple[int | float, ...]) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return op == "is_not"
    first, last = wanted[0], wanted[-1]
    return {
        "is": value == first,
        "is_not": value != first,
        "at_least": value >= first,
        "at_most": value <= first,
        "more": value > first,
        "less": value < first,
        "between": first <= value <= last,
    }[op]


def _day(value: Any, when: When, around: Surroundings) -> bool:
    if isinstance(value, datetime):
        return _in(value, when, around)
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return False
    try:
        return _on_day(date.fromisoformat(value), when, around.today)
    except ValueError:
        return False


def _in(at: datetime | None, when: When | None, around: Surroundings) -> bool:
    """Whether a moment lies in the span; any does where there is none."""
    if when is None:
        return True
    return at is not None and _on_day(at.astimezone(around.zone).date(), when, around.today)


def _on_day(day: date, when: When, today: date) -> bool:
    first, last = when.values[0], when.values[-1]
    if isinstance(first, int):
        return _at_distance(day, when.op, first, today)
    text = day.isoformat()
    return {
        "on": text == first,
        "before": text < first,
        "after": text > first,
        "between": first <= text <= str(last),
    }[when.op]


def _at_distance(day: date, op: str, days: int, today: date) -> bool:
    ago = (today - day).days
    match op:
        case "in_last":
            return 0 <= ago <= days
        case "before_last":
            return ago > days
        case "in_next":
            return -days <= ago <= 0
    to_come = (today + timedelta(days=n) for n in range(days + 1))
    meant = [today + timedelta(days=days)] if op == "anniversary_in" else to_come
    return any(_celebrated(day, one) for one in meant)


def _celebrated(day: date, on: date) -> bool:
    """Whether the day comes back on this one."""
    last = 28 if day.month == 2 and not calendar.isleap(on.year) else 31
    return (day.month, min(day.day, last)) == (on.month, on.day)


def _source(facts: Facts, value: str, import_id: int | None) -> bool:
    came_by = facts.contact.import_id
    if came_by is not None or value == "import":
        return value == "import" and came_by is not None and import_id in (None, came_by)
    first = facts.evidence[0].source if facts.evidence else ""
    return value == (first if first in ("form", "api", "hand") else "unknown")


def _on_list(rule: OnList, facts: Facts, around: Surroundings) -> bool:
    for place in facts.places:
        at = place.ended_at if rule.state == "ended" else place.since
        if place.list_id == rule.list_id and rule.state in ("any", place.state):
            return _in(at, rule.when, around)
    return False


def _did(rule: Did, facts: Facts, around: Surroundings, campaigns: Mapping[int, Sent]) -> bool:
    mails = {
        deed.campaign_id
        for deed in facts.deeds
        if _is_meant(rule, deed)
        and _in(deed.at, rule.when, around)
        and _is_among(deed.campaign_id, rule.campaign, campaigns)
    }
    return len(mails) >= rule.times


def _is_meant(rule: Did, deed: Deed) -> bool:
    if rule.deed == "received" or deed.kind == "mail":
        return (rule.deed == "received") == (deed.kind == "mail")
    if rule.by == "machine":
        return deed.verdict == "machine" and rule.deed == f"{deed.kind}ed"
    return (rule.by == "anybody" or deed.verdict == "human") and (
        deed.kind == "click" or rule.deed == "opened"
    )


def _is_among(number: int, wanted: int | str | Last, campaigns: Mapping[int, Sent]) -> bool:
    known = campaigns.get(number)
    if isinstance(wanted, Last):
        return known is not None and known.last is not None and known.last <= wanted.n
    if wanted == "tracked":
        return known is not None and known.tracking == "individual"
    return wanted in ("any", number)
