"""When a campaign goes out, and how it is stopped: the moves of `models.MOVES`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.accounts import standing
from app.campaigns import checks, restored
from app.campaigns.archive import deciding
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.errors import Invalid, WrongState

HOLD_S = 60
MAX_HOLD_S = 86_400
MAX_AHEAD = timedelta(days=366)
#: Clocks differ, and a request takes a moment: "now" may arrive late.
JUST_PASSED = timedelta(seconds=30)
#: What people call the states.
NAMES = {
    "draft": "a draft",
    "scheduled": "scheduled",
    "held": "about to go out",
    "sending": "going out",
    "paused": "paused",
    "sent": "sent",
    "cancelled": "cancelled",
}


class CannotMove(WrongState):
    """The campaign is in a state that does not allow this."""

    def __init__(self, campaign: Campaign, verb: str) -> None:
        state = NAMES[campaign.state]
        super().__init__(f"“{campaign.name}” is {state}, so it cannot be {verb}.")


def schedule(campaign: Campaign, *, at: datetime | None = None, hold_s: int = 0) -> None:
    """Send a draft: at a time, after a hold, or at once.

    Raises `findings.NotReady` with the findings, CannotMove for anything but a draft, so that
    asking twice sends once.
    """
    if campaign.state != "draft":
        raise CannotMove(campaign, "sent again")
    checks.demand_ready(campaign, at)
    if at is not None:
        _check_time(at)
        moved = campaign.move("draft", to="scheduled", as_read=True, due_at=at)
    elif hold_s:
        if not 0 < hold_s <= MAX_HOLD_S:
            raise Invalid("A hold lasts from 1 second to 24 hours.", {"hold": ["Not so long."]})
        due_at = now() + timedelta(seconds=hold_s)
        moved = campaign.move("draft", to="held", as_read=True, due_at=due_at)
    else:
        moment = now()
        moved = campaign.move("draft", to="sending", as_read=True, due_at=moment, started_at=moment)
    if not moved:
        raise CannotMove(campaign, "sent again")
    deciding.going_out(campaign, campaign.due_at or now())


def take_back(campaign: Campaign) -> None:
    """Before it started: a draft again."""
    if not campaign.move("scheduled", "held", to="draft", due_at=None):
        raise CannotMove(campaign, "taken back")


def pause(campaign: Campaign, reason: str = "") -> None:
    """Stop sending; deliveries already claimed finish. `reason` is shown to the owner."""
    if not campaign.move("sending", to="paused", pause_reason=reason):
        raise CannotMove(campaign, "paused")


def resume(campaign: Campaign) -> None:
    """Go on where it stopped.

    Raises restored.NotConfirmed, standing.Barred, CannotMove; findings.NotReady where nobody got
    it yet, and the plan still has no room for it.
    """
    restored.demand_confirmed()
    standing.demand_sending(campaign.account)
    if campaign.state == "paused" and campaign.planned_at is None:
        checks.demand_room(campaign)
    if not campaign.move("paused", to="sending", pause_reason=""):
        raise CannotMove(campaign, "resumed")


def cancel(campaign: Campaign) -> None:
    """Never send what has not gone yet."""
    if not campaign.move(
        "scheduled", "held", "sending", "paused", to="cancelled", finished_at=now()
    ):
        raise CannotMove(campaign, "cancelled")


def finish(campaign: Campaign) -> bool:
    """Nothing is left to send; False when it was not sending (any more)."""
    return campaign.move("sending", to="sent", finished_at=now())


def local_moment(day_and_time: datetime, zone: ZoneInfo) -> datetime:
    """A wall clock's time in a zone, as a moment.

    Raises Invalid for a time that the clocks jump over. A time that comes twice is the first one.
    """
    local = day_and_time.replace(tzinfo=zone, fold=0)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != day_and_time.replace(tzinfo=None):
        after = moment.astimezone(zone)
        message = (
            f"On {after.day} {after:%B %Y} the clocks jump over {day_and_time:%H:%M}: that time "
            f"does not exist in {zone.key}. {after:%H:%M} does."
        )
        raise Invalid(message, {"at": [message]})
    return moment


def comes_twice(day_and_time: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks go back over that time, so that it comes twice."""
    naive = day_and_time.replace(tzinfo=None)
    first = naive.replace(tzinfo=zone, fold=0).utcoffset()
    return first != naive.replace(tzinfo=zone, fold=1).utcoffset() and (
        first is not None and local_exists(naive, zone)
    )


def local_exists(naive: datetime, zone: ZoneInfo) -> bool:
    """Whether a wall clock in that zone ever shows the time."""
    there = naive.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return there.replace(tzinfo=None) == naive


def _check_time(at: datetime) -> None:
    if at < now() - JUST_PASSED:
        message = "That time has passed. Pick a later one, or send now."
        raise Invalid(message, {"at": [message]})
    if at > now() + MAX_AHEAD:
        message = "That is more than a year away. Pick an earlier time."
        raise Invalid(message, {"at": [message]})
