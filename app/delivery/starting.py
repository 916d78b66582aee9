"""Campaigns that are due: started by one condition, then planned."""

from __future__ import annotations

import sqlalchemy as sa

from app.accounts import standing
from app.campaigns import content, limits, scheduling
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.delivery import linking, planning, sending, tallying
from app.plans import allowance
from app.plans.allowance import OverLimit


def start_due() -> list[int]:
    """Start what is due; returns campaigns that have to be planned."""
    moment = now()
    with transaction():
        started = db.session.scalars(
            sa.update(Campaign)
            .where(
                Campaign.state.in_(("scheduled", "held")),
                Campaign.due_at <= moment,
                standing.may_send(Campaign.account_id),
            )
            .values(state="sending", started_at=moment, updated_at=moment)
            .returning(Campaign.id)
            .execution_options(synchronize_session=False)
        ).all()
    unplanned = db.session.scalars(
        sa.select(Campaign.id)
        .where(
            Campaign.state == "sending",
            Campaign.planned_at.is_(None),
            standing.may_send(Campaign.account_id),
        )
        .order_by(Campaign.id)
        .limit(100)
    ).all()
    db.session.rollback()
    return sorted({*started, *unplanned})


def plan(campaign_id: int) -> int:
    """Keep the links, write the Deliveries; returns how many were new.

    Twice, or by two at once, does no harm. A campaign with nobody is over at once.
    """
    campaign = db.session.get(Campaign, campaign_id, populate_existing=True)
    if campaign is None or campaign.planned_at or campaign.state != "sending":
        return 0
    try:
        limits.demand_contacts(campaign.account)
        with transaction():
            linking.keep(campaign, content.compile(campaign))
        added = planning.plan(campaign)
    except OverLimit as error:
        _pause(campaign, str(error), waits=True)
        return 0
    except DomainError as error:
        _pause(campaign, str(error))
        return 0
    with transaction():
        if added:
            tallying.note(campaign_id, f"Planned: {added:,} recipients.")
        sending.finish_if_over(campaign_id)
    return added


def _pause(campaign: Campaign, reason: str, *, waits: bool = False) -> None:
    campaign_id, account_id = campaign.id, campaign.account_id
    try:
        with transaction():
            scheduling.pause(campaign, reason)
            tallying.note(campaign_id, f"Paused: {reason}")
            if waits:
                allowance.note_waiting(account_id, campaign_id)
    except scheduling.CannotMove:
        return  # somebody else was faster
