"""How lists and accounts grow: from kept counters of days to the numbers of a drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts import queries
from app.contacts.models import ContactList, ListDay, PeopleDay
from app.core.clock import now
from app.core.db import db

WIDTH, HEIGHT = 720, 220
#: Where nothing joins or leaves; above it those who joined, below those who left.
TOP, FLOOR, LOWEST = 14.0, 140.0, 196.0
#: How many steps are shown, by unit.
STEPS = {"day": 30, "week": 26, "month": 24}

Day = tuple[date, int, int]
"""A day with how many joined and left."""


@dataclass(frozen=True)
class Step:
    """A day, week or month: its numbers, and where they stand in the drawing."""

    begins: date
    label: str
    joined: int
    gone: int
    total: int
    """At its end."""
    x: float
    width: float
    up: float
    """Height of the bar of those who joined; `down` of those who left."""
    down: float
    y: float
    """Where the line of the total is."""


@dataclass(frozen=True)
class Growth:
    """Everything that the drawing and its table need."""

    steps: Sequence[Step]
    unit: str
    joined: int
    gone: int
    total: int
    most: int
    """The number of people at the upper end of the bars."""
    line: str
    """Points of the total's line, for SVG."""
    low: int
    high: int
    """What the line goes between."""
    ticks: Sequence[tuple[float, str]]


def of_list(list_: ContactList, unit: str) -> Growth:
    """Those who get a list's mail."""

    def read(since: date) -> list[Day]:
        days = sa.select(ListDay.day, ListDay.joined, ListDay.gone)
        return _days(days.where(ListDay.list_id == list_.id, ListDay.day >= since))

    return _growth(read, list_.active, unit)


def of_account(account: Account, unit: str) -> Growth:
    """All contacts."""

    def read(since: date) -> list[Day]:
        days = sa.select(PeopleDay.day, PeopleDay.joined, PeopleDay.gone)
        return _days(days.where(PeopleDay.account_id == account.id, PeopleDay.day >= since))

    return _growth(read, queries.headcount(account), unit)


def _days(query: sa.Select[date, int, int]) -> list[Day]:
    return [(row[0], row[1], row[2]) for row in db.session.execute(query)]


def _growth(read: Callable[[date], list[Day]], total: int, unit: str) -> Growth:
    begins = _beginnings(now().astimezone(UTC).date(), unit)
    sums = {begin: [0, 0] for begin in begins}
    for day, joined, gone in read(begins[0]):
        begin = _beginning(day, unit)
        if begin in sums:
            sums[begin][0] += joined
            sums[begin][1] += gone
    numbers = [(begin, sums[begin][0], sums[begin][1]) for begin in begins]
    return _drawn(numbers, _totals(numbers, total), unit)


def _beginnings(today: date, unit: str) -> list[date]:
    """The first days of the steps, the oldest first."""
    found = [_beginning(today, unit)]
    while len(found) < STEPS[unit]:
        found.append(_beginning(found[-1] - timedelta(days=1), unit))
    return found[::-1]


def _beginning(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def _totals(numbers: Sequence[Day], total: int) -> list[int]:
    """How many there were at the end of each step, counted back from now."""
    found = []
    for _, joined, gone in reversed(numbers):
        found.append(total)
        total = max(0, total - joined + gone)
    return found[::-1]


def _drawn(numbers: Sequence[Day], totals: Sequence[int], unit: str) -> Growth:
    slot = WIDTH / len(numbers)
    most = max(1, max(max(joined, gone) for _, joined, gone in numbers))
    low, high = min(totals), max(totals)
    tall, deep, reach = FLOOR - TOP, LOWEST - FLOOR, max(high - low, 1)
    steps = [
        Step(
            begins=begin, label=_label(begin, unit), joined=joined, gone=gone, total=total,
            x=round(index * slot + slot * 0.15, 1), width=round(slot * 0.7, 1),
            up=round(tall * joined / most, 1), down=round(deep * min(gone / most, 1), 1),
            y=round(FLOOR - tall * (total - low) / reach, 1) if high > low else TOP + tall / 2,
        )
        for index, ((begin, joined, gone), total) in enumerate(zip(numbers, totals, strict=True))
    ]  # fmt: skip
    every = max(1, len(steps) // 6)
    return Growth(
        steps=steps, unit=unit, joined=sum(step.joined for step in steps),
        gone=sum(step.gone for step in steps), total=totals[-1], most=most, low=low, high=high,
        line=" ".join(f"{step.x + step.width / 2:.1f},{step.y}" for step in steps),
        ticks=[(step.x + step.width / 2, step.label) for step in steps[::every]],
    )  # fmt: skip


def _label(begin: date, unit: str) -> str:
    return f"{begin:%b %Y}" if unit == "month" else f"{begin.day} {begin:%b}"
