"""A campaign in parts: to as many as limits allow now, and to the rest with a campaign of its own.

The first part takes those who came first; the rest is whoever of the audience had none of the
parts before, so that nobody gets two and nobody is forgotten, whoever joins meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from app.accounts import ladder
from app.campaigns import composing
from app.campaigns.models import Campaign
from app.core.db import db
from app.core.errors import WrongState
from app.plans import allowance
from app.plans.catalogue import plan_of


@dataclass(frozen=True)
class Part:
    """What could go now of a campaign that is too large."""

    number: int
    rest: int
    why: str


def offer(campaign: Campaign, number: int) -> Part | None:
    """The largest part that no limit stops; None where all of `number` may go, or nobody."""
    stops = [(most, why) for most, why in _limits(campaign) if most < number]
    if not stops:
        return None
    most, why = min(stops)
    return Part(most, number - most, why) if most else None


def _limits(campaign: Campaign) -> list[tuple[int, str]]:
    found = []
    per_campaign = ladder.limits(campaign.account).per_campaign
    if per_campaign is not None:
        found.append((per_campaign, f"A campaign may have {per_campaign:,} people at your step."))
    left = allowance.left(campaign.account)
    if left is not None:
        plan = plan_of(campaign.account).name
        found.append((left, f"Your plan {plan} has {left:,} mails left this month."))
    return found


def follower(campaign: Campaign) -> Campaign | None:
    """The campaign to the rest, where there is one."""
    return db.session.scalar(sa.select(Campaign).where(Campaign.follows_id == campaign.id))


def has_rest(campaign: Campaign) -> bool:
    """Whether it went to some of its audience only."""
    return campaign.at_most is not None and campaign.planned_at is not None


def rest(campaign: Campaign, *, by: int | None = None) -> Campaign:
    """A draft with the same content to everybody else; the one that there is, where there is one.

    Raises WrongState for a campaign that goes to all, or whose people are not written yet.
    """
    if not has_rest(campaign):
        raise WrongState("This campaign goes to everybody, or has not begun. There is no rest.")
    if (known := follower(campaign)) is not None:
        return known
    copy = composing.duplicate(campaign, by=by)
    copy.name, copy.follows_id = f"{campaign.name[:190]} (rest)", campaign.id
    db.session.flush()
    return copy
