"""What a warm-up plan would mean for the campaigns that are on their way."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from app.accounts import warming
from app.accounts.models import Account
from app.campaigns import numbers
from app.campaigns.models import Campaign
from app.core.db import db
from app.delivery import tallying
from app.mailer.warming import Plan

STATES = ("sending", "paused", "scheduled", "held")
AT_MOST = 5


@dataclass(frozen=True)
class Coming:
    """A campaign, how many of its mails have still to go, and how long that takes."""

    campaign: Campaign
    mails: int | None
    """None where nobody counted yet."""
    days: int
    is_old: bool = False
    """It is to be counted again."""


def under(account: Account, key: str, plan: Plan) -> list[Coming]:
    """The newest campaigns on their way that a plan for `key` would hold up, and those of which
    nobody can tell yet; of those and of what is old, have a worker count."""
    campaigns = db.session.scalars(
        sa.select(Campaign)
        .where(Campaign.account_id == account.id, Campaign.state.in_(STATES))
        .order_by(Campaign.id.desc())
        .limit(AT_MOST)
    ).all()
    found = []
    for campaign in campaigns:
        mails, is_old = _to_go(campaign)
        if mails is None:
            found.append(Coming(campaign, None, 0, is_old=True))
            continue
        days = warming.days_for(account.id, campaign.from_email, mails, new=(key, plan))
        if days and days != warming.days_for(account.id, campaign.from_email, mails):
            found.append(Coming(campaign, mails, days, is_old=is_old))
    return found


def _to_go(campaign: Campaign) -> tuple[int | None, bool]:
    """How many mails, and whether that is to be counted again; nothing many is counted here."""
    if campaign.planned_at is not None:
        return tallying.still_open(campaign.id), False
    reached = numbers.shown(campaign)
    return (reached.count, reached.is_old) if reached else (None, True)
