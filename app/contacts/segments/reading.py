"""From JSON to a rule, or to a sentence that says what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from app.contacts.segments import rule as shapes
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
from app.contacts.text import clean_line
from app.core.errors import Invalid

Json = Mapping[str, Any]
LARGEST_NUMBER = 1e15
LARGEST_ID = 2**62


class BadRule(Invalid):
    """A rule that nobody can work out; `place` leads to the part: 0.2 is the third of the first."""

    def __init__(self, message: str, place: str) -> None:
        super().__init__(message, {"rule": [message]})
        self.place = place


def read(given: Any, types: Mapping[str, str]) -> Rule:
    """A rule from JSON. `types` are the account's custom fields by key. Raises BadRule."""
    rule = _rule(given, types, "0", 0)
    if sum(1 for _ in shapes.conditions(rule)) > shapes.MOST_CONDITIONS:
        most = shapes.MOST_CONDITIONS
        raise BadRule(f"A segment can have {most} conditions. Make two of it.", "0")
    return rule


def refuse_backwards(rule: Rule, place: str = "0") -> None:
    """Raises BadRule for a span that ends before it begins, which nobody is in.

    Asked of rules that somebody writes; what was stored is read as it stands.
    """
    if isinstance(rule, Group):
        for number, part in enumerate(rule.parts):
            refuse_backwards(part, f"{place}.{number}")
        return
    span = rule if isinstance(rule, Number) else getattr(rule, "when", None)
    if span is not None and span.op == "between" and span.values[0] > span.values[1]:
        raise BadRule("The second of the two lies before the first. Swap them.", place)


def _rule(given: Any, types: Mapping[str, str], place: str, depth: int) -> Rule:
    if depth > shapes.MAX_DEPTH:
        raise BadRule("Groups lie too deep in one another here. Take some away.", place)
    if not isinstance(given, Mapping):
        raise BadRule("This is no condition.", place)
    modes = [mode for mode in shapes.MODES if mode in given]
    if not modes:
        return _condition(given, types, place)
    (mode, *more), parts = modes, given[modes[0]]
    if more or not isinstance(parts, list) or not parts:
        raise BadRule("Add a condition to this group, or take it away.", place)
    if len(parts) > shapes.MOST_CONDITIONS:
        raise BadRule(f"A group can have {shapes.MOST_CONDITIONS} conditions.", place)
    read = (_rule(part, types, f"{place}.{number}", depth + 1) for number, part in enumerate(parts))
    return Group(mode, tuple(read))


def _condition(given: Json, types: Mapping[str, str], place: str) -> Rule:
    field, op = given.get("field"), given.get("op")
    if not isinstance(field, str) or not field:
        raise BadRule("Choose what to ask for.", place)
    if not isinstance(op, str):
        raise BadRule("Choose how to compare.", place)
    try:
        return _known(field, op, given, types)
    except Invalid as error:
        raise BadRule(str(error), place) from None


def _known(field: str, op: str, given: Json, types: Mapping[str, str]) -> Rule:
    if field in _READERS:
        return _READERS[field](op, given)
    if field in shapes.DEEDS:
        return _did(field, op, given)
    if field in shapes.TEXTS:
        return _valued(field, "text", op, given)
    if field in shapes.MOMENTS:
        return Day(field, _when({"op": op, "value": given.get("value")}))
    type_ = types.get(field.removeprefix("fields.")) if field.startswith("fields.") else None
    if type_ is None:
        raise Invalid(f"There is no “{clean_line(field, 80)}” to ask for (any more).")
    return _valued(field, type_, op, given)


def _valued(field: str, type_: str, op: str, given: Json) -> Rule:
    value = given.get("value")
    if op in shapes.FILLED_OPS:
        return Filled(field, op == "known")
    if type_ == "number" and op in shapes.NUMBER_OPS:
        return Number(field, op, _numbers(op, value))
    if type_ == "date":
        return Day(field, _when({"op": op, "value": value}, yearly=True))
    if type_ == "yes_no" and op == "is":
        if not isinstance(value, bool):
            raise Invalid("Choose yes or no.")
        return YesNo(field, value)
    if type_ == "text" and op in shapes.TEXT_OPS:
        return Text(field, op, _text(value))
    raise _incomparable(op)


def _text(value: Any) -> str:
    cleaned = clean_line(value, shapes.TEXT_LENGTH) if isinstance(value, str) else ""
    if not cleaned:
        raise Invalid("Enter a text.")
    return cleaned


def _numbers(op: str, value: Any) -> tuple[int | float, ...]:
    given = value if op == "between" else [value]
    if not isinstance(given, list) or len(given) != (2 if op == "between" else 1):
        raise Invalid("Enter two numbers.")
    if not all(_is_number(one) for one in given):
        raise Invalid("Enter a number.")
    return tuple(given)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < LARGEST_NUMBER and math.isfinite(value)


