"""The arithmetic of warm-up plans."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mailer.warming import Plan, days_for, volume


def test_it_begins_with_fifty_and_grows_by_half():
    assert [volume(10_000, step) for step in range(6)] == [50, 75, 112, 169, 253, 380]
    assert volume(10_000, 14) == 10_000
    assert volume(100_000, 19) == 100_000
    assert Plan(10_000).days == 14


@given(goal=st.integers(100, 10_000_000), step=st.integers(0, 5000))
def test_no_day_has_more_than_twice_the_day_before(goal, step):
    assert 0 < volume(goal, step) <= volume(goal, step + 1) <= min(goal, 2 * volume(goal, step))


def test_a_day_that_was_hardly_used_is_repeated():
    assert Plan(5000, 3, used=169).next_day() == Plan(5000, 4)
    assert Plan(5000, 3, used=85).next_day() == Plan(5000, 4)
    assert Plan(5000, 3, used=84).next_day() == Plan(5000, 3)


def test_it_is_through_when_a_day_at_the_goal_counted():
    last = Plan(100, 2, used=100)
    assert last.today == 100
    assert not last.is_through
    assert last.next_day().is_through


@pytest.mark.parametrize(
    ("mails", "gates", "days"),
    [
        (50, [[Plan(5000)]], 1),
        (51, [[Plan(5000)]], 2),
        (125, [[Plan(5000)]], 2),
        (126, [[Plan(5000)]], 3),
        (10, [[Plan(5000, 0, used=50)]], 2),
        # A server without a plan takes what the others may not.
        (9999, [[None], [Plan(5000), None]], None),
        (100, [[None], [Plan(5000), Plan(5000)]], 1),
        # The narrowest gate decides.
        (100, [[Plan(5000)], [Plan(5000, 5), Plan(5000, 5)]], 2),
        (9999, [[None], []], None),
        (0, [[Plan(5000)]], None),
    ],
)
def test_how_many_days_a_campaign_takes(mails, gates, days):
    assert days_for(mails, gates) == days
