"""What pages say of how many people a rule fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.campaigns import checks
from app.contacts import finding, segments
from app.contacts.models import Contact, Segment, SegmentCount
from app.contacts.segments import counting, names, reading, surroundings, words
from app.core.db import transaction

WORDS = {
    **checks.OUT_WORDS,
    "ended": "left every list they were on",
    "no_list": "on no list",
    "paused": "paused your mail for a while",
}
#: People that a page shows of a rule.
SAMPLE = 5
TOO_LONG = "This takes too long to count. Narrow it down, or try again later."


@dataclass(frozen=True)
class Shown:
    """A segment in a list of them."""

    segment: Segment
    pieces: Sequence[words.Piece]
    numbers: Seen
    is_stale: bool
    """Its count is missing or old."""


@dataclass(frozen=True)
class Seen:
    """Numbers as a page shows them; None for what is not known yet."""

    people: int | None = None
    mailable: int | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    sample: Sequence[Contact] = ()
    forecast: Mapping[str, Any] | None = None
    counted_at: datetime | None = None
    is_counting: bool = False
    count_id: int = 0
    problem: str = ""
    pieces: Sequence[words.Piece] = ()


def shown(account_id: int, rows: Sequence[Segment], *, with_people: bool = False) -> list[Shown]:
    """Segments with their sentences and remembered counts; nothing is counted here."""
    types = surroundings.of(account_id).types
    rules = {row.id: rule for row in rows if (rule := _read(row, types)) is not None}
    called = names.of(account_id, rules.values())
    known = counting.remembered(account_id, map(segments.as_json, rules.values()))
    return [_shown(row, rules.get(row.id), called, known, with_people) for row in rows]


def _read(row: Segment, types: Mapping[str, str]) -> segments.Rule | None:
    try:
        return reading.read(row.rule, types)
    except segments.BadRule:
        return None


def _shown(
    row: Segment, rule: segments.Rule | None, called: names.Names,
    known: Mapping[str, SegmentCount], with_people: bool,
) -> Shown:  # fmt: skip
    if rule is None:
        problem = "It asks for something that was removed. Change it."
        return Shown(row, [], Seen(problem=problem), is_stale=False)
    count = known.get(counting.digest(segments.as_json(rule)))
    seen = of_row(row.account_id, count, with_people=with_people)
    if (kept := counting.kept(row.account_id, rule)) is not None:
        seen = replace(seen, people=kept, counted_at=None if count is None else seen.counted_at)
    return Shown(row, words.sentence(rule, called), seen, not counting.is_fresh(count))


def of_row(account_id: int, row: SegmentCount | None, *, with_people: bool = True) -> Seen:
    """As far as it was counted."""
    if row is None:
        return Seen()
    sample = finding.these(account_id, row.sample[:SAMPLE]) if with_people else ()
    left_out = {reason: int(n) for reason, n in row.left_out.items()}
    return Seen(
        people=row.people,
        mailable=None if row.people is None else row.people - sum(left_out.values()),
        left_out=left_out,
        sample=sample,
        forecast=row.forecast,
        counted_at=row.counted_at if row.people is not None else None,
        is_counting=row.state in ("waiting", "counting"),
        count_id=row.id,
        problem=TOO_LONG if row.state == "failed" else "",
    )


def of_numbers(account_id: int, numbers: counting.Numbers) -> Seen:
    """Counted this very moment."""
    return Seen(
        people=numbers.people,
        mailable=numbers.mailable,
        left_out=numbers.left_out,
        sample=finding.these(account_id, numbers.sample[:SAMPLE]),
    )


def have_counted(account_id: int, stored: Mapping[str, Any]) -> int | None:
    """Count now what is quick; else ask for it and return the count's id."""
    try:
        rule = segments.checked(account_id, stored)
    except segments.BadRule:
        return None
    numbers = counting.at_once(account_id, rule)
    with transaction():
        if numbers is not None and not counting.wants_forecast(rule):
            counting.remember(account_id, rule, numbers)
            return None
        return counting.ask(account_id, rule, anew=True).id
