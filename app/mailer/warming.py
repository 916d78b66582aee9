"""How much a new server or domain may send each day until the world knows it.

Large providers distrust whoever is new and sends much. Published handbooks of senders agree on the
shape: begin with about fifty mails, never more than double from one day to the next, and reach a
large volume within weeks. This plan begins with 50 and grows by half each day: 10,000 a day on
day 15, 100,000 on day 20. A day on which little was sent taught the providers little; it is
repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FIRST = 50
GROWTH = 1.5
#: A day counts when at least this share of its mails went.
COUNTS_FROM = 0.5
#: No forecast looks further.
LONGEST_DAYS = 3650


@dataclass(frozen=True)
class Plan:
    """A daily volume that grows from FIRST to `goal`."""

    goal: int
    step: int = 0
    """Days that counted so far."""
    used: int = 0
    """Mails that went today."""

    @property
    def today(self) -> int:
        """Mails that may go today, altogether."""
        return volume(self.goal, self.step)

    @property
    def left(self) -> int:
        """Mails that may still go today."""
        return max(0, self.today - self.used)

    @property
    def days(self) -> int:
        """How many days that count lie before the goal; on the last of them it is reached."""
        return next(step for step in range(LONGEST_DAYS) if volume(self.goal, step) >= self.goal)

    @property
    def is_through(self) -> bool:
        """Whether the goal was reached before today."""
        return self.step > self.days

    def next_day(self) -> Plan:
        """As the plan stands on the next day on which something is sent."""
        counts = self.used >= COUNTS_FROM * self.today
        return Plan(self.goal, self.step + counts)


def volume(goal: int, step: int) -> int:
    """Mails on a day: 50, 75, 113, 169, … and never more than the goal."""
    # Beyond this the power alone would be too large to be a number.
    return min(goal, round(FIRST * GROWTH ** min(step, 60)))


def volumes(plan: Plan) -> Iterator[int]:
    """What may go today and on the days after it, if each day is used."""
    yield plan.left
    step = plan.step + 1
    while True:
        yield volume(plan.goal, step)
        step += 1


def days_for(n: int, plans: Sequence[Sequence[Plan | None]]) -> int | None:
    """How many days `n` mails take, today included; None where no plan holds them up.

    Each of `plans` is a gate that every mail passes (the From domain, the servers); within a gate
    there may be several ways (servers), and a way without a plan has no limit.
    """
    gates = [[volumes(plan) for plan in gate if plan] for gate in plans if gate and all(gate)]
    if not gates or n <= 0:
        return None
    for day in range(1, LONGEST_DAYS):
        n -= min(sum(next(way) for way in gate) for gate in gates)
        if n <= 0:
            return day
    return LONGEST_DAYS
