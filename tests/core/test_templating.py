"""Dates as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, g

from app.core import templating
from app.core.clock import now


@pytest.fixture
def here(app: Flask) -> datetime:
    """Now, in the zone of an account at the edge of the day."""
    g.zone = ZoneInfo("Pacific/Auckland")
    return now().astimezone(g.zone).replace(hour=9, minute=5)


@pytest.mark.parametrize(("days", "words"), [(0, "today"), (-1, "yesterday"), (1, "tomorrow")])
def test_days_near_by_have_names(here: datetime, days: int, words: str) -> None:
    assert templating.moment(here + timedelta(days=days)) == f"{words} 09:05"


def test_what_is_to_come_has_its_hour_also_next_year(here: datetime) -> None:
    then = here.replace(year=here.year + 1, month=1, day=2)

    assert templating.moment(then) == f"2 Jan {then.year} 09:05"


def test_a_day_of_former_years_is_enough(here: datetime) -> None:
    then = here.replace(year=here.year - 1, month=1, day=2)

    assert templating.moment(then) == f"2 Jan {then.year}"
