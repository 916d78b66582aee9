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

    name: str
    mails: int
    days: int


def under(account: Account, key: str, plan: Plan) -> list[Coming]:
    """The newest campaigns on their way that a plan for `key` would hold up."""
    campaigns = db.session.scalars(
        sa.select(Campaign)
        .where(Campaign.account_id == account.id, Campaign.state.in_(STATES))
        .order_by(Campaign.id.desc())
        .limit(AT_MOST)
    ).all()
    found = []
    for campaign in campaigns:
        is_planned = campaign.planned_at is not None
        mails = tallying.still_open(campaign.id) if is_planned else numbers.numbers(campaign).count
        days = warming.days_for(account.id, campaign.from_email, mails, new=(key, plan))
        if days and days != warming.days_for(account.id, campaign.from_email, mails):
            found.append(Coming(campaign.name, mails, days))
    return found
