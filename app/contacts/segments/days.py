"""Spans of days, as they lie today in the account's zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.contacts.segments.rule import YEARLY_OPS, When

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """From the first day to the last, both in it; None where it has no end on that side."""

    first: date | None
    last: date | None

    def moments(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """When it begins, and when it is over."""
        return _midnight(self.first, zone), _midnight(self.last and self.last + DAY, zone)


def span(when: When, today: date) -> Span:
    """The days that are meant; for all but the yearly ones."""
    match when.op, when.values:
        case "in_last", (int(days),):
            return Span(today - days * DAY, today)
        case "in_next", (int(days),):
            return Span(today, today + days * DAY)
        case "before_last", (int(days),):
            return Span(None, today - (days + 1) * DAY)
    dates = [date.fromisoformat(str(value)) for value in when.values]
    return {
        "on": Span(dates[0], dates[0]),
        "before": Span(None, dates[0] - DAY),
        "after": Span(dates[0] + DAY, None),
        "between": Span(dates[0], dates[-1]),
    }[when.op]


def is_yearly(when: When) -> bool:
    """Whether it comes back each year."""
    return when.op in YEARLY_OPS


def yearly(when: When, today: date) -> Sequence[str]:
    """The days of the year that are meant, as MM-DD. The 29th of February is kept on the 28th
    where a year has none."""
    days = int(when.values[0])
    each = [days] if when.op == "anniversary_in" else range(days + 1)
    found: dict[str, None] = {}
    for distance in each:
        day = today + distance * DAY
        found[f"{day:%m-%d}"] = None
        if (day.month, day.day) == (2, 28) and (day + DAY).day == 1:
            found["02-29"] = None
    return list(found)


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return datetime.combine(day, time(), zone).astimezone(UTC) if day else None
