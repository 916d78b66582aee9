"""Curves as plain numbers for an SVG that the template draws; no script, no inline style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.reports.queries import Hour

WIDTH, HEIGHT, FLOOR = 720, 200, 172
MOST_HOURS = 72
MOST_STEPS = 120

Sum = tuple[datetime, tuple[int, int, int]]
"""When a step begins, and its opens, clicks and machine hits."""


@dataclass(frozen=True)
class Step:
    """One hour or day: its numbers, and where its bars stand."""

    label: str
    opens: int
    clicks: int
    machine: int
    x: float
    width: float
    opens_height: float
    clicks_height: float
    machine_height: float


@dataclass(frozen=True)
class Curve:
    """Everything the drawing needs."""

    steps: Sequence[Step]
    unit: str
    """hour or day."""
    top: int
    """The number at the upper line."""
    ticks: Sequence[tuple[float, str]]
    """Where words stand below, and which."""


def curve(hours: Sequence[Hour], zone: ZoneInfo) -> Curve | None:
    """Bars by hour for the first three days, by day for longer; None without a hit."""
    hours = [hour for hour in hours if hour.opens or hour.clicks or hour.machine]
    if not hours:
        return None
    span = hours[-1].at - hours[0].at
    by_day = span > timedelta(hours=MOST_HOURS)
    sums = _sums(hours, zone, by_day=by_day)
    top = _round_up(max(max(numbers) for _, numbers in sums))
    local = [(at.astimezone(zone), numbers) for at, numbers in sums]
    steps = _steps(local, top, "%d %b" if by_day else "%d %b %H:%M")
    every = max(1, len(steps) // 6)
    ticks = [(step.x + step.width / 2, step.label) for step in steps[::every]]
    return Curve(steps, "day" if by_day else "hour", top, ticks)


def _sums(hours: Sequence[Hour], zone: ZoneInfo, *, by_day: bool) -> list[Sum]:
    """Every step from the first to the last, with its numbers; quiet ones too."""
    found: dict[datetime, list[int]] = {}
    for hour in hours:
        numbers = found.setdefault(_start(hour.at, zone, by_day=by_day), [0, 0, 0])
        for index, n in enumerate((hour.opens, hour.clicks, hour.machine)):
            numbers[index] += n
    step = min(found)
    steps: list[Sum] = []
    while step <= max(found) and len(steps) < MOST_STEPS:
        opens, clicks, machine = found.get(step, (0, 0, 0))
        steps.append((step, (opens, clicks, machine)))
        step = _next(step, zone, by_day=by_day)
    return steps


def _start(at: datetime, zone: ZoneInfo, *, by_day: bool) -> datetime:
    """Of the hour or the local day, in UTC: when clocks are set back, an hour comes twice."""
    if not by_day:
        return at.astimezone(UTC)
    return at.astimezone(zone).replace(hour=0, minute=0, fold=0).astimezone(UTC)


def _next(step: datetime, zone: ZoneInfo, *, by_day: bool) -> datetime:
    if not by_day:
        return step + timedelta(hours=1)
    noon_after = step.astimezone(zone).replace(hour=12) + timedelta(days=1)
    return _start(noon_after, zone, by_day=True)


def _round_up(n: int) -> int:
    """To a number that reads well: 7 → 10, 34 → 50, 120 → 200."""
    size = 1
    while size * 10 < n:
        size *= 10
    return next((size * k for k in (1, 2, 5, 10) if size * k >= n), n) or 1


def _steps(sums: Sequence[Sum], top: int, pattern: str) -> list[Step]:
    slot = WIDTH / max(len(sums), 12)

    def height(n: int) -> float:
        return round(FLOOR * 0.92 * n / top, 1)

    return [
        Step(
            label=f"{at:{pattern}}".lstrip("0"), opens=opens, clicks=clicks, machine=machine,
            x=round(index * slot, 1), width=round(slot * 0.8, 1),
            opens_height=height(opens), clicks_height=height(clicks),
            machine_height=height(machine),
        )
        for index, (at, (opens, clicks, machine)) in enumerate(sums)
    ]  # fmt: skip