def _when(given: Any, *, yearly: bool = False) -> When:
    if not isinstance(given, Mapping):
        raise Invalid("Choose a time.")
    op, value = given.get("op"), given.get("value")
    if op in shapes.DAYS_OPS or (yearly and op in shapes.YEARLY_OPS):
        most = 365 if op in shapes.YEARLY_OPS else shapes.MOST_DAYS
        return When(str(op), (_whole(value, 0, most, "a number of days"),))
    if op in shapes.DATE_OPS:
        return When(str(op), (_date(value),))
    if op == "between":
        if not isinstance(value, list) or len(value) != 2:
            raise Invalid("Choose two dates.")
        return When("between", (_date(value[0]), _date(value[1])))
    raise _incomparable(op)


def _maybe_when(given: Json) -> When | None:
    return None if given.get("when") is None else _when(given["when"])


def _date(value: Any) -> str:
    try:
        found = date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise Invalid("Choose a date.") from None
    # Days around it are worked out, and there is none before the year 1.
    if not 1000 <= found.year <= 9000:
        raise Invalid("Choose a date between the years 1000 and 9000.")
    return found.isoformat()


def _whole(value: Any, least: int, most: int, what: str) -> int:
    if type(value) is not int or not least <= value <= most:
        raise Invalid(f"Enter {what} from {least:,} to {most:,}.")
    return value


def _id(value: Any, what: str) -> int:
    if type(value) is not int or not 0 < value < LARGEST_ID:
        raise Invalid(f"Choose {what}.")
    return value


def _one_of(value: Any, known: tuple[str, ...], what: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise Invalid(f"Choose {what}.")
    return value


def _incomparable(op: Any) -> Invalid:
    return Invalid(f"This cannot be compared with “{clean_line(str(op), 40)}”.")


def _is_negated(op: str, yes: tuple[str, ...], no: tuple[str, ...]) -> bool:
    if op not in (*yes, *no):
        raise _incomparable(op)
    return op in no


def _kind(op: str, given: Json) -> Rule:
    # The words of first rules were free to say "has a kind" and "is a tag".
    negated = _is_negated(op, ("is", "has"), ("is_not", "has_not"))
    return Kind(_one_of(given.get("value"), shapes.KINDS, "person or organisation"), negated)


def _mailbox(op: str, given: Json) -> Rule:
    negated = _is_negated(op, ("is",), ("is_not",))
    return Mailbox(_one_of(given.get("value"), shapes.MAILBOXES, "what kind of address"), negated)


def _tag(op: str, given: Json) -> Rule:
    negated = _is_negated(op, ("has", "is"), ("has_not", "is_not"))
    value = given.get("value")
    if not isinstance(value, str) or not clean_line(value, 100):
        raise Invalid("Choose a tag.")
    return Tagged(clean_line(value, 100), negated)


def _list(op: str, given: Json) -> Rule:
    negated = _is_negated(op, ("on", "has", "is"), ("not_on", "has_not", "is_not"))
    state = _one_of(given.get("state", "active"), shapes.STATES, "how they are on the list")
    return OnList(_id(given.get("value"), "a list"), state, _maybe_when(given), negated)


def _did(deed: str, op: str, given: Json) -> Rule:
    negated = _is_negated(op, ("did",), ("did_not",))
    times = _whole(given.get("times", 1), 1, shapes.MOST_TIMES, "how many mails,")
    by = "human" if deed == "received" else given.get("by", "human")
    by = _one_of(by, shapes.BY, "people or machines")
    campaign = _campaign(given.get("campaign", "any"))
    return Did(deed, times, campaign, _maybe_when(given), by, negated)


def _campaign(value: Any) -> int | str | Last:
    if value in ("any", "tracked"):
        return str(value)
    if isinstance(value, Mapping):
        return Last(_whole(value.get("last"), 1, shapes.MOST_LAST, "how many campaigns,"))
    return _id(value, "a campaign")


def _source(op: str, given: Json) -> Rule:
    negated, value = _is_negated(op, ("is",), ("is_not",)), given.get("value")
    if isinstance(value, Mapping):
        return Source("import", _id(value.get("import"), "an import"), negated)
    return Source(_one_of(value, shapes.SOURCES, "where they came from"), None, negated)


def _consent(op: str, given: Json) -> Rule:
    negated = _is_negated(op, ("has",), ("has_not",))
    kind = _one_of(given.get("value"), shapes.CONSENTS, "what they agreed to")
    return Agreed(kind, _maybe_when(given), negated)


def _tracking(op: str, given: Json) -> Rule:
    value = given.get("value")
    if op != "is" or not isinstance(value, bool):
        raise Invalid("Choose yes or no.")
    return Tracked(value)


_READERS = {
    "kind": _kind,
    "mailbox": _mailbox,
    "tag": _tag,
    "list": _list,
    "source": _source,
    "consent": _consent,
    "tracking": _tracking,
}
