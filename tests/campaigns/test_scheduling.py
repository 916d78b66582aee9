"""When a campaign goes out: every move that is allowed, and none that is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from app.campaigns import checks, scheduling
from app.campaigns.models import MOVES, STATES, Campaign
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid, WrongState

Draft = Callable[..., Campaign]
BERLIN = ZoneInfo("Europe/Berlin")


def put(campaign: Campaign, state: str) -> None:
    with transaction():
        db.session.execute(
            sa.update(Campaign).where(Campaign.id == campaign.id).values(state=state)
        )
    db.session.expire_all()


VERBS: dict[str, tuple[Callable[[Campaign], object], str, tuple[str, ...]]] = {
    "send": (scheduling.schedule, "sending", ("draft",)),
    "hold": (lambda c: scheduling.schedule(c, hold_s=60), "held", ("draft",)),
    "schedule": (
        lambda c: scheduling.schedule(c, at=now() + timedelta(days=1)), "scheduled", ("draft",),
    ),
    "take_back": (scheduling.take_back, "draft", ("scheduled", "held")),
    "pause": (lambda c: scheduling.pause(c, "Too many bounces."), "paused", ("sending",)),
    "resume": (scheduling.resume, "sending", ("paused",)),
    "cancel": (
        scheduling.cancel, "cancelled", ("scheduled", "held", "sending", "paused"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_moves_from_its_states_and_from_no_other(
    draft: Draft, verb: str, state: str
) -> None:
    campaign = draft()
    put(campaign, state)
    act, to, origins = VERBS[verb]

    if state in origins:
        with transaction():
            act(campaign)
        assert campaign.state == to
    else:
        with pytest.raises(WrongState), transaction():
            act(campaign)
        assert campaign.state == state


@pytest.mark.parametrize("origin", STATES)
@pytest.mark.parametrize("to", STATES)
def test_a_move_outside_the_table_is_an_error(draft: Draft, origin: str, to: str) -> None:
    campaign = draft()
    put(campaign, origin)

    if to in MOVES[origin]:
        with transaction():
            assert campaign.move(origin, to=to)
        assert campaign.state == to
    else:
        with pytest.raises(ValueError, match="never goes"), transaction():
            campaign.move(origin, to=to)


def test_finishing_is_only_for_what_is_sending(draft: Draft) -> None:
    campaign = draft()
    put(campaign, "sending")

    with transaction():
        assert scheduling.finish(campaign)
        assert not scheduling.finish(campaign)

    assert campaign.finished_at is not None


def test_moments_are_noted(draft: Draft) -> None:
    campaign = draft()

    with transaction():
        scheduling.schedule(campaign, hold_s=90)
    assert campaign.due_at is not None
    assert timedelta(seconds=80) < campaign.due_at - now() < timedelta(seconds=91)
    with transaction():
        scheduling.take_back(campaign)
    assert campaign.due_at is None
    with transaction():
        scheduling.schedule(campaign)
        scheduling.pause(campaign, "Too many bounces.")
    assert campaign.started_at is not None
    assert campaign.pause_reason == "Too many bounces."
    with transaction():
        scheduling.resume(campaign)
    assert campaign.pause_reason == ""


def test_what_is_not_ready_does_not_go(draft: Draft) -> None:
    campaign = draft(subject="", lists=[])

    with pytest.raises(checks.NotReady) as caught, transaction():
        scheduling.schedule(campaign)

    assert {finding.code for finding in caught.value.findings} == {"subject", "people"}
    assert campaign.state == "draft"


@pytest.mark.parametrize("at", [timedelta(minutes=-1), timedelta(days=400)])
def test_a_time_in_the_past_or_far_away_is_refused(draft: Draft, at: timedelta) -> None:
    with pytest.raises(Invalid), transaction():
        scheduling.schedule(draft(), at=now() + at)


def test_a_hold_has_an_end(draft: Draft) -> None:
    with pytest.raises(Invalid), transaction():
        scheduling.schedule(draft(), hold_s=90_000)


def test_a_local_time_becomes_a_moment() -> None:
    moment = scheduling.local_moment(datetime(2026, 7, 1, 9, 30), BERLIN)  # noqa: DTZ001 - a wall clock

    assert moment == datetime(2026, 7, 1, 7, 30, tzinfo=UTC)


def test_a_time_that_the_clocks_jump_over_is_told() -> None:
    with pytest.raises(Invalid, match=r"clocks jump over 02:30.*03:30 does"):
        scheduling.local_moment(datetime(2026, 3, 29, 2, 30), BERLIN)  # noqa: DTZ001 - a wall clock


def test_a_time_that_comes_twice_is_the_first_one() -> None:
    twice = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001 - a wall clock

    assert scheduling.local_moment(twice, BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert scheduling.comes_twice(twice, BERLIN)
    assert not scheduling.comes_twice(datetime(2026, 3, 29, 2, 30), BERLIN)  # noqa: DTZ001
    assert not scheduling.comes_twice(datetime(2026, 7, 1, 2, 30), BERLIN)  # noqa: DTZ001


def test_a_time_that_passed_on_the_way_means_now(draft: Draft) -> None:
    campaign = draft()

    with transaction():
        scheduling.schedule(campaign, at=now() - timedelta(seconds=5))

    assert campaign.state == "scheduled"
