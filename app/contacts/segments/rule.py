"""What a segment asks: the shapes of a rule, read from JSON and written back.

A rule is a condition such as {"field": "tag", "op": "has", "value": "vip"}, or a group of rules:
{"all": […]}, {"any": […]}, {"none": […]}. docs/segments.md has every field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MODES = ("all", "any", "none")
MAX_DEPTH = 5
MOST_CONDITIONS = 50
MOST_DAYS = 36_500
MOST_TIMES = 1_000
MOST_LAST = 50
TEXT_LENGTH = 200

#: Fields that every contact has, with their names on pages.
TEXTS = {
    "email": "Mail address",
    "first_name": "First name",
    "last_name": "Last name",
    "company": "Company",
    "external_id": "Your own number",
}
MOMENTS = {"added": "Added", "changed": "Last changed"}
DEEDS = ("received", "opened", "clicked")
KINDS = ("person", "organisation")
MAILBOXES = ("role", "disposable", "free", "mistyped")
STATES = ("active", "pending", "ended", "any")
BY = ("human", "machine", "anybody")
SOURCES = ("import", "form", "api", "hand", "unknown")
CONSENTS = ("stated", "asked", "confirmed", "withdrawn", "restored")

TEXT_OPS = ("is", "is_not", "contains", "contains_not", "begins", "ends")
NUMBER_OPS = ("is", "is_not", "at_least", "at_most", "more", "less", "between")
#: With a number of days, with a date, with two dates.
DAYS_OPS = ("in_last", "before_last", "in_next")
DATE_OPS = ("on", "before", "after")
YEARLY_OPS = ("anniversary_in", "anniversary_within")
WHEN_OPS = (*DAYS_OPS, *DATE_OPS, "between")
FILLED_OPS = ("known", "empty")


@dataclass(frozen=True)
class When:
    """A span of days, each in the account's zone. `values`: a number of days, or ISO dates."""

    op: str
    values: tuple[int | str, ...]

    @property
    def json(self) -> dict[str, Any]:
        """As it is stored."""
        value = self.values[0] if len(self.values) == 1 else list(self.values)
        return {"op": self.op, "value": value}


@dataclass(frozen=True)
class Text:
    """A text compares without regard to case. Who has none is never like anything."""

    field: str
    op: str
    value: str


@dataclass(frozen=True)
class Number:
    """A number compares as one."""

    field: str
    op: str
    values: tuple[int | float, ...]


@dataclass(frozen=True)
class YesNo:
    """Said yes, or said no; who has said nothing is neither."""

    field: str
    value: bool


@dataclass(frozen=True)
class Day:
    """A date field, or when the contact was added or changed, lies in a span."""

    field: str
    when: When


@dataclass(frozen=True)
class Filled:
    """Whether there is a value at all."""

    field: str
    known: bool


@dataclass(frozen=True)
class Kind:
    """Person or organisation."""

    value: str
    negated: bool = False


@dataclass(frozen=True)
class Mailbox:
    """The address is that of a desk (info@), a throw-away one, of a free service, or its domain is
    mistyped as it seems: one of MAILBOXES."""

    value: str
    negated: bool = False


@dataclass(frozen=True)
class Tagged:
    """Has a tag of that name."""

    name: str
    negated: bool = False


@dataclass(frozen=True)
class OnList:
    """On a list in a state, since a time (where the state is ended: left at that time)."""

    list_id: int
    state: str = "active"
    when: When | None = None
    negated: bool = False


@dataclass(frozen=True)
class Last:
    """The account's last campaigns."""

    n: int


@dataclass(frozen=True)
class Did:
    """Received, opened or clicked so many different campaigns.

    `campaign`: an id, Last, "any", or "tracked" (any whose opens are counted per person).
    `by`: human, machine or anybody; a person who clicks has opened.
    """

    deed: str
    times: int = 1
    campaign: int | str | Last = "any"
    when: When | None = None
    by: str = "human"
    negated: bool = False


@dataclass(frozen=True)
class Source:
    """How the contact came: the Import, else what their first Consent says."""

    value: str
    import_id: int | None = None
    negated: bool = False


@dataclass(frozen=True)
class Agreed:
    """There is evidence of a kind, from a span of time."""

    kind: str
    when: When | None = None
    negated: bool = False


@dataclass(frozen=True)
class Tracked:
    """Whether the person lets us count opens and clicks."""

    value: bool


@dataclass(frozen=True)
class Group:
    """All, any or none of the parts."""

    mode: str
    parts: tuple[Rule, ...]


Condition = (
    Text
    | Number
    | YesNo
    | Day
    | Filled
    | Kind
    | Mailbox
    | Tagged
    | OnList
    | Did
    | Source
    | Agreed
    | Tracked
)
Rule = Condition | Group


def conditions(rule: Rule) -> Iterator[Condition]:
    """All conditions of a rule, in their order."""
    if isinstance(rule, Group):
        for part in rule.parts:
            yield from conditions(part)
    else:
        yield rule


def as_json(rule: Rule) -> dict[str, Any]:
    """As it is stored; `reading.read` gives the same rule again."""
    if isinstance(rule, Group):
        return {rule.mode: [as_json(part) for part in rule.parts]}
    return {name: value for name, value in _leaf(rule).items() if value is not None}


def _leaf(rule: Condition) -> dict[str, Any]:
    match rule:
        case Text(field, op, value):
            return {"field": field, "op": op, "value": value}
        case Number(field, op, values):
            return {"field": field, "op": op, "value": _one_or_two(values)}
        case YesNo(field, value):
            return {"field": field, "op": "is", "value": value}
        case Day(field, when):
            return {"field": field, **when.json}
        case Filled(field, known):
            return {"field": field, "op": "known" if known else "empty"}
        case Kind(value, negated):
            return {"field": "kind", "op": _negated("is", negated), "value": value}
        case Mailbox(value, negated):
            return {"field": "mailbox", "op": _negated("is", negated), "value": value}
        case Tagged(name, negated):
            return {"field": "tag", "op": _negated("has", negated), "value": name}
        case Tracked(value):
            return {"field": "tracking", "op": "is", "value": value}
    return _fact(rule)


def _fact(rule: Condition) -> dict[str, Any]:
    """Conditions on what happened."""
    match rule:
        case OnList(list_id, state, when, negated):
            op = "not_on" if negated else "on"
            return {
                "field": "list",
                "op": op,
                "value": list_id,
                "state": state,
                "when": _span(when),
            }
        case Did(deed, times, campaign, when, by, negated):
            mails = {"last": campaign.n} if isinstance(campaign, Last) else campaign
            return {
                "field": deed, "op": "did_not" if negated else "did", "times": times,
                "campaign": mails, "when": _span(when),
                "by": None if deed == "received" else by,
            }  # fmt: skip
        case Source(value, import_id, negated):
            came = {"import": import_id} if import_id else value
            return {"field": "source", "op": _negated("is", negated), "value": came}
        case Agreed(kind, when, negated):
            op = _negated("has", negated)
            return {"field": "consent", "op": op, "value": kind, "when": _span(when)}
    raise TypeError(rule)


def _negated(op: str, negated: bool) -> str:
    return f"{op}_not" if negated else op


def _span(when: When | None) -> dict[str, Any] | None:
    return when.json if when else None


def _one_or_two(values: tuple[int | float, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)
